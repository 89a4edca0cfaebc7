"""How many numbers a member asked under one name in a day."""

from blacklist_service.database.steps import expand

revision = "0013"
down_revision = "0012"

NUMBERS = """
CREATE TABLE asked_numbers (
    member text NOT NULL,
    name bytea NOT NULL,
    number bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (member, name, number)
);

CREATE INDEX asked_numbers_at ON asked_numbers (at);

CREATE TABLE many_numbers (
    member text NOT NULL,
    name bytea NOT NULL,
    is_refused boolean NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (member, name, is_refused)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON asked_numbers, many_numbers TO blacklist_app;
"""


def upgrade() -> None:
    expand(NUMBERS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
