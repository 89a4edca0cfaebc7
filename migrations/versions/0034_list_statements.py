"""Signed statements of the list's state, by which a copy proves itself whole and shows its age."""

from blacklist_service.database.steps import expand

revision = "0034"
down_revision = "0030"

STATEMENTS = """
-- The state of the list that the worker put together last, for the sealer to sign.
CREATE TABLE list_states (
    is_only  boolean PRIMARY KEY DEFAULT true CONSTRAINT list_states_is_only_check CHECK (is_only),
    version  bigint NOT NULL,
    count    bigint NOT NULL,
    sha256   bytea NOT NULL CONSTRAINT list_states_sha256_check CHECK (length(sha256) = 32),
    at       timestamptz NOT NULL
);

COMMENT ON COLUMN list_states.sha256 IS 'of the set that a copy of the change feed holds at this version';

-- The newest statement: that state as a signed note.
CREATE TABLE list_statements (
    is_only  boolean PRIMARY KEY DEFAULT true CONSTRAINT list_statements_is_only_check CHECK (is_only),
    at       timestamptz NOT NULL,
    note     text NOT NULL
);

COMMENT ON COLUMN list_statements.at IS 'when the list was in the state that is stated';

GRANT SELECT, INSERT, UPDATE ON list_states TO blacklist_app;

GRANT SELECT ON list_states TO blacklist_sealer;

GRANT SELECT, INSERT, UPDATE ON list_statements TO blacklist_sealer;

GRANT SELECT ON list_statements TO blacklist_app;
"""


def upgrade() -> None:
    expand(STATEMENTS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
