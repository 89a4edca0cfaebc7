"""The end of retention: a month's entries can no longer be linked to persons, and every proof remains valid."""

from datetime import date

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import Conflict, NotFound
from blacklist_service.secrecy import Secrecy


async def erase_month(
    owner: Connection, month: date, *, min_age_months: int, actor: Actor, secrecy: Secrecy
) -> tuple[int, int]:
    """Erase the secrets (salts, private parts, answers), the subjects and the references to them, of the month that begins on
    `month`; return how many secrets and subjects. Needs the owner's role and a transaction.

    The leaves stay, byte for byte: what they commit to can no longer be opened, nor guessed without the salt.
    """
    at = await database_clock(owner)
    if (at.year - month.year) * 12 + at.month - month.month <= min_age_months:
        raise Conflict(f"a month is kept until {min_age_months} months after its end")
    suffix = f"{month:%Y_%m}"
    if await owner.fetchval("SELECT to_regclass($1)", f"ledger_secrets_{suffix}") is None:
        raise NotFound("the ledger has no such month")
    await owner.execute(f"LOCK TABLE ledger_entries_{suffix} IN SHARE ROW EXCLUSIVE MODE")
    if await owner.fetchval(
        f"SELECT EXISTS (SELECT FROM ledger_pending p JOIN ledger_entries_{suffix} e ON e.id = ANY(p.entries))"
    ):
        raise Conflict("an entry of this month is not sealed yet")
    secrets = await owner.fetchval(f"SELECT count(*) FROM ledger_secrets_{suffix}")
    subjects = await owner.fetchval(f"SELECT count(*) FROM ledger_subjects_{suffix}")
    await owner.execute(f"TRUNCATE ledger_secrets_{suffix}, ledger_subjects_{suffix}")
    await owner.execute(
        f"""
        UPDATE ledger_entries_{suffix} SET listing_ids = '{{}}', reference = NULL
        WHERE listing_ids <> '{{}}' OR reference IS NOT NULL
        """
    )
    facts = {"month": f"{month:%Y-%m}", "secrets": secrets, "subjects": subjects}
    await record(owner, [Entry(Action.SECRETS_ERASED, actor, facts=facts)], at=at, secrecy=secrecy)
    return secrets, subjects
