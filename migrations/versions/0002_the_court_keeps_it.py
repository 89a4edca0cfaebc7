"""Acts over HTTP, objections, imports as jobs, court feeds."""

from blacklist_service.database.steps import execute_script

revision = "0002"
down_revision = "0001"

ACTS = """
ALTER TABLE listings ADD COLUMN performance text;

-- Performed but not yet deleted: the court's task (Art. 10(1)).
CREATE INDEX listings_performed ON listings (court_code) WHERE ended IS NULL AND performance = 'full';

-- Ended by the calendar or by a snapshot: the court's decision or its ground is still to come.
CREATE INDEX listings_expired ON listings (court_code) WHERE ended = 'expired';

ALTER TABLE listing_versions ADD COLUMN dispute_state text;

CREATE INDEX listing_versions_absent ON listing_versions (listing_id) WHERE ground = 'absent_from_snapshot';

ALTER TABLE import_rows ADD COLUMN performance text;

-- Whose answers rested on a listing (a withdrawal tells them). Most checks find nothing and cost nothing here.
CREATE INDEX ledger_entries_listing_ids ON ledger_entries USING gin (listing_ids) WHERE listing_ids <> '{}';

-- When a court's feed was last known to be alive: by an act, an import, or its heartbeat.
CREATE TABLE court_feeds (
    court_code  text PRIMARY KEY,
    alive_at    timestamptz NOT NULL
);
"""

OBJECTIONS = """
CREATE TABLE objections (
    id             uuid PRIMARY KEY,
    listing_id     uuid NOT NULL REFERENCES listings (id),
    court_code     text NOT NULL,
    grounds        text NOT NULL CHECK (grounds IN ('not_to_be_listed', 'inaccurate', 'to_be_deleted')),
    state          text NOT NULL CHECK (state IN ('filed', 'rejected', 'upheld', 'reconsideration')),
    received_on    date NOT NULL,
    due_on         date NOT NULL,
    text           bytea NOT NULL,
    decided_on     date,
    reason         bytea,
    reconsidered   boolean NOT NULL DEFAULT false,
    led_to         text,
    led_to_version integer,
    at             timestamptz NOT NULL,
    CHECK ((led_to IS NULL) = (led_to_version IS NULL))
);

COMMENT ON COLUMN objections.due_on IS 'the last day for the step that is due in this state';

CREATE INDEX objections_listing ON objections (listing_id);

CREATE INDEX objections_open ON objections (court_code, due_on)
    WHERE state IN ('filed', 'reconsideration') OR (state = 'upheld' AND led_to IS NULL);
"""

JOBS = """
ALTER TABLE imports
    ADD COLUMN file_name text,
    ADD COLUMN format text,
    ADD COLUMN parts integer NOT NULL DEFAULT 0,
    ADD COLUMN staged_at timestamptz,
    ADD COLUMN progress real NOT NULL DEFAULT 0,
    ADD COLUMN absent integer NOT NULL DEFAULT 0,
    ADD COLUMN confirmed_by text,
    ADD COLUMN attempts integer NOT NULL DEFAULT 0;

COMMENT ON COLUMN imports.absent IS 'listings that a snapshot lacked, and that it ended (or would end)';

CREATE INDEX imports_court ON imports (court_code, id);

CREATE INDEX imports_open ON imports (id) WHERE state IN ('queued', 'running');

-- The uploaded file, sealed, until it has been read to its end.
CREATE TABLE import_parts (
    import_id  uuid NOT NULL,
    part       integer NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    content    bytea NOT NULL,
    PRIMARY KEY (import_id, part)
);

ALTER TABLE import_parts ALTER COLUMN content SET STORAGE EXTERNAL;

-- Refused rows as they were sent, sealed, 30 days, for the court that sent them to mend.
CREATE TABLE import_refusals (
    import_id  uuid NOT NULL,
    row        integer NOT NULL,
    content    bytea NOT NULL,
    PRIMARY KEY (import_id, row)
);

CREATE INDEX import_fates_reported ON import_fates (import_id, row) WHERE fate = 'rejected' OR warnings <> '{}';
"""

GRANTS = """
GRANT SELECT ON ALL TABLES IN SCHEMA public TO blacklist_app;

GRANT INSERT, UPDATE ON court_feeds, objections TO blacklist_app;

GRANT INSERT, DELETE ON import_parts, import_refusals TO blacklist_app;

GRANT DELETE ON import_fates TO blacklist_app;
"""


def upgrade() -> None:
    for script in (ACTS, OBJECTIONS, JOBS, GRANTS):
        execute_script(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
