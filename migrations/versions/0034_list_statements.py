"""Signed statements of the list's state, with which a copy is verified; and installations that follow another's list."""

from blacklist_service.database.steps import expand, validate_check

revision = "0034"
down_revision = "0033"

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


FOLLOWERS = """
-- Installations that follow this list, and what is sealed for each.
CREATE TABLE followers (
    member      text PRIMARY KEY REFERENCES members (code),
    public_key  bytea NOT NULL CONSTRAINT followers_public_key_check CHECK (length(public_key) = 32),
    since       timestamptz NOT NULL
);

COMMENT ON COLUMN followers.public_key IS 'X25519';

-- The list from above that this installation follows: how far it came, and by what it was proved.
CREATE TABLE followed_lists (
    origin       text PRIMARY KEY,
    cursor       bigint NOT NULL,
    stated_at    timestamptz,
    verified_at  timestamptz,
    is_anew      boolean NOT NULL DEFAULT false
);

COMMENT ON COLUMN followed_lists.is_anew IS 'read from the beginning: what is not met again is taken off at its end';

-- Every listing from there, and whether the other list has it now: the set that its digest covers.
CREATE TABLE followed_listings (
    listing_id    uuid PRIMARY KEY,
    origin        text NOT NULL REFERENCES followed_lists (origin),
    list_version  bigint NOT NULL,
    is_listed     boolean NOT NULL
);

COMMENT ON COLUMN followed_listings.list_version IS 'the other list''s';

GRANT SELECT, INSERT, UPDATE ON followers, followed_lists, followed_listings TO blacklist_app;

ALTER TABLE api_keys DROP CONSTRAINT api_keys_role_check, ADD CONSTRAINT api_keys_role_check
    CHECK (role IN ('court', 'agency', 'auditor', 'security', 'system', 'follower')) NOT VALID;
"""


def upgrade() -> None:
    expand(STATEMENTS)
    expand(FOLLOWERS)
    validate_check("api_keys", "api_keys_role_check")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
