"""The counts of an import's rows, stored when it finishes instead of counted on each request."""

from blacklist_service.database.steps import expand

revision = "0043"
down_revision = "0042"

COUNTS = """
ALTER TABLE imports ADD COLUMN counts jsonb;

COMMENT ON COLUMN imports.counts IS 'rows by fate, when it last came to rest; null: count them';
"""


def upgrade() -> None:
    expand(COUNTS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
