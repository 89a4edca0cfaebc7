"""The acts that suspend a listing, resume it, and undo an expiry that was recorded too early."""

from blacklist_service.database.steps import expand, validate_check

revision = "0010"
down_revision = "0009"

# Existing rows are validated afterwards, without blocking anybody.
ACTS = """
ALTER TABLE listing_versions DROP CONSTRAINT listing_versions_act_check,
    ADD CONSTRAINT listing_versions_act_check CHECK (act IN ('decided', 'published', 'corrected', 'extended', 'disputed',
        'suspended', 'resumed', 'reinstated', 'expired', 'deleted', 'withdrawn')) NOT VALID;

ALTER TABLE import_rows DROP CONSTRAINT import_rows_action_check,
    ADD CONSTRAINT import_rows_action_check
        CHECK (action IN ('publish', 'correct', 'delete', 'withdraw', 'suspend', 'resume'));
"""


def upgrade() -> None:
    expand(ACTS)
    validate_check("listing_versions", "listing_versions_act_check")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
