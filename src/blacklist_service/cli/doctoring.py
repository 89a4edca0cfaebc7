"""`doctor`: a one-page report of what is wrong. It changes nothing, except that it records an operator's confirmation of the
date.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from blacklist_service.access.principals import Actor
from blacklist_service.audit.stuck_jobs import count_stuck_jobs
from blacklist_service.cli.environment import Workplace, database_of, run
from blacklist_service.cli.replication import find_replicas
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.duties import LOGIN, powers_of
from blacklist_service.database.embedded.account import OWN_USER, choose_account
from blacklist_service.database.embedded.binaries import find_major
from blacklist_service.database.embedded.layout import Layout
from blacklist_service.database.installation import NotReadyError, verify_installation
from blacklist_service.database.room import FEWEST_MONTHS_AHEAD, LEAST_FREE_SHARE, free_share, months_ahead
from blacklist_service.database.sessions import APPLICATION_ROLE, is_pooled
from blacklist_service.ledger.completeness import count_lost
from blacklist_service.ledger.log import find_log, published_size, sealing_state
from blacklist_service.ledger.notes import Checkpoint, NoteError
from blacklist_service.ledger.order import count_displaced
from blacklist_service.ledger.queries import database_clock
from blacklist_service.ledger.signing import SealingPlace, read_anchor
from blacklist_service.listings.calendar import confirm_date, find_confirmed_date, find_standing
from blacklist_service.measures.editions import is_same
from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.measures.queries import get_catalogue, get_measures_version, newest_founding_edition
from blacklist_service.secrecy import Secrecy, SecretKeyError
from blacklist_service.settings import Settings
from blacklist_service.webhooks.queries import count_states, list_untold
from blacklist_service.webhooks.rules import LATE

BEHIND = timedelta(seconds=60)
CLOCKS_APART = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """A check of `doctor`. `fault` says what is wrong and what to do about it; None if all is well."""

    what: str
    seen: str
    fault: str | None = None
    advice: str | None = None
    """What should be done although nothing is wrong."""


def examine(settings: Settings) -> list[DoctorFinding]:
    found = [_look("secret key", lambda: _secret_key(settings)), _look("signing key", lambda: _signing_key(settings))]
    found.append(_disk(settings))
    if settings.is_embedded and find_major(Layout.of(settings.data_dir).cluster) is None:
        return [*found, DoctorFinding("database", "none", "there is no database here: 'serve' makes one")]
    with database_of(settings) as dsn:
        return [*found, *run(_examine_database(settings, dsn))]


def page(findings: list[DoctorFinding]) -> str:
    return "\n".join(
        f"{_mark(one)}  {one.what:12} {one.seen}" + (f"\n     -> {said}" if (said := one.fault or one.advice) else "")
        for one in findings
    )


def _mark(finding: DoctorFinding) -> str:
    if finding.fault is not None:
        return "BAD"
    return "ok " if finding.advice is None else "!  "


async def _examine_database(settings: Settings, dsn: str) -> list[DoctorFinding]:
    connection = await connect(dsn, application_name="blacklist-service doctor")
    try:
        between = " behind a connection pooler in session mode" if await is_pooled(connection) else ""
        version = f"PostgreSQL {connection.get_server_version().major}{between}"
        found = [DoctorFinding("database", version), await _clock(connection)]
        try:
            secrecy = settings.load_secrecy()
        except SecretKeyError:
            return found  # reported above
        found += await _duties(connection, settings)
        if not settings.is_embedded:
            replicas = await find_replicas(connection)
            found.append(DoctorFinding("replicas", replicas.seen, replicas.fault, replicas.advice))
        found.append(await _installation(connection, secrecy))
        if found[-1].fault is None:
            found += [
                await _partitions(connection),
                *await _sealing(connection, settings),
                await examine_jobs(connection),
            ]
            found.append(await _calendar(connection))
            found.append(await _measures(connection))
            found.append(await examine_telling(connection))
        return found
    finally:
        await connection.close()


def _look(what: str, look: Callable[[], str]) -> DoctorFinding:
    try:
        return DoctorFinding(what, look())
    except (SecretKeyError, OSError) as error:
        return DoctorFinding(what, "unusable", str(error))


def _secret_key(settings: Settings) -> str:
    settings.load_secrecy()
    return "at hand"


def _signing_key(settings: Settings) -> str:
    return f"{len(SealingPlace.of(settings).load_keys())} at hand"


def _disk(settings: Settings) -> DoctorFinding:
    free = free_share(settings.data_dir)
    if free is None:
        return DoctorFinding("disk", "the data directory is not there")
    is_short = free < LEAST_FREE_SHARE
    return DoctorFinding(
        "disk", f"{free:.0%} free", "below 10 % the service reports not ready: free some space" if is_short else None
    )


async def _duties(connection: Connection, settings: Settings) -> list[DoctorFinding]:
    """What the serving logins are really able to do, and as whom an embedded server runs."""
    login = LOGIN if settings.is_embedded else await connection.fetchval("SELECT session_user::text")
    powers, group = await powers_of(connection, login), await powers_of(connection, APPLICATION_ROLE)
    still = await connection.fetchval(
        f"SELECT has_table_privilege('{APPLICATION_ROLE}', to_regclass('ledger_pending'), 'DELETE')"
    )
    advice = None
    if powers.excess is not None:
        advice = (
            f"{powers.excess}: run 'blacklist-service migrate', let BLACKLIST_DATABASE_URL name a login of its own (it made"
            f" {LOGIN}, which needs a password), and BLACKLIST_OWNER_DATABASE_URL the owner"
        )
    elif still:
        advice = "stop all processes of earlier versions, then run 'blacklist-service migrate' once again"
    seen = f"what serves logs in as {login} and acts as {APPLICATION_ROLE}"
    found = [DoctorFinding("duties", seen, group.excess, advice)]
    if settings.is_embedded:
        layout = Layout.of(settings.data_dir)
        account = choose_account(layout.cluster, layout.root)
        shared = f"other programs may run as {account.name}: useradd --system {OWN_USER}, then chown its files to it"
        found.append(DoctorFinding("server", f"runs as {account.name}", None, shared if account.is_shared else None))
    return found


async def _clock(connection: Connection) -> DoctorFinding:
    before = now()
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    apart = max(abs(theirs - before), abs(theirs - now())) if not before <= theirs <= now() else timedelta()
    fault = "the database's clock is not this machine's: synchronise both by NTP" if apart > CLOCKS_APART else None
    return DoctorFinding("clock", f"{apart.total_seconds():.1f} s apart", fault)


async def _calendar(connection: Connection) -> DoctorFinding:
    today = legal_date(await database_clock(connection))
    standing = await find_standing(connection, today, await find_confirmed_date(connection))
    fault = None
    if standing.is_unusual:
        fault = (
            f"more than {standing.usual} at once: if today is {today}, confirm it with 'doctor --confirm-date'; until then "
            "nothing of it is recorded, while checks go by the date in any case"
        )
    seen = f"{today}; {standing.surprising} fell due"
    return DoctorFinding(
        "calendar", seen + (f", {standing.too_early} ended too early" if standing.too_early else ""), fault
    )


async def confirm(workplace: Workplace, actor: Actor) -> date:
    """Record an operator's confirmation that today's date, by the database's clock, is right. Done as the owner, a login that
    no process uses.
    """
    connection = await connect(workplace.owner_dsn, role=None, application_name="blacklist-service doctor")
    try:
        async with connection.transaction():
            return await confirm_date(connection, actor=actor, secrecy=workplace.secrecy)
    finally:
        await connection.close()


async def _installation(connection: Connection, secrecy: Secrecy) -> DoctorFinding:
    try:
        await verify_installation(connection, secrecy)
    except NotReadyError as error:
        return DoctorFinding("schema, key", "do not fit", str(error))
    return DoctorFinding("schema, key", "fit this version and this key")


async def _partitions(connection: Connection) -> DoctorFinding:
    months = await months_ahead(connection)
    is_short = months < FEWEST_MONTHS_AHEAD
    return DoctorFinding("partitions", f"{months} months ahead", "let the background worker run" if is_short else None)


async def _sealing(connection: Connection, settings: Settings) -> list[DoctorFinding]:
    state, size = await sealing_state(connection), await published_size(connection)
    fault = state.refusal and f"{state.refusal} (says {state.host or 'a sealer'})"
    lost_entries = await count_lost(connection, since=timedelta(days=1))
    if fault is None and lost_entries:
        fault = (
            f"{lost_entries} entries of the last day are neither sealed nor waiting: somebody took them from the queue; a"
            " running sealer puts them back, ask who can alter tables"
        )
    displaced = await count_displaced(connection, since=timedelta(days=1))
    if fault is None and displaced:
        fault = (
            f"{displaced} entries found within a day bear another time than their place in the log: a clock was set back, or"
            " somebody wrote them; GET /v1/audit/entries?action=entries_displaced names them"
        )
    if fault is None and state.lag_seconds > BEHIND.total_seconds():
        fault = "nothing is being sealed: is 'serve' running?"
    place = SealingPlace.of(settings)
    try:
        anchor = read_anchor(place.anchor)
        seen = "missing" if anchor is None else await _anchored(connection, Checkpoint.parse(anchor.text))
        lost = f"{place.anchor} is missing: put it back, or run 'audit adopt-anchor'" if anchor is None else None
    except (NoteError, OSError):
        seen, lost = "unreadable", f"{place.anchor} holds no checkpoint: put it back"
    return [
        DoctorFinding("sealing", f"{size} entries sealed, {state.lag_seconds:.0f} s behind", fault),
        DoctorFinding("anchor", seen, lost),
    ]


async def _anchored(connection: Connection, held: Checkpoint) -> str:
    log = await find_log(connection)
    of_log = (
        "" if log is None or log.origin == held.origin else f" of the log {held.origin}, which {log.origin} follows"
    )
    return f"of {held.size} entries{of_log}"


async def examine_jobs(connection: Connection) -> DoctorFinding:
    waiting = await connection.fetchval(
        """
        SELECT (SELECT count(*) FROM imports WHERE state IN ('queued', 'running')
                AND queued_at < clock_timestamp() - interval '1 hour')
             + (SELECT count(*) FROM exports WHERE state IN ('queued', 'running')
                AND queued_at < clock_timestamp() - interval '1 hour')
        """
    )
    stuck = await count_stuck_jobs(connection)
    fault = "is the background worker running?" if waiting else None
    if stuck:
        fault = (
            "one of them ends the worker each time, or was given up: see the worker's log, GET /v1/imports, "
            "GET /v1/audit/exports"
        )
    return DoctorFinding("jobs", f"{waiting} older than an hour, {stuck} begun again and again", fault)


async def examine_telling(connection: Connection) -> DoctorFinding:
    """Units that were not notified for more than an hour, because a webhook fails or because nobody reads their events."""
    untold = await list_untold(connection, at=await database_clock(connection), late_after=LATE)
    states = await count_states(connection)
    seen = f"{sum(one.events for one in untold)} events untold; {_counted(states)}"
    late = [one for one in untold if one.late]
    if not late:
        failing = states.get("failing", 0)
        return DoctorFinding("telling", seen, None, "see GET /v1/webhooks?state=failing" if failing else None)
    units = ", ".join(one.member for one in late[:5]) + (" …" if len(late) > 5 else "")
    fault = f"{sum(one.late for one in late)} of them for more than an hour: {units}; see GET /v1/supervision/untold"
    return DoctorFinding("telling", seen, fault)


def _counted(states: Mapping[str, int]) -> str:
    return ", ".join(f"{number} webhooks {state}" for state, number in sorted(states.items())) or "no webhooks"


async def _measures(connection: Connection) -> DoctorFinding:
    """Whether a newer founding edition is available. That is no fault: the security officer decides when it comes into
    force.
    """
    version = await get_measures_version(connection)
    founding = founding_catalogue()
    is_known = founding.founding_edition <= await newest_founding_edition(connection)
    if is_known or is_same(await get_catalogue(connection, version), founding):
        return DoctorFinding("measures", f"version {version}")
    newer = f"a newer founding edition is available ({founding.founding_edition})"
    return DoctorFinding("measures", f"version {version}; {newer}: see 'measures apply --founding --dry-run'")
