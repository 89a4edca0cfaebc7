"""A proposal as people read it: compared with the current state, numbers masked."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.listings import reading
from blacklist_service.listings.differences import Difference, count_alike, differences
from blacklist_service.listings.import_queries import get_own_import
from blacklist_service.listings.operations.carrying_out import Court
from blacklist_service.listings.preparing import prepare
from blacklist_service.listings.problems import ListingNotFound
from blacklist_service.listings.schemas import PublishRequest
from blacklist_service.measures.operations import compare_catalogue
from blacklist_service.measures.rules import Catalogue
from blacklist_service.proposals.acts import ProposalDesk, court_at, read_listing
from blacklist_service.proposals.backdrops import Backdrop
from blacklist_service.proposals.queries import Proposal
from blacklist_service.proposals.rules import ProposalAct
from blacklist_service.proposals.schemas import ProposalRequest
from blacklist_service.subjects.case_numbers import read_case_number
from blacklist_service.subjects.identifiers import (
    Identifier,
    IdentifierType,
    SubjectKind,
    mask_identifier,
    read_identifier,
)


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """A proposal's content for comparison: numbers masked, with the current state beside it."""

    content: dict[str, Any]
    changes: list[Difference] = field(default_factory=list)
    alike: int = 0


@dataclass(frozen=True, slots=True)
class Typed:
    """The number that an approver types from the document without seeing it."""

    kind: SubjectKind
    identifier: Identifier


async def read_number(connection: Connection, asked: ProposalRequest, desk: ProposalDesk) -> Typed | None:
    """The debtor's number as the act parses it; None for an act that names none."""
    listing = asked.publication or (asked.correction.listing if asked.correction else None)
    if listing is None:
        return None
    content, _ = await read_listing(connection, listing, court_at(desk), "")
    return None if content.identifier is None else Typed(content.kind, content.identifier)


def number_to_type(proposal: Proposal, behind: Backdrop, *, today: date) -> Typed | None:
    """The number in a publication, and one that a correction changes."""
    if proposal.number is None:
        return None
    kind, type_, number = proposal.number
    identifier = read_identifier(SubjectKind(kind), IdentifierType(type_), number, today=today)
    if identifier is None or identifier.number == behind.number:
        return None
    return Typed(SubjectKind(kind), identifier)


def title_of(proposal: Proposal, behind: Backdrop) -> tuple[str, str | None]:
    """The case, notice or file it concerns, and whose; the case number as the listing will bear it."""
    given = proposal.given
    if "publication" in given:
        written = given["publication"]["case_number"]
        number = read_case_number(written)
        return number.text if number else written, given["publication"]["debtor"]["name"]
    if "notice" in given:
        return given["notice"]["number"], given["notice"]["subject"]["name"]
    if "key" in given:
        return f"{given['member']} {given['key']['role']}", None
    if "catalogue" in given:
        return f"{given['version']}", None
    return behind.title or "", behind.debtor


async def show(
    connection: Connection, asked: ProposalRequest, desk: ProposalDesk, *, version: int | None
) -> ShownProposal:
    """Compare it with the content of its listing at a version; with the current one if None."""
    return await SHOWN[asked.act](connection, asked, desk, version)


async def _show_publication(
    connection: Connection, asked: ProposalRequest, desk: ProposalDesk, _: int | None
) -> ShownProposal:
    publication = asked.given(asked.publication)
    return ShownProposal(await _document(connection, publication, court_at(desk)))


async def _show_correction(
    connection: Connection, asked: ProposalRequest, desk: ProposalDesk, version: int | None
) -> ShownProposal:
    correction = asked.given(asked.correction)
    listing_id = asked.given(asked.listing_id)
    court = court_at(desk)
    held = await _held(connection, listing_id, version, court)
    content, _ = await read_listing(connection, correction.listing, court, "")
    after = orjson.loads(prepare(content, court.tools, loaded_on=legal_date(now())).document)
    number = content.identifier.number if content.identifier else None
    said = correction.model_dump(mode="json", exclude_none=True, exclude={"listing"}) | {"listing": after}
    is_other = held.number != number
    changes = differences(held.document, after, is_other_number=is_other)
    return ShownProposal(said, changes, count_alike(held.document, after))


async def _show_extension(
    connection: Connection, asked: ProposalRequest, desk: ProposalDesk, version: int | None
) -> ShownProposal:
    extension = asked.given(asked.extension)
    listing_id = asked.given(asked.listing_id)
    held = (await _held(connection, listing_id, version, court_at(desk))).document
    after = held | {"expires_on": extension.expires_on.isoformat()}
    said = extension.model_dump(mode="json", exclude_none=True)
    return ShownProposal(said, differences(held, after), count_alike(held, after))


