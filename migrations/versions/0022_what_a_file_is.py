"""For an import: its worksheets and the findings about the file; for a row: whether an action asks for an end."""

from blacklist_service.database.steps import expand

revision = "0022"
down_revision = "0021"

FILES = """
ALTER TABLE imports
    ADD COLUMN sheets jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN findings jsonb NOT NULL DEFAULT '[]';

COMMENT ON COLUMN imports.sheets IS 'the worksheets in order: name, and the number of the row before its first';

COMMENT ON COLUMN imports.findings IS 'what is to be said of the file as a whole; of its rows, import_fates say it';

ALTER TABLE import_rows ADD COLUMN is_stated boolean NOT NULL DEFAULT true;

COMMENT ON COLUMN import_rows.is_stated IS 'an action asks for what becomes of the listing, not the columns of its record';
"""


def upgrade() -> None:
    expand(FILES)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
