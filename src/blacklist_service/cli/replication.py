"""What `doctor` reports about an external database's replicas: whether a commit waits for one, and settings known to be
unsafe.
"""

from dataclasses import dataclass

from blacklist_service.database.connections import Connection

LOOK = """
SELECT current_setting('synchronous_standby_names') AS names, current_setting('synchronous_commit') AS waits_for,
       (SELECT count(*) FROM pg_stat_get_wal_senders()) AS standbys,
       current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' AS is_durable,
       current_setting('wal_log_hints') = 'on' OR current_setting('data_checksums') = 'on' AS is_rewindable,
       (SELECT array_agg(DISTINCT application_name) FROM pg_stat_activity
        WHERE application_name LIKE 'Patroni%') AS keepers
"""
WAITS_FOR_NOBODY = frozenset({"off", "local"})
OF_EARLY_PATRONI = ["Patroni"]
"""The application name that early versions of Patroni use for all connections; later ones name the purpose ('Patroni
heartbeat').
"""

NOT_DURABLE = "fsync or full_page_writes is off: what was answered is lost with the power; set both on"
NOT_WAITING = (
    "synchronous_commit is {waits_for} for this login, so no commit waits for the standbys that"
    " synchronous_standby_names asks for: ALTER ROLE … RESET synchronous_commit"
)
NOBODY_THERE = "no standby is connected, and every commit waits for one: nothing is answered until one is back"
ASYNCHRONOUS = (
    "what was answered a moment before the primary is lost may be lost with it: set synchronous_standby_names"
    " (Patroni: synchronous_mode: quorum)"
)
ONLY_RECEIVED = (
    "a standby has received what was answered, and not yet written it to its disk: synchronous_commit = on is safer"
)
EARLY_PATRONI = (
    "this looks like a Patroni before 3.2: one before 3.0.3 with etcd's v3 API loses what was answered when a primary that"
    " stood still wakes up; use Patroni 4, or its `etcd` API (docs/cluster.md)"
)
NOT_REWINDABLE = "a primary that was replaced cannot be rewound: use data checksums, or set wal_log_hints = on"


@dataclass(frozen=True, slots=True)
class Replicas:
    names: str
    waits_for: str
    standbys: int
    is_durable: bool
    is_rewindable: bool
    keepers: list[str] | None

    @property
    def seen(self) -> str:
        """A summary in a few words."""
        kept = ", kept by Patroni" if self.keepers else ""
        if not self.names:
            return f"commits wait for no standby; {self.standbys} connected{kept}"
        return f"commits wait for {self.names} ({self.waits_for}); {self.standbys} connected{kept}"

    @property
    def fault(self) -> str | None:
        if not self.is_durable:
            return NOT_DURABLE
        if self.names and self.waits_for in WAITS_FOR_NOBODY:
            return NOT_WAITING.format(waits_for=self.waits_for)
        return NOBODY_THERE if self.names and not self.standbys else None

    @property
    def advice(self) -> str | None:
        has_standbys = self.standbys > 0 or self.keepers is not None
        found = {
            ASYNCHRONOUS: has_standbys and not self.names,
            ONLY_RECEIVED: bool(self.names) and self.waits_for == "remote_write",
            EARLY_PATRONI: self.keepers == OF_EARLY_PATRONI,
            NOT_REWINDABLE: has_standbys and not self.is_rewindable,
        }
        return "; ".join(sentence for sentence, is_so in found.items() if is_so) or None


async def find_replicas(connection: Connection) -> Replicas:
    row = await connection.fetchrow(LOOK)
    assert row is not None  # noqa: S101 - a SELECT without FROM
    return Replicas(**row)
