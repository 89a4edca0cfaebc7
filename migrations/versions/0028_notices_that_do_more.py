"""Further kinds of notices, findings in replies, attached files, and leads."""

from blacklist_service.database.steps import expand, validate_check

revision = "0028"
down_revision = "0027"

# Existing rows are validated afterwards, without blocking anybody.
NOTICES = """
ALTER TABLE notices ADD COLUMN findings bytea,
    DROP CONSTRAINT notices_action_check,
    ADD CONSTRAINT notices_action_check CHECK (action IN ('stop_transfer', 'stop_procedure', 'query', 'freeze', 'deduct',
        'seize', 'dispatch_police', 'transfer_execution', 'locate_person', 'control_vehicle', 'bar_exit', 'withhold_income',
        'refer_crime')) NOT VALID;

COMMENT ON COLUMN notices.findings IS 'sealed: what was found, in answer to a query';

ALTER TABLE notice_events DROP CONSTRAINT notice_events_act_check,
    ADD CONSTRAINT notice_events_act_check CHECK (act IN ('served', 'acknowledged', 'answered', 'renewed', 'released',
        'escalated', 'attached')) NOT VALID;
"""

LEADS = """
-- What a unit tells the executing court of a listed debtor.
CREATE TABLE leads (
    id           uuid PRIMARY KEY,
    listing_id   uuid NOT NULL REFERENCES listings (id),
    case_number  text NOT NULL,
    court_code   text NOT NULL,
    agency       text NOT NULL REFERENCES members (code),
    kind         text NOT NULL CHECK (kind IN ('asset', 'whereabouts', 'evasion', 'refusal_to_perform', 'other')),
    text         bytea NOT NULL,
    state        text NOT NULL CHECK (state IN ('filed', 'taken_up', 'closed')),
    word         bytea,
    operator     text,
    filed_at     timestamptz NOT NULL,
    taken_up_at  timestamptz,
    closed_at    timestamptz
);

COMMENT ON COLUMN leads.text IS 'sealed';

COMMENT ON COLUMN leads.word IS 'sealed: the court''s last';

CREATE INDEX leads_court ON leads (court_code, id);

CREATE INDEX leads_agency ON leads (agency, id);

CREATE INDEX leads_filed ON leads (filed_at);

GRANT SELECT, INSERT, UPDATE ON leads TO blacklist_app;
"""

ATTACHMENTS = """
-- Files beside a notice or a lead.
CREATE TABLE attachments (
    id          uuid PRIMARY KEY,
    notice_id   uuid REFERENCES notices (id),
    lead_id     uuid REFERENCES leads (id),
    name        bytea NOT NULL,
    media_type  text NOT NULL,
    bytes       bigint NOT NULL,
    sha256      bytea NOT NULL,
    member      text NOT NULL,
    operator    text,
    at          timestamptz NOT NULL,
    CHECK ((notice_id IS NULL) <> (lead_id IS NULL))
);

COMMENT ON COLUMN attachments.name IS 'sealed: as it was called';

CREATE INDEX attachments_notice ON attachments (notice_id) WHERE notice_id IS NOT NULL;

CREATE INDEX attachments_lead ON attachments (lead_id) WHERE lead_id IS NOT NULL;

CREATE TABLE attachment_parts (
    attachment_id  uuid REFERENCES attachments (id),
    part           integer,
    content        bytea NOT NULL,
    PRIMARY KEY (attachment_id, part)
);

COMMENT ON COLUMN attachment_parts.content IS 'sealed';

GRANT SELECT, INSERT ON attachments, attachment_parts TO blacklist_app;
"""


def upgrade() -> None:
    for script in (NOTICES, LEADS, ATTACHMENTS):
        expand(script)
    validate_check("notices", "notices_action_check")
    validate_check("notice_events", "notice_events_act_check")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
