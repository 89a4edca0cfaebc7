"""Listings of a followed list that are skipped, and for which listing here: they are applied once that one has ended."""

from blacklist_service.database.steps import expand

revision = "0042"
down_revision = "0041"

PASSED = """
CREATE TABLE passed_listings (
    listing_id uuid PRIMARY KEY,
    passed_for uuid
);

COMMENT ON COLUMN passed_listings.passed_for IS 'what has its place here; null: its court is a member and speaks for itself';

GRANT SELECT, INSERT, UPDATE, DELETE ON passed_listings TO blacklist_app;
"""


def upgrade() -> None:
    expand(PASSED)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