async def _show_as_said(_: Connection, asked: ProposalRequest, __: ProposalDesk, ___: int | None) -> ShownProposal:
    """It does not change the content of the listing."""
    part = asked.given(asked.resumption or asked.contest_withdrawal)
    return ShownProposal(part.model_dump(mode="json", exclude_none=True))


async def _show_import(
    connection: Connection, asked: ProposalRequest, desk: ProposalDesk, _: int | None
) -> ShownProposal:
    import_id = asked.given(asked.import_id)
    row = await get_own_import(connection, import_id, desk.caller.court_code)
    sha256 = row["file_sha256"].hex() if row["file_sha256"] else None
    named = {name: row[name] for name in ("mode", "total", "file_name", "plan")}
    return ShownProposal({"import_id": str(import_id), "file_sha256": sha256} | named)


async def _show_notice(
    connection: Connection, asked: ProposalRequest, _: ProposalDesk, __: int | None
) -> ShownProposal:
    notice = asked.given(asked.notice)
    name = await connection.fetchval("SELECT name FROM members WHERE code = $1", notice.agency)
    said = notice.model_dump(mode="json", exclude_none=True)
    return ShownProposal(_masked(said) | {"agency_name": name or notice.agency})


async def _show_renewal(
    connection: Connection, asked: ProposalRequest, _: ProposalDesk, version: int | None
) -> ShownProposal:
    """Compare it with the notice's last day as of a step of the notice; with the current one if None."""
    renewal = asked.given(asked.renewal)
    row = await connection.fetchrow(
        """
        SELECT n.number, n.case_number, n.agency, m.name AS agency_name, n.action, n.subject_name, n.identifier_masked,
               coalesce(e.valid_until, n.valid_until) AS bound_until
        FROM notices n JOIN members m ON m.code = n.agency
             LEFT JOIN notice_events e ON e.notice_id = n.id AND e.version = $2
        WHERE n.id = $1
        """,
        *(asked.notice_id, version),
    )
    assert row is not None  # noqa: S101 - what is proposed about a notice was tried on it
    said = renewal.model_dump(mode="json", exclude_none=True)
    before = row["bound_until"] and row["bound_until"].isoformat()
    notice = {name: row[name] for name in row.keys() if name != "bound_until"}  # noqa: SIM118 - of a record
    return ShownProposal(notice | said, [Difference("valid_until", before, said["valid_until"])])


async def _show_key(_: Connection, asked: ProposalRequest, __: ProposalDesk, ___: int | None) -> ShownProposal:
    key = asked.given(asked.key)
    return ShownProposal({"member": asked.member} | key.model_dump(mode="json", exclude_none=True))


async def _show_catalogue(
    connection: Connection, asked: ProposalRequest, _: ProposalDesk, version: int | None
) -> ShownProposal:
    if version is not None:
        return ShownProposal({"replaces": version})
    catalogue = Catalogue.model_validate(asked.catalogue, from_attributes=True)
    return ShownProposal((await compare_catalogue(connection, catalogue)).wire)


SHOWN: Mapping[
    ProposalAct, Callable[[Connection, ProposalRequest, ProposalDesk, int | None], Awaitable[ShownProposal]]
] = {
    ProposalAct.PUBLISH: _show_publication,
    ProposalAct.CORRECT: _show_correction,
    ProposalAct.EXTEND: _show_extension,
    ProposalAct.RESUME: _show_as_said,
    ProposalAct.LIFT_CONTEST: _show_as_said,
    ProposalAct.IMPORT: _show_import,
    ProposalAct.STOP_NOTICE: _show_notice,
    ProposalAct.RENEW_NOTICE: _show_renewal,
    ProposalAct.KEY: _show_key,
    ProposalAct.CATALOGUE: _show_catalogue,
}


async def _document(connection: Connection, asked: PublishRequest, court: Court) -> dict[str, Any]:
    content, _ = await read_listing(connection, asked, court, "")
    document: dict[str, Any] = orjson.loads(prepare(content, court.tools, loaded_on=legal_date(now())).document)
    return document


@dataclass(frozen=True, slots=True)
class _Held:
    """The content of a listing, and its debtor's complete number."""

    document: dict[str, Any]
    number: str | None


async def _held(connection: Connection, listing_id: UUID, version: int | None, court: Court) -> _Held:
    row = await reading.find_content(connection, listing_id, version)
    if row is None:
        raise ListingNotFound
    numbers = orjson.loads(court.tools.cipher.open(row["secret"], row["content_digest"]))
    return _Held(row["document"], numbers["identifier"])


def _masked(notice: dict[str, Any]) -> dict[str, Any]:
    subject = notice["subject"]
    if subject.get("identifier"):
        number = subject["identifier"].pop("number")
        subject["identifier"]["number_masked"] = mask_identifier(number)
    return notice
