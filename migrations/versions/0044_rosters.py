"""Rosters screened at the console: their sealed files, rows and results, for a week."""

from blacklist_service.database.steps import expand

revision = "0044"
down_revision = "0043"

ROSTERS = """
CREATE TABLE rosters (
    id               uuid PRIMARY KEY,
    member           text NOT NULL REFERENCES members (code),
    once             text NOT NULL,
    key_id           text NOT NULL,
    operator         text,
    request_id       text,
    matter           text NOT NULL,
    role             text NOT NULL,
    kind             text NOT NULL,
    identifier_type  text NOT NULL,
    state            text NOT NULL CHECK (state IN ('incoming', 'queued', 'running', 'done', 'refused')),
    problem          text,
    private          bytea NOT NULL,
    file_sha256      bytea,
    bytes            bigint NOT NULL DEFAULT 0,
    attempts         integer NOT NULL DEFAULT 0,
    slices           integer NOT NULL DEFAULT 0,
    staged           integer NOT NULL DEFAULT 0,
    rows             integer,
    settled          integer NOT NULL DEFAULT 0,
    counts           jsonb NOT NULL DEFAULT '{}',
    first_version    bigint,
    last_version     bigint,
    result_bytes     bigint,
    queued_at        timestamptz NOT NULL,
    began_at         timestamptz,
    turn_at          timestamptz NOT NULL,
    finished_at      timestamptz,
    UNIQUE (member, once)
);

COMMENT ON COLUMN rosters.id IS 'and the name of its screening';

COMMENT ON COLUMN rosters.once IS 'of the form: one that is sent twice is one roster';

COMMENT ON COLUMN rosters.key_id IS 'the account that asks';

COMMENT ON COLUMN rosters.problem IS 'a code of ours: why it was not screened';

COMMENT ON COLUMN rosters.private IS 'sealed: how the file is called, its columns';

COMMENT ON COLUMN rosters.staged IS 'rows read so far';

COMMENT ON COLUMN rosters.rows IS 'all of them, once it is read';

COMMENT ON COLUMN rosters.counts IS 'rows by conclusion';

COMMENT ON COLUMN rosters.first_version IS 'of the list that answered';

COMMENT ON COLUMN rosters.turn_at IS 'when it last had its turn: they take turns';

CREATE INDEX rosters_waiting ON rosters (turn_at) WHERE state IN ('queued', 'running');

CREATE INDEX rosters_queued_at ON rosters (queued_at);

-- The file that was handed in, until the result is written; then the result.
CREATE TABLE roster_parts (
    roster_id  uuid NOT NULL REFERENCES rosters (id) ON DELETE CASCADE,
    what       text NOT NULL CHECK (what IN ('upload', 'result')),
    part       integer NOT NULL,
    content    bytea NOT NULL,
    PRIMARY KEY (roster_id, what, part)
);

COMMENT ON COLUMN roster_parts.content IS 'sealed';

-- Its rows as they were read, and what became of them; gone once the result is written.
CREATE TABLE roster_slices (
    roster_id  uuid NOT NULL REFERENCES rosters (id) ON DELETE CASCADE,
    slice      integer NOT NULL,
    content    bytea NOT NULL,
    results    bytea,
    PRIMARY KEY (roster_id, slice)
);

COMMENT ON COLUMN roster_slices.content IS 'sealed';

COMMENT ON COLUMN roster_slices.results IS 'sealed; null until they are asked';

CREATE INDEX roster_slices_open ON roster_slices (roster_id, slice) WHERE results IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON rosters, roster_slices TO blacklist_app;

GRANT SELECT, INSERT, DELETE ON roster_parts TO blacklist_app;
"""


def upgrade() -> None:
    expand(ROSTERS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
