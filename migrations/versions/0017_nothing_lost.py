"""The sequencer may put back what was removed from its queue."""

from blacklist_service.database.steps import expand

revision = "0017"
down_revision = "0016"

QUEUE = """
GRANT INSERT ON ledger_pending TO blacklist_sealer;
"""


def upgrade() -> None:
    expand(QUEUE)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
