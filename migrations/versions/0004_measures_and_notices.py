"""Court notices, outcomes of checks, successors of members, daily figures for supervision."""

from blacklist_service.database.steps import execute_script

revision = "0004"
down_revision = "0003"

NOTICES = """
-- Who answers to notices that were served on whom: each member itself, and whoever took its place.
CREATE TABLE member_lineage (
    member    text NOT NULL REFERENCES members (code),
    ancestor  text NOT NULL REFERENCES members (code),
    since     date,
    PRIMARY KEY (ancestor, member)
);

COMMENT ON COLUMN member_lineage.since IS 'the day on which member took the place of ancestor';

-- A court's request that a unit act (协助执行通知书). Names as in listings; numbers and texts are sealed.
CREATE TABLE notices (
    id                 uuid PRIMARY KEY,
    number             text NOT NULL,
    case_number        text NOT NULL,
    ruling_number      text NOT NULL,
    court_member       text NOT NULL REFERENCES members (code),
    court_code         text NOT NULL,
    court_name         text NOT NULL,
    agency             text NOT NULL REFERENCES members (code),
    action             text NOT NULL CHECK (action IN ('stop_transfer', 'stop_procedure', 'query', 'freeze', 'deduct',
                                                       'seize', 'dispatch_police')),
    subject_kind       text NOT NULL CHECK (subject_kind IN ('person', 'organisation')),
    subject_name       text NOT NULL,
    identifier_masked  text,
    object             text,
    object_key         text,
    object_kind        text,
    valid_until        date,
    due_at             timestamptz,
    urgency            text NOT NULL CHECK (urgency IN ('normal', 'urgent', 'emergency')),
    secret             bytea NOT NULL,
    served_at          timestamptz NOT NULL,
    acknowledged_at    timestamptz,
    escalated_at       timestamptz,
    answered_at        timestamptz,
    result             text CHECK (result IN ('done', 'partly_done', 'not_found', 'refused')),
    reply              bytea,
    released_at        timestamptz,
    CHECK ((answered_at IS NULL) = (result IS NULL))
);

COMMENT ON COLUMN notices.secret IS 'sealed: subject and text as served';

CREATE UNIQUE INDEX notices_number ON notices (court_code, number, agency);

CREATE INDEX notices_agency ON notices (agency, id);

CREATE INDEX notices_court ON notices (court_code, id);

CREATE INDEX notices_object ON notices (agency, object_key) WHERE released_at IS NULL AND object_key IS NOT NULL;

CREATE INDEX notices_emergency ON notices (served_at)
    WHERE urgency = 'emergency' AND acknowledged_at IS NULL AND escalated_at IS NULL AND released_at IS NULL;

-- By what a stop notice is found; a released one's keys are closed.
CREATE TABLE notice_keys (
    digest     bytea NOT NULL CHECK (length(digest) = 16),
    notice_id  uuid NOT NULL REFERENCES notices (id),
    kind       smallint NOT NULL,
    is_live    boolean NOT NULL DEFAULT true
);

CREATE INDEX notice_keys_digest ON notice_keys (digest) WHERE is_live;

CREATE INDEX notice_keys_notice ON notice_keys (notice_id);

-- Every step of a notice, in the order of the notices' versions: its history, and what streams follow.
CREATE TABLE notice_events (
    version      bigint PRIMARY KEY,
    notice_id    uuid NOT NULL REFERENCES notices (id),
    agency       text NOT NULL,
    court_code   text NOT NULL,
    act          text NOT NULL CHECK (act IN ('served', 'acknowledged', 'answered', 'renewed', 'released', 'escalated')),
    at           timestamptz NOT NULL,
    member       text,
    operator     text,
    valid_until  date,
    detail       bytea
);

COMMENT ON COLUMN notice_events.detail IS 'sealed: what was replied, why it was released, the ruling of a renewal';

CREATE INDEX notice_events_notice ON notice_events (notice_id, version);
"""

LINEAGE = """
INSERT INTO member_lineage (member, ancestor) SELECT code, code FROM members;

-- A member answers for itself from the beginning.
CREATE FUNCTION begin_lineage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_lineage (member, ancestor) VALUES (NEW.code, NEW.code) ON CONFLICT DO NOTHING;
    RETURN NEW;
END
$$;

CREATE TRIGGER members_lineage AFTER INSERT ON members FOR EACH ROW EXECUTE FUNCTION begin_lineage();
"""

OUTCOMES = """
-- What the agency then did. The last one stands; the earlier ones stay.
CREATE TABLE check_outcomes (
    check_id    uuid NOT NULL,
    revision    integer NOT NULL,
    agency      text NOT NULL,
    matter      text NOT NULL,
    decision    text NOT NULL,
    checked_at  timestamptz NOT NULL,
    action      text NOT NULL CHECK (action IN ('refused', 'suspended', 'approved', 'referred', 'withdrawn')),
    reason      bytea,
    operator    text,
    at          timestamptz NOT NULL,
    PRIMARY KEY (check_id, revision)
);

COMMENT ON COLUMN check_outcomes.reason IS 'sealed';

CREATE INDEX check_outcomes_agency ON check_outcomes (agency, checked_at);

-- What waits for an outcome; most checks are clear and cost nothing here.
CREATE INDEX ledger_entries_waiting ON ledger_entries (agency, at) WHERE action = 'check' AND decision <> 'clear';
"""

SUPERVISION = """
-- Checks of a finished day (UTC+8) by unit, matter and decision, counted once from the ledger.
CREATE TABLE check_days (
    legal_date  date NOT NULL,
    agency      text NOT NULL,
    matter      text NOT NULL,
    decision    text NOT NULL,
    checks      bigint NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (legal_date, agency, matter, decision)
);

CREATE TABLE check_days_counted (
    legal_date  date PRIMARY KEY,
    at          timestamptz NOT NULL
);
"""

GRANTS = """
GRANT SELECT ON ALL TABLES IN SCHEMA public TO blacklist_app;

GRANT INSERT, UPDATE ON notices, notice_keys TO blacklist_app;

GRANT INSERT ON notice_events, check_outcomes, check_days, check_days_counted, member_lineage TO blacklist_app;
"""


def upgrade() -> None:
    for script in (NOTICES, LINEAGE, OUTCOMES, SUPERVISION, GRANTS):
        execute_script(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
