"""A listing may be suspended for a time (暂时屏蔽, 国办发〔2025〕22号)."""

from blacklist_service.database.steps import expand

revision = "0009"
down_revision = "0008"

SUSPENDED = """
ALTER TABLE listings ADD COLUMN suspended_on date;

COMMENT ON COLUMN listings.suspended_on IS 'the decision that suspended it, while it is suspended: not in force, not ended';
"""


def upgrade() -> None:
    expand(SUSPENDED)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
