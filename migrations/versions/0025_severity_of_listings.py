"""An index on listings with a severity."""

from blacklist_service.database.steps import build_index

revision = "0025"
down_revision = "0024"

SEVERITY = "((document ->> 'severity')) WHERE document ->> 'severity' IS NOT NULL"


def upgrade() -> None:
    build_index("listing_versions_severity", "listing_versions", SEVERITY)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
