"""A proposal as people read it: beside what stands there now, numbers masked."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.listings import reading
from blacklist_service.listings.differences import Difference, count_alike, differences
from blacklist_service.listings.operations.acts import Court
from blacklist_service.listings.preparing import prepare
from blacklist_service.listings.problems import ListingNotFound
from blacklist_service.listings.queries import find_import
from blacklist_service.listings.schemas import CorrectionRequest, PublishRequest
from blacklist_service.measures.operations import compare_catalogue
from blacklist_service.measures.queries import get_measures_version
from blacklist_service.measures.rules import Catalogue
from blacklist_service.proposals.acts import ProposalDesk, court_at, get_own_import, read_listing
from blacklist_service.proposals.rules import OF_OFFICERS
from blacklist_service.proposals.schemas import ProposalRequest
from blacklist_service.subjects.identifiers import Identifier, SubjectKind, mask_identifier


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal's content as people compare it: numbers masked, beside what stands there now."""

    content: dict[str, Any]
    changes: list[Difference] = field(default_factory=list)
    alike: int = 0


def target_of(asked: ProposalRequest) -> UUID | None:
    """The listing or the import that it is about; None for what is not there yet."""
    return asked.listing_id or asked.import_id


async def find_base(connection: Connection, asked: ProposalRequest) -> int | None:
    """The version of what is proposed about, as it stands now; None where nothing stands yet."""
    if asked.listing_id is not None:
        version: int | None = await connection.fetchval("SELECT version FROM listings WHERE id = $1", asked.listing_id)
        return version
    if asked.catalogue is not None:
        return await get_measures_version(connection)
    if asked.import_id is not None:
        row = await find_import(connection, asked.import_id)
        return None if row is None else row["planned_at_version"]
    return None


async def find_number_to_type(
    connection: Connection, asked: ProposalRequest, desk: ProposalDesk
) -> tuple[SubjectKind, Identifier] | None:
    """The number that whoever approves types blind: that of a publication, and one that a correction changes."""
    listing = asked.publication or (asked.correction.listing if asked.correction else None)
    if listing is None:
        return None
    court = court_at(desk)
    content, _ = await read_listing(connection, listing, court, "")
    if content.identifier is None:
        return None
    if asked.listing_id is not None:
        held = await _held(connection, asked.listing_id, None, court)
        if held.number == content.identifier.number:
            return None
    return content.kind, content.identifier


async def show(connection: Connection, asked: ProposalRequest, desk: ProposalDesk, *, version: int | None) -> Shown:
    """For reading beside what its listing says at a version; None: as it stands now."""
    if asked.act in OF_OFFICERS:
        return await _show_to_officers(connection, asked, version)
    court = court_at(desk)
    if asked.publication is not None:
        return Shown(await _document(connection, asked.publication, court))
    if asked.correction is not None and asked.listing_id is not None:
        before = await _held(connection, asked.listing_id, version, court)
        return await _show_correction(connection, asked.correction, before, court)
    if asked.extension is not None and asked.listing_id is not None:
        held = (await _held(connection, asked.listing_id, version, court)).document
        after = held | {"expires_on": asked.extension.expires_on.isoformat()}
        said = asked.extension.model_dump(mode="json", exclude_none=True)
        return Shown(said, differences(held, after), count_alike(held, after))
    if asked.notice is not None:
        name = await connection.fetchval("SELECT name FROM members WHERE code = $1", asked.notice.agency)
        notice = asked.notice.model_dump(mode="json", exclude_none=True)
        return Shown(_masked(notice) | {"agency_name": name or asked.notice.agency})
    assert asked.import_id is not None  # noqa: S101 - its act's part
    row = await get_own_import(connection, asked.import_id, desk)
    sha256 = row["file_sha256"].hex() if row["file_sha256"] else None
    named = {name: row[name] for name in ("mode", "total", "file_name", "plan")}
    return Shown({"import_id": str(asked.import_id), "file_sha256": sha256} | named)


async def _show_to_officers(connection: Connection, asked: ProposalRequest, version: int | None) -> Shown:
    if asked.key is not None:
        return Shown({"member": asked.member} | asked.key.model_dump(mode="json", exclude_none=True))
    if version is not None:
        return Shown({"replaces": version})
    catalogue = Catalogue.model_validate(asked.catalogue, from_attributes=True)
    return Shown((await compare_catalogue(connection, catalogue)).wire)


async def title_of(connection: Connection, asked: ProposalRequest) -> tuple[str, str | None]:
    """The case, notice or file that it is about, and whose."""
    if asked.publication is not None:
        return asked.publication.case_number, asked.publication.debtor.name
    if asked.notice is not None:
        return asked.notice.number, asked.notice.subject.name
    if asked.listing_id is not None:
        row = await connection.fetchrow("SELECT case_number, debtor_name FROM listings WHERE id = $1", asked.listing_id)
        return (row["case_number"], row["debtor_name"]) if row else ("", None)
    if asked.key is not None:
        return f"{asked.member} {asked.key.role.value}", None
    if asked.catalogue is not None:
        return f"{asked.version}", None
    name = await connection.fetchval("SELECT file_name FROM imports WHERE id = $1", asked.import_id)
    return name or "", None


async def _show_correction(connection: Connection, asked: CorrectionRequest, held: "_Held", court: Court) -> Shown:
    content, _ = await read_listing(connection, asked.listing, court, "")
    after = orjson.loads(prepare(content, court.tools, loaded_on=legal_date(now())).document)
    number = content.identifier.number if content.identifier else None
    said = asked.model_dump(mode="json", exclude_none=True, exclude={"listing"}) | {"listing": after}
    is_other = held.number != number
    changes = differences(held.document, after, is_other_number=is_other)
    return Shown(said, changes, count_alike(held.document, after))


async def _document(connection: Connection, asked: PublishRequest, court: Court) -> dict[str, Any]:
    content, _ = await read_listing(connection, asked, court, "")
    document: dict[str, Any] = orjson.loads(prepare(content, court.tools, loaded_on=legal_date(now())).document)
    return document


@dataclass(frozen=True, slots=True)
class _Held:
    """What a listing says, and its debtor's complete number."""

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
