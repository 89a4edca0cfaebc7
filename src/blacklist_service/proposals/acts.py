"""Carries out proposed acts: tried when proposed, carried out when approved."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID

from blacklist_service.access.desks import Desk
from blacklist_service.assistance.notice_requests import read_notice
from blacklist_service.assistance.operations import renew_notice, serve_notice
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.listings.import_queries import get_own_import
from blacklist_service.listings.operations.acts import correct_listing, extend_listing, publish_listing, resume_listing
from blacklist_service.listings.operations.carrying_out import Court, Done, require_court
from blacklist_service.listings.operations.contests import withdraw_contest
from blacklist_service.listings.operations.jobs import confirm_import
from blacklist_service.listings.preparing import Tools
from blacklist_service.listings.problems import ImportStateConflict
from blacklist_service.listings.publish_requests import read_publication
from blacklist_service.listings.queries import known_courts
from blacklist_service.listings.rules import Content, Warn
from blacklist_service.listings.schemas import PublishRequest
from blacklist_service.measures.operations import apply_measures, compare_catalogue
from blacklist_service.measures.rules import Catalogue
from blacklist_service.members.operations import create_key
from blacklist_service.problems import InvalidRequest
from blacklist_service.proposals.rules import ProposalAct
from blacklist_service.proposals.schemas import ProposalRequest


@dataclass(frozen=True, slots=True)
class ActOutcome:
    """The result of an act."""

    listing_id: UUID | None = None
    version: int | None = None
    list_version: int | None = None
    notice_id: UUID | None = None
    import_id: UUID | None = None
    key_id: str | None = None
    measures_version: int | None = None
    warnings: list[str] = field(default_factory=list)
    others: list[UUID] = field(default_factory=list)
    key: str | None = field(default=None, repr=False)
    """Shown once, to the person who approved it, and stored nowhere."""


@dataclass(frozen=True, slots=True)
class ProposalDesk(Desk):
    """Who proposes or decides, and with what; `key_environment` is the second word of a key."""

    key_environment: str = "live"


async def carry_out(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, decider: ProposalDesk
) -> ActOutcome:
    """Carry out the act in the maker's name; an import is confirmed in the decider's name, because the sender of a file
    cannot confirm it.
    """
    return await ACTS[asked.act](connection, asked, maker, decider)


async def try_out(connection: Connection, asked: ProposalRequest, desk: ProposalDesk) -> ActOutcome:
    """Carry out the act and roll it back: raise its refusal, return its warnings."""
    trial = connection.transaction()
    await trial.start()
    try:
        return await ACTS[asked.act](connection, asked, desk, None)
    finally:
        await trial.rollback()


async def _publish(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    publication = asked.given(asked.publication)
    court = court_at(maker)
    content, warnings = await read_listing(connection, publication, court, "/publication")
    return _of(await publish_listing(connection, content, court=court, warnings=warnings))


async def _correct(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    correction = asked.given(asked.correction)
    listing_id = asked.given(asked.listing_id)
    court = court_at(maker)
    content, warnings = await read_listing(connection, correction.listing, court, "/correction/listing")
    done = await correct_listing(
        connection,
        listing_id,
        content,
        expected_version=asked.version or 0,
        reason=correction.reason,
        court=court,
        warnings=warnings,
    )
    return _of(done)


async def _extend(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    extension = asked.given(asked.extension)
    listing_id = asked.given(asked.listing_id)
    with pointing_below("/extension"):
        done = await extend_listing(
            connection,
            listing_id,
            extension.expires_on,
            expected_version=asked.version or 0,
            decided_on=extension.decided_on,
            reason=extension.reason,
            court=court_at(maker),
        )
    return _of(done)


async def _resume(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    resumption = asked.given(asked.resumption)
    listing_id = asked.given(asked.listing_id)
    done = await resume_listing(
        connection,
        listing_id,
        expected_version=asked.version or 0,
        decided_on=resumption.decided_on,
        reason=resumption.reason,
        court=court_at(maker),
    )
    return _of(done)


async def _lift_contest(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    contest_withdrawal = asked.given(asked.contest_withdrawal)
    listing_id = asked.given(asked.listing_id)
    done = await withdraw_contest(
        connection,
        listing_id,
        expected_version=asked.version or 0,
        reason=contest_withdrawal.reason,
        court=court_at(maker),
    )
    return _of(done)


async def _renew(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    renewal = asked.given(asked.renewal)
    notice_id = asked.given(asked.notice_id)
    with pointing_below("/renewal"):
        notice = await renew_notice(
            connection,
            notice_id,
            valid_until=renewal.valid_until,
            ruling_number=renewal.ruling_number,
            desk=maker,
        )
    return ActOutcome(notice_id=notice.notice_id)


async def _import(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, decider: ProposalDesk | None
) -> ActOutcome:
    import_id = asked.given(asked.import_id)
    row = await get_own_import(connection, import_id, maker.caller.court_code)
    if row["state"] != "awaiting_confirmation":
        raise ImportStateConflict("only an import that awaits confirmation can be proposed")
    if decider is not None:
        court_code = maker.caller.court_code or ""
        await confirm_import(connection, import_id, court_code=court_code, actor=decider.actor, secrecy=maker.secrecy)
    return ActOutcome(import_id=import_id)


async def _serve(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    notice = asked.given(asked.notice)
    with pointing_below("/notice"):
        served = await serve_notice(connection, read_notice(notice), desk=maker)
    return ActOutcome(notice_id=served.notice_id)


async def _make_key(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    key = asked.given(asked.key)
    member = asked.given(asked.member)
    made = await create_key(
        connection,
        member_code=member,
        role=key.role,
        matters=key.matters,
        days=key.days,
        environment=maker.key_environment,
        actor=maker.actor,
        secrecy=maker.secrecy,
    )
    return ActOutcome(key_id=made.key_id, key=made.text)


async def _apply(
    connection: Connection, asked: ProposalRequest, maker: ProposalDesk, _: ProposalDesk | None
) -> ActOutcome:
    """Two people saw what it takes away, so the digest that one person would have to send is computed here."""
    catalogue = Catalogue.model_validate(asked.catalogue, from_attributes=True)
    shown = await compare_catalogue(connection, catalogue)
    applied = await apply_measures(
        connection,
        catalogue,
        actor=maker.actor,
        secrecy=maker.secrecy,
        expected_version=asked.version,
        confirm=shown.digest,
    )
    return ActOutcome(measures_version=applied.version)


CarryingOut = Callable[[Connection, ProposalRequest, ProposalDesk, ProposalDesk | None], Awaitable[ActOutcome]]
ACTS: Mapping[ProposalAct, CarryingOut] = {
    ProposalAct.PUBLISH: _publish,
    ProposalAct.CORRECT: _correct,
    ProposalAct.EXTEND: _extend,
    ProposalAct.IMPORT: _import,
    ProposalAct.STOP_NOTICE: _serve,
    ProposalAct.RESUME: _resume,
    ProposalAct.LIFT_CONTEST: _lift_contest,
    ProposalAct.RENEW_NOTICE: _renew,
    ProposalAct.KEY: _make_key,
    ProposalAct.CATALOGUE: _apply,
}


@contextmanager
def pointing_below(part: str) -> Iterator[None]:
    """Locations in an act's own body are translated: it is a part of the proposal's body."""
    try:
        yield
    except InvalidRequest as refused:
        errors = [replace(error, pointer=f"{part}{error.pointer}") for error in refused.errors]
        raise InvalidRequest(refused.detail, errors=errors) from None


def court_at(desk: ProposalDesk) -> Court:
    return Court(
        code=desk.caller.court_code or "",
        actor=desk.actor,
        secrecy=desk.secrecy,
        tools=Tools(desk.digester, desk.secrecy.cipher("listing")),
    )


async def read_listing(
    connection: Connection, asked: PublishRequest, court: Court, prefix: str
) -> tuple[Content, tuple[Warn, ...]]:
    require_court(asked.court.code, court)
    name = (await known_courts(connection)).name_of(court.code) or court.code
    return read_publication(asked, court_name=name, today=legal_date(now()), prefix=prefix)


def _of(done: Done) -> ActOutcome:
    return ActOutcome(
        listing_id=done.listing_id,
        version=done.version,
        list_version=done.list_version,
        warnings=done.warnings,
        others=list(done.others),
    )
