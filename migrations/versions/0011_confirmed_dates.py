"""Dates that an operator confirmed, so that more than the usual number of listings may fall due at once."""

from blacklist_service.database.steps import expand

revision = "0011"
down_revision = "0010"

CONFIRMATIONS = """
CREATE TABLE date_confirmations (
    at            timestamptz PRIMARY KEY,
    confirmed_on  date NOT NULL,
    operator      text
);

COMMENT ON COLUMN date_confirmations.confirmed_on IS 'the legal date that was right then';

GRANT SELECT ON date_confirmations TO blacklist_app;
"""


def upgrade() -> None:
    expand(CONFIRMATIONS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
