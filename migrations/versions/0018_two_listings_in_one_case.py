"""Two listings of one debtor in one case: what distinguishes them, and the task that one leaves for the other."""

from blacklist_service.database.steps import expand

revision = "0018"
down_revision = "0017"

LISTINGS = """
ALTER TABLE listings ADD COLUMN record_id text, ADD COLUMN performed_elsewhere_on date;

COMMENT ON COLUMN listings.record_id IS '失信ID or 流水号';

COMMENT ON COLUMN listings.performed_elsewhere_on IS
    'when another listing of the same debtor in the same case was deleted as performed; null once the court has looked';
"""


def upgrade() -> None:
    expand(LISTINGS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
