"""Periodic tasks on notices."""

import orjson
import structlog

from blacklist_service.assistance.operations import escalate_notice
from blacklist_service.assistance.rules import MINUTES_TO_ACKNOWLEDGE
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.queries import database_clock
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind, read_identifier
from blacklist_service.subjects.keys import Subject, listed_keys

log = structlog.get_logger()


async def digest_notices(connection: Connection, secrecy: Secrecy) -> None:
    """Give live stop notices the keys of the current digest rules, beside those they have.

    Under the lock that every act on a notice takes: otherwise a concurrent release would leave the new keys alive.
    """
    await connection.execute("SELECT FROM heads WHERE name = 'notices' FOR UPDATE")
    rows = await connection.fetch(
        """
        SELECT id, secret, ARRAY(SELECT digest FROM notice_keys k WHERE k.notice_id = n.id AND k.is_live) AS held
        FROM notices n WHERE EXISTS (SELECT FROM notice_keys k WHERE k.notice_id = n.id AND k.is_live)
        """
    )
    digester, cipher = Digester(secrecy.digest_key), secrecy.cipher("notices")
    today = legal_date(await database_clock(connection))
    lacking = []
    for row in rows:
        sent = orjson.loads(cipher.open(row["secret"], row["id"].bytes))["subject"]
        kind, number = SubjectKind(sent["kind"]), sent.get("identifier")
        identifier = (
            read_identifier(kind, IdentifierType(number["type"]), number["number"], today=today) if number else None
        )
        keys = listed_keys(Subject(kind, sent["name"], identifier), digester)
        lacking += [(key.digest, row["id"], int(key.kind)) for key in keys if key.digest not in row["held"]]
    await connection.executemany("INSERT INTO notice_keys (digest, notice_id, kind) VALUES ($1, $2, $3)", lacking)


async def escalate_emergencies(connection: Connection, secrecy: Secrecy) -> bool:
    """Escalate one emergency that was not acknowledged in time; return whether there may be more."""
    row = await connection.fetchrow(
        """
        SELECT id, agency, court_code FROM notices
        WHERE urgency = 'emergency' AND acknowledged_at IS NULL AND escalated_at IS NULL AND released_at IS NULL
          AND served_at < clock_timestamp() - make_interval(mins => $1)
        ORDER BY served_at LIMIT 1
        """,
        MINUTES_TO_ACKNOWLEDGE,
    )
    if row is None:
        return False
    await escalate_notice(connection, row, secrecy=secrecy)
    log.error("notice_escalated", member=row["agency"])
    return True
