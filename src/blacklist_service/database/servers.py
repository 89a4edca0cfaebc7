"""Which server a session leads to, so that what was read on one is not confirmed by another (`database/fences.py`), and which
one is the newest primary.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

HISTORY = """
SELECT (SELECT system_identifier FROM pg_control_system()) AS system,
       CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END AS timeline
"""
"""The cluster, and the timeline: every promotion begins a new one. A standby that follows a promoted server reports the
former timeline until its next restartpoint, up to some minutes later; it never reports one that it has not reached.
"""
NOBODY_KNOWS = 0
NOT_TOLD = (
    *(asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError, asyncpg.FeatureNotSupportedError),
    asyncpg.ObjectNotInPrerequisiteStateError,
)
RESTORED_SECONDS = 60.0
"""When the newest primary has not been in use for this time, an earlier timeline is taken for a restored backup."""


@dataclass(frozen=True, slots=True)
class Server:
    """A run of a PostgreSQL server. What was read on one may be unknown to another, and to all of them after a failover."""

    started_at: datetime
    """To the microsecond, which tells servers apart."""
    system: int
    timeline: int
    is_standby: bool

    def confirms(self, source: "Server") -> bool:
        """Whether a commit on this server makes safe what was read on `source` before: commits are replicated in order, but
        only to those who follow this server.

        A standby may be on a later timeline than it reports. Then this server is a former primary, whose commits do not end:
        no replica confirms them.
        """
        is_known = self.system != NOBODY_KNOWS
        is_copy = source.is_standby and (source.system, source.timeline) == (self.system, self.timeline)
        return source == self or (is_known and is_copy)

    def is_replaced(self) -> bool:
        """Whether this process has had a session with a later primary of the same cluster."""
        newest = _newest_primaries.get(self.system)
        return newest is not None and self.timeline < newest.timeline and not self.is_standby


class _Seen(NamedTuple):
    """A primary's timeline, and when it was last in use, by the monotonic clock."""

    timeline: int
    at: float


_newest_primaries: dict[int, _Seen] = {}
"""Of those that this process has had sessions with, by cluster."""


def note_primary(server: Server) -> None:
    """Say that it is in use as the primary. An earlier timeline is of a former one, unless the newest has not been in use for
    long: then a backup was restored.
    """
    newest, at = _newest_primaries.get(server.system), time.monotonic()
    if newest is None or server.timeline >= newest.timeline or at - newest.at > RESTORED_SECONDS:
        _newest_primaries[server.system] = _Seen(server.timeline, at)


async def read_history(connection: Any) -> tuple[int, int]:
    """The cluster's identifier and the timeline; `NOBODY_KNOWS` of a server that tells neither, as some like PostgreSQL."""
    try:
        system, timeline = await connection.fetchrow(HISTORY)
    except NOT_TOLD:
        return NOBODY_KNOWS, 0
    return system, timeline


def server_of(connection: Any) -> Server:
    """The server that this session, or the one behind a pool's proxy, leads to as long as it lives."""
    server: Server = connection.server
    return server
