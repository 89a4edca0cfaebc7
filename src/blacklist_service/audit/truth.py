"""Whether the ledger's columns show what its leaves were sealed with.

Somebody who may alter tables could change an operator, a mask or listings beside an unchanged leaf. The service can open the
leaf's commitment, so it verifies a row before it shows or exports it, and shows no altered row.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog

from blacklist_service.audit import verify_bundle
from blacklist_service.clock import wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import commitment
from blacklist_service.ledger.operations import ledger_cipher, private_context
from blacklist_service.problems import InternalError
from blacklist_service.secrecy import Secrecy, SecretKeyError

log = structlog.get_logger()

SECRETS = """
SELECT s.entry_id, s.salt, s.private
FROM unnest($1::timestamptz[], $2::uuid[]) AS asked (at, id)
CROSS JOIN LATERAL (SELECT * FROM ledger_secrets s WHERE s.at = asked.at AND s.entry_id = asked.id OFFSET 0) AS s
"""
IS_ERASED = """
SELECT NOT EXISTS (SELECT FROM ledger_secrets
                   WHERE at >= date_trunc('month', $1::timestamptz) AND at < date_trunc('month', $1) + interval '1 month')
"""

SEALED_LATER = frozenset({"request_id", "source_ip"})
"""What the sealed part contains since 0.6; for older entries, these columns are proved only as exported."""

ShownSubjects = Sequence[Mapping[str, Any]]
"""The subjects of an entry as shown: role and masks."""


class LedgerAltered(InternalError):  # noqa: N818 - the word says more than "error"
    """What the ledger shows is not what it was sealed with."""

    code = "ledger-altered"


async def require_true(
    connection: Connection,
    records: Sequence[asyncpg.Record],
    subjects_of: Callable[[asyncpg.Record], ShownSubjects],
    *,
    secrecy: Secrecy,
) -> None:
    """Raise `LedgerAltered`, and log the entry, for the first row that contradicts its leaf."""
    if not records:
        return
    rows = await connection.fetch(SECRETS, [one["at"] for one in records], [one["id"] for one in records])
    secrets = {row["entry_id"]: row for row in rows}
    for one in records:
        secret = secrets.get(one["id"])
        fault = next(_faults(one, subjects_of(one), secret, secrecy), None)
        if secret is None and fault is None and not await connection.fetchval(IS_ERASED, one["at"]):
            fault = "its sealed part was removed"
        if fault is not None:
            log.error("ledger_altered", where=str(one["id"]), cause=fault)
            raise LedgerAltered(
                f"entry {one['id']} was altered ({fault}): call who keeps the database, and the auditors"
            )


def require_entries(records: Sequence[asyncpg.Record], first: int, end: int) -> None:
    """Raise `LedgerAltered`, and log the place, unless each leaf from `first` to before `end` has its entry with its
    timestamp.
    """
    missing = set(range(first, end)) - {one["idx"] for one in records}
    if missing:
        log.error("ledger_altered", where=min(missing), cause="its entry was removed, or bears another instant")
        raise LedgerAltered(
            f"the entry of leaf {min(missing)} was removed, or bears another instant: "
            "call who keeps the database, and the auditors"
        )


def _faults(
    one: asyncpg.Record, subjects: ShownSubjects, secret: asyncpg.Record | None, secrecy: Secrecy
) -> Iterator[str]:
    leaf = orjson.loads(one["leaf"])
    for column, field in verify_bundle.PROVEN.items():
        if _wire(one, column) != leaf.get(field):
            yield f"{column} is not the leaf's"
    if secret is None:
        return
    try:
        sealed = ledger_cipher(secrecy, one["at"]).open(secret["private"], private_context(one["id"]))
    except SecretKeyError:
        yield "its sealed part does not open"
        return
    if commitment(secret["salt"], sealed) != leaf["private"]:
        yield "its sealed part is not the leaf's"
    private = orjson.loads(sealed)
    for column in ("operator", "reference"):
        if private.get(column) != one[column]:
            yield f"{column} is not what was sealed"
    if private.get("listings", []) != [str(listing_id) for listing_id in one["listing_ids"]]:
        yield "listing_ids are not what was sealed"
    for column in SEALED_LATER & private.keys():
        if private[column] != (None if one[column] is None else str(one[column])):
            yield f"{column} is not what was sealed"
    yield from _faults_of_subjects(subjects, private.get("subjects", []))


def _faults_of_subjects(subjects: ShownSubjects, sealed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(subjects) != len(sealed):
        yield "its subjects are not as many as were sealed"
        return
    for shown, named in zip(subjects, sealed, strict=True):
        name, number = named.get("name"), (named.get("identifier") or {}).get("number")
        if name is not None and not _fits(shown["name_masked"], name):
            yield "a name's mask is not what was sealed"
        if shown["identifier_masked"] is not None and (number is None or not _fits(shown["identifier_masked"], number)):
            yield "a number's mask is not what was sealed"


def _fits(mask: str, text: str) -> bool:
    """Whether a mask can belong to this text as it was sent; parsing it may have changed widths, case and dashes."""
    head, tail = mask.partition("*")[0], mask.rpartition("*")[2] if "*" in mask else ""
    folded = _folded(text)
    return folded.startswith(_folded(head)) and folded.endswith(_folded(tail))


def _folded(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKC", text).upper() if one.isalnum())


def _wire(one: asyncpg.Record, column: str) -> object:
    value = one["id"] if column == "entry_id" else one[column]
    if column == "at":
        return wire_instant(value)
    return str(value) if isinstance(value, UUID) else value
