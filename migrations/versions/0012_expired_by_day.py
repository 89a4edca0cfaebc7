"""An index that finds expiries recorded too early, by their day."""

from blacklist_service.database.steps import build_index

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    build_index("listings_expired_on", "listings", "(expires_on) WHERE ended = 'expired'")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
