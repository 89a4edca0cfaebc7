"""Statements of the list's state (`GET /v1/list/statement`): parsed, verified, and checked for their age."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from blacklist_client.errors import Unverified
from blacklist_client.notes import ED25519, Note, VerifierKey

HEADER = "blacklist-service.list-statement/v1"
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the service's clock may be ahead of ours."""
_LINES = re.compile(
    re.escape(HEADER)
    + r"\norigin (?P<origin>\S+)\nversion (?P<version>0|[1-9][0-9]{0,18})\ncount (?P<count>0|[1-9][0-9]{0,18})"
    r"\nsha256 (?P<sha256>[0-9a-f]{64})\nat (?P<at>[0-9T:-]{19}Z)\nvalid_until (?P<valid_until>[0-9T:-]{19}Z)\n(?:[a-z].*\n)*"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """At `at` the list had `version`, and the set of the change feed held `count` listings, with this digest."""

    origin: str
    version: int
    count: int
    sha256: str
    at: datetime
    valid_until: datetime
    note: str


def read_statement(note: str, keys: Sequence[VerifierKey]) -> Statement:
    """Raise `Unverified` unless one of the log's `keys` signed it. Further lines are accepted: the signature covers them."""
    parsed = Note.parse(note)
    found = _LINES.fullmatch(parsed.text)
    if found is None:
        raise Unverified("not a statement of the list's state")
    if not parsed.signed_by(key for key in keys if key.name == found["origin"] and key.algorithm == ED25519):
        raise Unverified("the statement is not signed by a key of this log")
    at, valid_until = (_instant(found[name]) for name in ("at", "valid_until"))
    return Statement(
        found["origin"], int(found["version"]), int(found["count"]), found["sha256"], at, valid_until, note
    )


def require_current(statement: Statement, *, now: datetime) -> None:
    """Raise `Unverified` for one that is too old: somebody may be withholding newer ones."""
    if now > statement.valid_until:
        raise Unverified("the statement is too old: what is shown is not the list of now")
    require_not_ahead(statement, now=now)


def require_not_ahead(statement: Statement, *, now: datetime) -> None:
    """Raise `Unverified` if this machine's clock, or the service's, must be wrong."""
    if statement.at > now + CLOCKS_DIFFER:
        raise Unverified("the statement is of the future: one of the clocks is wrong")


def _instant(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Unverified("not a statement of the list's state") from None
