"""The composed read of the log. `database/statements.py` explains when this is loaded; the sealing process does not load
it.
"""

from typing import Any

from sqlalchemy import Select, bindparam, exists, literal_column, select

from blacklist_service.ledger.models import ledger_checkpoints, ledger_cosignatures, ledger_log


def newest_checkpoint(*, is_cosigned: bool) -> Select[Any]:
    """With at least `size` leaves, and of the current log, not of one that was ended."""
    checkpoint = ledger_checkpoints.alias("c")
    since = select(ledger_log.c.since_size).scalar_subquery()
    found = select(checkpoint.c.size, checkpoint.c.note).where(
        checkpoint.c.size >= bindparam("size"), checkpoint.c.size >= since
    )
    if is_cosigned:
        found = found.where(exists().where(ledger_cosignatures.c.size == checkpoint.c.size))
    return found.order_by(checkpoint.c.size.desc()).limit(literal_column("1"))
