"""Digesting the list again when the digest rules change: further digests of a listing, and the progress."""

from blacklist_service.database.steps import expand

revision = "0021"
down_revision = "0020"

DIGESTING = """
-- What a listing is called by later digest rules, for each content it ever held: versions are never changed.
CREATE TABLE listing_aliases (
    natural_key     bytea NOT NULL,
    content_digest  bytea NOT NULL,
    listing_id      uuid NOT NULL,
    version         integer NOT NULL,
    PRIMARY KEY (natural_key, content_digest, listing_id, version)
);

CREATE INDEX listing_aliases_listing ON listing_aliases (listing_id);

-- How far the list has been digested by these rules: its listings by id, then its changes by list version.
CREATE TABLE digestings (
    rules          integer PRIMARY KEY,
    after_listing  uuid NOT NULL,
    after_version  bigint NOT NULL,
    is_swept       boolean NOT NULL DEFAULT false,
    changed        bigint NOT NULL DEFAULT 0,
    begun_at       timestamptz NOT NULL,
    quiet_since    timestamptz NOT NULL
);

COMMENT ON COLUMN digestings.quiet_since IS 'when the last listing was met that lacked something by these rules';

GRANT SELECT, INSERT ON listing_aliases TO blacklist_app;

GRANT SELECT, INSERT, UPDATE ON digestings TO blacklist_app;

GRANT UPDATE (digest_rules) ON installation TO blacklist_app;
"""


def upgrade() -> None:
    expand(DIGESTING)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
