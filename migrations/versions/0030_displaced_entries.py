"""Leaves whose place in the log does not fit their time."""

from blacklist_service.database.steps import expand

revision = "0030"
down_revision = "0029"

ORDER = """
-- How far the log was looked over, and the newest instant of the leaves that stand in order.
CREATE TABLE ledger_order (
    is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    looked_to  bigint NOT NULL DEFAULT 0,
    newest     timestamptz
);

INSERT INTO ledger_order DEFAULT VALUES;

-- Runs of leaves that bear another time than their neighbours; the worker notes each in an entry of the ledger.
CREATE TABLE ledger_displaced (
    first_idx  bigint PRIMARY KEY,
    end_idx    bigint NOT NULL CONSTRAINT ledger_displaced_end_idx_check CHECK (end_idx > first_idx),
    earliest   timestamptz NOT NULL,
    latest     timestamptz NOT NULL,
    found_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    noted_by   uuid
);

GRANT SELECT ON ledger_order, ledger_displaced TO blacklist_app, blacklist_sealer;

GRANT UPDATE (looked_to, newest) ON ledger_order TO blacklist_sealer;

GRANT INSERT (first_idx, end_idx, earliest, latest) ON ledger_displaced TO blacklist_sealer;

GRANT UPDATE (end_idx, earliest, latest) ON ledger_displaced TO blacklist_sealer;

GRANT UPDATE (noted_by) ON ledger_displaced TO blacklist_app;
"""


def upgrade() -> None:
    expand(ORDER)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
