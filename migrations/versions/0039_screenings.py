"""Parts of screenings, for a unit's quota of rows in a day."""

from blacklist_service.database.steps import expand

revision = "0039"
down_revision = "0036"

SCREENINGS = """
CREATE TABLE screened_parts (
    member     text NOT NULL,
    part       text NOT NULL,
    screening  text NOT NULL,
    rows       integer NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (member, part)
);

COMMENT ON COLUMN screened_parts.part IS 'the Idempotency-Key it was asked under';

CREATE INDEX screened_parts_at ON screened_parts (at);

GRANT SELECT, INSERT, UPDATE, DELETE ON screened_parts TO blacklist_app;
"""


def upgrade() -> None:
    expand(SCREENINGS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
