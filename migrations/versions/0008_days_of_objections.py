"""Separate days on which an objection was filed, reconsidered, and decided a second time."""

from blacklist_service.database.steps import expand

revision = "0008"
down_revision = "0007"

DAYS = """
ALTER TABLE listing_versions ADD COLUMN filed_on date;

COMMENT ON COLUMN listing_versions.filed_on IS 'of a dispute: when it was filed with the court';

ALTER TABLE objections
    ADD COLUMN reconsideration_filed_on date,
    ADD COLUMN reconsideration_decided_on date,
    ADD COLUMN reconsideration_reason bytea;
"""


def upgrade() -> None:
    expand(DAYS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
