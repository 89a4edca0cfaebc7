"""Putting a new version of the measures in force."""

import hashlib
import tomllib
from importlib.resources import files

from pydantic import ValidationError

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import Action, Entry, canonical
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.measures.rules import Catalogue
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.secrecy import Secrecy


def read_catalogue(text: str) -> Catalogue:
    """Read a catalogue from TOML; raise `InvalidRequest` with every place that is wrong."""
    try:
        return Catalogue.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequest(f"the catalogue is not TOML: {error}") from None
    except ValidationError as error:
        places = [
            FieldError("/".join(map(str, e["loc"])), e["type"], e["msg"]) for e in error.errors(include_input=False)
        ]
        raise InvalidRequest("the catalogue is not complete", errors=places) from None


def founding_catalogue() -> Catalogue:
    return read_catalogue(files("blacklist_service.measures").joinpath("data/catalogue.toml").read_text("utf-8"))


async def apply_measures(connection: Connection, catalogue: Catalogue, *, actor: Actor, secrecy: Secrecy) -> int:
    """Put `catalogue` in force for every check that begins after the commit; return its version.

    The same catalogue again is the same version.
    """
    document = catalogue.model_dump(mode="json", by_alias=True)
    digest = hashlib.sha256(canonical(document)).digest()
    head = await connection.fetchrow("SELECT version FROM heads WHERE name = 'measures' FOR UPDATE")
    assert head is not None  # noqa: S101 - made by the migration
    if await connection.fetchval("SELECT sha256 FROM measures_versions WHERE version = $1", head["version"]) == digest:
        return int(head["version"])
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
    entry = Entry(Action.MEASURES_APPLIED, actor, measures_version=version, facts={"sha256": digest.hex()})
    await record(connection, [entry], at=now, secrecy=secrecy)
    return version
