"""Rows that say which listing of a debtor they mean, and fates that name other listings."""

from blacklist_service.database.steps import expand

revision = "0019"
down_revision = "0018"

ROWS = """
ALTER TABLE import_rows ADD COLUMN record_id text;

ALTER TABLE import_fates ADD COLUMN others uuid[];

COMMENT ON COLUMN import_fates.others IS 'other listings of the debtor in the case that a warning or a refusal is about';
"""


def upgrade() -> None:
    expand(ROWS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
