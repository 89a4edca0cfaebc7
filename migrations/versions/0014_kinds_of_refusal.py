"""Why nothing may be sealed: a key or disk space is missing, or the database is proved to be another one."""

from blacklist_service.database.steps import expand

revision = "0014"
down_revision = "0013"

KIND = """
ALTER TABLE ledger_sealing
    ADD COLUMN kind text CONSTRAINT ledger_sealing_kind_check
        CHECK (kind IN ('rolled_back', 'forked', 'altered', 'unable'));

GRANT UPDATE (kind) ON ledger_sealing TO blacklist_app;
"""


def upgrade() -> None:
    expand(KIND)


def downgrade() -> None:
    raise NotImplementedError("a log is not unmade")
