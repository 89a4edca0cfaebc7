"""Uniqueness among listings that have not ended: the natural key with what distinguishes two of one debtor in one case."""

from blacklist_service.database.steps import build_index, drop_index

revision = "0020"
down_revision = "0019"

# A number from a time without length limits must not make the build fail.
DEFINITION = "(natural_key, record_id, left(decision_number, 200)) NULLS NOT DISTINCT WHERE ended IS NULL"


def upgrade() -> None:
    build_index("listings_told_apart", "listings", DEFINITION, is_unique=True)
    drop_index("listings_natural_key")
    build_index("listings_performed_elsewhere", "listings", "(court_code) WHERE performed_elsewhere_on IS NOT NULL")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
