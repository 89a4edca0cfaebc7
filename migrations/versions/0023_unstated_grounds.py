"""Endings without a ground, which leave the court a task."""

from blacklist_service.database.steps import build_index

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    build_index("listing_versions_unstated", "listing_versions", "(listing_id) WHERE ground = 'unstated'")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
