"""Watches, the events of their units, and how far the worker has followed the lists."""

from blacklist_service.database.steps import expand

revision = "0031"
down_revision = "0030"

WATCHES = """
-- A check whose question is kept open has the check's id: one question, one watch. Columns in the order of their widths, for
-- there are millions.
CREATE TABLE watches (
    id             uuid PRIMARY KEY,
    opened_at      timestamptz NOT NULL,
    closed_at      timestamptz,
    check_id       uuid,
    revision       integer NOT NULL DEFAULT 0,
    until          date NOT NULL,
    recheck_on     date,
    digest_rules   smallint NOT NULL,
    is_doubted     boolean NOT NULL,
    after_outcome  boolean NOT NULL,
    member_code    text NOT NULL,
    matter         text NOT NULL,
    reference      text NOT NULL,
    decision       text NOT NULL CHECK (decision IN ('block', 'flag', 'clear')),
    tell           text NOT NULL CHECK (tell IN ('decision', 'matches')),
    matches        bytea NOT NULL CHECK (length(matches) = 16),
    cause          text,
    question       bytea,
    CHECK ((closed_at IS NULL) = (cause IS NULL)),
    CHECK ((closed_at IS NULL) = (question IS NOT NULL))
);

COMMENT ON COLUMN watches.check_id IS 'the newest recheck; null = the check itself';

COMMENT ON COLUMN watches.is_doubted IS 'answered on a list that was not fed for too long';

COMMENT ON COLUMN watches.matches IS 'a digest of which listings and notices matched, and with what effect';

COMMENT ON COLUMN watches.recheck_on IS 'the first legal date on which the calendar alone may change the answer';

COMMENT ON COLUMN watches.question IS 'sealed: subjects and object; gone once it is closed';

CREATE INDEX watches_member ON watches (member_code, id);

CREATE INDEX watches_until ON watches (until) WHERE closed_at IS NULL;

CREATE INDEX watches_recheck ON watches (recheck_on) WHERE closed_at IS NULL AND recheck_on IS NOT NULL;

CREATE INDEX watches_doubted ON watches (id) WHERE closed_at IS NULL AND is_doubted;

-- By which keys an open watch is found: digests as in subject_keys, as sixteen bytes without a length.
CREATE TABLE watch_keys (
    digest    uuid NOT NULL,
    watch_id  uuid NOT NULL
);

CREATE INDEX watch_keys_digest ON watch_keys (digest);

CREATE INDEX watch_keys_watch ON watch_keys (watch_id);

-- Opened, and not yet compared with the changes that were followed before it was committed; not counted as open either.
CREATE TABLE watches_unprimed (
    watch_id          uuid PRIMARY KEY,
    member_code       text NOT NULL,
    list_version      bigint NOT NULL,
    measures_version  bigint NOT NULL,
    notices_version   bigint NOT NULL,
    judged_on         date NOT NULL
);

CREATE INDEX watches_unprimed_member ON watches_unprimed (member_code);
"""

EVENTS = """
-- What units are told, gapless in each: a writer locks the member's feed to commit.
CREATE TABLE watch_events (
    member_code      text NOT NULL,
    sequence         bigint NOT NULL,
    at               timestamptz NOT NULL,
    type             text NOT NULL CHECK (type IN ('watch.decision_changed', 'watch.matches_changed', 'watch.ended',
                                                   'check.listing_withdrawn')),
    watch_id         uuid,
    revision         integer,
    check_id         uuid NOT NULL,
    reference        text NOT NULL,
    matter           text NOT NULL,
    before           text CHECK (before IN ('block', 'flag', 'clear')),
    after            text CHECK (after IN ('block', 'flag', 'clear')),
    list_version     bigint,
    notices_version  bigint,
    cause            text NOT NULL,
    PRIMARY KEY (member_code, sequence),
    CHECK ((watch_id IS NULL) = (revision IS NULL))
);

CREATE UNIQUE INDEX watch_events_withdrawn ON watch_events (list_version, check_id)
    WHERE type = 'check.listing_withdrawn';

CREATE TABLE watch_feeds (
    member_code      text PRIMARY KEY,
    last_sequence    bigint NOT NULL DEFAULT 0,
    acknowledged     bigint NOT NULL DEFAULT 0,
    acknowledged_at  timestamptz,
    open             bigint NOT NULL DEFAULT 0,
    CHECK (acknowledged BETWEEN 0 AND last_sequence)
);

COMMENT ON COLUMN watch_feeds.open IS 'its open watches, but for those unprimed';
"""

FOLLOWING = """
-- How far the lists were followed.
CREATE TABLE watch_cursor (
    is_only           boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    list_version      bigint NOT NULL,
    measures_version  bigint NOT NULL,
    notices_version   bigint NOT NULL,
    judged_on         date NOT NULL,
    lineages          bigint NOT NULL DEFAULT 0
);

COMMENT ON COLUMN watch_cursor.lineages IS 'how many rows member_lineage had: they are added, never taken away';

INSERT INTO watch_cursor (list_version, measures_version, notices_version, judged_on)
SELECT (SELECT version FROM heads WHERE name = 'list'), (SELECT version FROM heads WHERE name = 'measures'),
       (SELECT version FROM heads WHERE name = 'notices'), (now() AT TIME ZONE 'UTC' + interval '8 hours')::date;

-- Watches that are to be asked again.
CREATE TABLE watches_due (
    watch_id  uuid PRIMARY KEY,
    rank      smallint NOT NULL,
    cause     text NOT NULL,
    since     timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON COLUMN watches_due.rank IS '0: by a single act, before those by whole files, days and catalogues';

CREATE INDEX watches_due_turn ON watches_due (rank, since);

-- All watches of a matter are to be asked again, for its measures changed; by their ids.
CREATE TABLE watch_sweeps (
    matter    text PRIMARY KEY,
    after_id  uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    cause     text NOT NULL
);

-- Listings that were withdrawn: who ever was answered block or flag by one is told, by the answers' ids; twice, for an
-- answer that was under way then is committed later.
CREATE TABLE watch_withdrawals (
    list_version  bigint PRIMARY KEY,
    listing_id    uuid NOT NULL,
    withdrawn_at  timestamptz NOT NULL,
    after_at      timestamptz NOT NULL DEFAULT '-infinity',
    after_id      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    is_last_look  boolean NOT NULL DEFAULT false
);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON watches, watch_feeds TO blacklist_app;

GRANT SELECT, INSERT ON watch_events TO blacklist_app;

GRANT SELECT, INSERT, DELETE ON watch_keys, watches_unprimed, watches_due TO blacklist_app;

GRANT UPDATE (rank) ON watches_due TO blacklist_app;

GRANT SELECT, UPDATE ON watch_cursor TO blacklist_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON watch_sweeps, watch_withdrawals TO blacklist_app;
"""


def upgrade() -> None:
    for script in (WATCHES, EVENTS, FOLLOWING, GRANTS):
        expand(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
