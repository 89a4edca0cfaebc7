"""Where a unit's feed begins, once old events are deleted."""

from blacklist_service.database.steps import expand

revision = "0041"
down_revision = "0040"

FORGOTTEN = """
ALTER TABLE watch_feeds ADD COLUMN forgotten bigint NOT NULL DEFAULT 0;

ALTER TABLE watch_feeds ADD CONSTRAINT watch_feeds_forgotten_check CHECK (forgotten BETWEEN 0 AND last_sequence);

COMMENT ON COLUMN watch_feeds.forgotten IS 'events up to this one are kept no longer';

GRANT DELETE ON watch_events TO blacklist_app;
"""


def upgrade() -> None:
    expand(FORGOTTEN)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
