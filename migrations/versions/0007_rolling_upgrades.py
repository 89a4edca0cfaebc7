"""The oldest code that may serve a newer database."""

from blacklist_service.database.steps import expand

revision = "0007"
down_revision = "0006"

OLDEST_CODE = """
ALTER TABLE installation ADD COLUMN oldest_code text NOT NULL DEFAULT '0007';

COMMENT ON COLUMN installation.oldest_code IS
    'the oldest revision whose code may serve this database; a migration that takes something away raises it';
"""


def upgrade() -> None:
    expand(OLDEST_CODE)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
