"""One sealer at a time, by a term that rises with each: writes of an earlier one are refused."""

from blacklist_service.database.steps import expand

revision = "0035"
down_revision = "0034"

TERM = """
ALTER TABLE ledger_sealing
    ADD COLUMN term bigint NOT NULL DEFAULT 0,
    ADD COLUMN host text;

COMMENT ON COLUMN ledger_sealing.term IS 'rises whenever a sealer takes up the log; only the newest may write';

COMMENT ON COLUMN ledger_sealing.host IS 'the machine whose sealer, or whose start, last said what is so';

GRANT UPDATE (term, host) ON ledger_sealing TO blacklist_sealer;

GRANT UPDATE (host) ON ledger_sealing TO blacklist_app;
"""


def upgrade() -> None:
    expand(TERM)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
