"""Putting a new version of the measures in force."""

import hashlib
import tomllib
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, canonical
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.measures.brake import ShownChange, require_confirmed, show
from blacklist_service.measures.editions import CatalogueFile, is_by_reference, is_same, nested
from blacklist_service.measures.queries import get_catalogue, get_measures_version
from blacklist_service.measures.rules import Catalogue, CatalogueDifference
from blacklist_service.problems import InvalidRequest, VersionMismatch
from blacklist_service.secrecy import Secrecy
from blacklist_service.web.bodies import parse_json, validate


def read_catalogue(text: str) -> Catalogue:
    """Parse a catalogue from TOML or JSON, nested or by reference; raise `InvalidRequest` with what is wrong."""
    try:
        # JSON mode, as over HTTP: a date may be a TOML date or a string.
        document = parse_json(text.encode()) if text.lstrip().startswith("{") else tomllib.loads(text)
        if isinstance(document, dict) and is_by_reference(document):
            document = nested(validate(CatalogueFile, orjson.dumps(document)))
        return validate(Catalogue, orjson.dumps(document))
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequest(f"the catalogue is not TOML: {error}") from None


MOST_CLEAR_BYTES = 16_384
"""A leaf has at most 64 KiB (C2SP tlog-tiles)."""


def founding_catalogue() -> Catalogue:
    return read_catalogue(files("blacklist_service.measures").joinpath("data/catalogue.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Applied:
    """The version in force, and what it changed; nothing if the same catalogue was already in force."""

    version: int
    difference: CatalogueDifference
    shown: ShownChange


async def compare_catalogue(connection: Connection, catalogue: Catalogue) -> ShownChange:
    """What `catalogue` would change; nothing is locked."""
    version = await get_measures_version(connection)
    held = await get_catalogue(connection, version)
    return show(held, catalogue, replaces=version, sha256=hashlib.sha256(_document_of(catalogue)).hexdigest())


def _document_of(catalogue: Catalogue) -> bytes:
    """Default values are left out, so that a previous version of the code can read it."""
    return canonical(catalogue.model_dump(mode="json", by_alias=True, exclude_defaults=True))


async def apply_measures(
    connection: Connection,
    catalogue: Catalogue,
    *,
    actor: Actor,
    secrecy: Secrecy,
    expected_version: int | None = None,
    is_dry_run: bool = False,
    confirm: str | None = None,
) -> Applied:
    """Put `catalogue` in force for every check that begins after the commit.

    The same catalogue again is the same version. Raise `VersionMismatch` if another version than expected is in force, and
    `ConfirmationNeeded` if something is taken away and `confirm` is not the digest of exactly that difference.
    """
    # Default values are left out, so that a previous version of the code can read it.
    document = catalogue.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    digest = hashlib.sha256(canonical(document)).digest()
    head = await connection.fetchrow("SELECT version FROM heads WHERE name = 'measures' FOR UPDATE")
    assert head is not None  # noqa: S101 - made by the migration
    if expected_version is not None and expected_version != head["version"]:
        raise VersionMismatch
    held = await get_catalogue(connection, head["version"])
    shown = show(held, catalogue, replaces=int(head["version"]), sha256=digest.hex())
    changes = shown.changes
    if is_dry_run or (head["version"] and is_same(held, catalogue)):
        return Applied(int(head["version"]), changes, shown)
    require_confirmed(shown, confirm)
    version, now = int(head["version"]) + 1, await database_clock(connection)
    await connection.executemany(
        "INSERT INTO matters (code, name, name_en) VALUES ($1, $2, $3)"
        " ON CONFLICT (code) DO UPDATE SET name = excluded.name, name_en = excluded.name_en",
        [(matter.code, matter.name, matter.name_en) for matter in catalogue.matters],
    )
    await connection.execute(
        "INSERT INTO measures_versions (version, sha256, catalogue, applied_at, applied_by) VALUES ($1, $2, $3, $4, $5)",
        *(version, digest, document, now, actor.member),
    )
    await connection.execute("UPDATE heads SET version = $1, changed_at = $2 WHERE name = 'measures'", version, now)
    facts, private = _told(changes)
    if shown.weakened:
        facts |= {"weakened": len(shown.weakened), "confirmed": shown.digest}
    entry = Entry(
        Action.MEASURES_APPLIED,
        actor,
        measures_version=version,
        facts={"sha256": digest.hex(), **facts},
        private=private,
    )
    await record(connection, [entry], at=now, secrecy=secrecy)
    return Applied(version, changes, shown)


def _told(changes: CatalogueDifference) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the leaf shows in clear text, and what it commits to: for a difference too long for a leaf, the leaf has only the
    codes.
    """
    codes = asdict(changes)
    if len(canonical(codes)) <= MOST_CLEAR_BYTES:
        return codes, {}
    counts = {name: len(value) if isinstance(value, tuple | list) else value for name, value in codes.items()}
    return counts, {"difference": codes}
