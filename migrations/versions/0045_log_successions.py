"""Logs that an officer ended after a restore, and what a machine holds against the database."""

from blacklist_service.database.steps import expand

revision = "0045"
down_revision = "0044"

SUCCESSIONS = """
ALTER TABLE ledger_log ADD COLUMN since_size bigint NOT NULL DEFAULT 0;

COMMENT ON COLUMN ledger_log.since_size IS 'of its first checkpoint; smaller ones are of a log before it';

ALTER TABLE ledger_sealing ADD COLUMN held text;

COMMENT ON COLUMN ledger_sealing.held IS 'the newest checkpoint by which a machine disproved the database';

-- How a log followed another: the officer's act, signed by a key that is not in the database.
CREATE TABLE ledger_successions (
    origin  text PRIMARY KEY,
    note    text NOT NULL
);

COMMENT ON COLUMN ledger_successions.origin IS 'of the log that follows';

GRANT SELECT ON ledger_successions TO blacklist_app, blacklist_sealer;

GRANT UPDATE (held) ON ledger_sealing TO blacklist_app, blacklist_sealer;
"""


def upgrade() -> None:
    expand(SUCCESSIONS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
