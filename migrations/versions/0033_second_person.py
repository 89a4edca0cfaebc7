"""The second person: acts for which a court wants two people, proposals that wait for one, and reviews afterwards."""

from blacklist_service.database.steps import expand

revision = "0033"
down_revision = "0032"

OPTIONS = """
-- How many people an act of a court's accounts needs, where the court had it set otherwise than usual.
CREATE TABLE court_options (
    member      text NOT NULL REFERENCES members (code),
    act         text NOT NULL,
    persons     smallint NOT NULL CHECK (persons IN (1, 2)),
    changed_at  timestamptz NOT NULL,
    changed_by  text,
    PRIMARY KEY (member, act),
    CHECK (act IN ('publish', 'correct', 'extend', 'import', 'stop_notice', 'delete', 'withdraw', 'release')),
    -- Delay of these harms the person: they take effect at once, and are reviewed afterwards.
    CHECK (persons = 1 OR act NOT IN ('delete', 'withdraw', 'release'))
);
"""

PROPOSALS = """
-- An act that waits for a second person, sealed and frozen.
CREATE TABLE proposals (
    id              uuid PRIMARY KEY,
    member          text NOT NULL REFERENCES members (code),
    act             text NOT NULL,
    target          uuid,
    base_version    bigint,
    content         bytea NOT NULL,
    content_sha256  bytea NOT NULL CHECK (length(content_sha256) = 32),
    replaces        uuid REFERENCES proposals (id),
    made_by         text NOT NULL REFERENCES api_keys (id),
    operator        text,
    made_at         timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'waiting',
    decided_by      text REFERENCES api_keys (id),
    decider         text,
    decided_at      timestamptz,
    outcome         bytea,
    CHECK (act IN ('publish', 'correct', 'extend', 'import', 'stop_notice', 'key', 'catalogue')),
    CHECK (state IN ('waiting', 'in_force', 'returned', 'recalled')),
    -- Nobody approves their own, whoever they are.
    CONSTRAINT proposals_another_person CHECK (decided_by <> made_by),
    CONSTRAINT proposals_decision CHECK (
        (state = 'waiting') = (decided_at IS NULL) AND (state IN ('in_force', 'returned')) = (decided_by IS NOT NULL)),
    CONSTRAINT proposals_days CHECK (ends_at = made_at + interval '168 hours')
);

COMMENT ON COLUMN proposals.target IS 'the listing or the import that it is about';

COMMENT ON COLUMN proposals.base_version IS 'that of the target when it was proposed: it is approved on that alone';

COMMENT ON COLUMN proposals.content IS 'sealed';

COMMENT ON COLUMN proposals.outcome IS 'what came of it, sealed: what was done, or why it was returned';

CREATE INDEX proposals_member ON proposals (member, id);

CREATE INDEX proposals_waiting ON proposals (member, act) WHERE state = 'waiting';

-- One import is proposed once at a time.
CREATE UNIQUE INDEX proposals_import ON proposals (target) WHERE act = 'import' AND state = 'waiting';
"""

REVIEWS = """
-- An act of one person that took effect at once, to be looked at by another afterwards.
CREATE TABLE reviews (
    id           uuid PRIMARY KEY,
    member       text NOT NULL REFERENCES members (code),
    act          text NOT NULL,
    target       uuid NOT NULL,
    version      integer,
    made_by      text NOT NULL REFERENCES api_keys (id),
    operator     text,
    made_at      timestamptz NOT NULL,
    due_on       date NOT NULL,
    reviewed_by  text REFERENCES api_keys (id),
    reviewer     text,
    reviewed_at  timestamptz,
    finding      text,
    note         bytea,
    CHECK (act IN ('delete', 'withdraw', 'release')),
    CHECK (finding IN ('in_order', 'not_in_order')),
    CONSTRAINT reviews_another_person CHECK (reviewed_by <> made_by),
    CONSTRAINT reviews_done CHECK (
        (reviewed_by IS NULL) = (reviewed_at IS NULL) AND (reviewed_by IS NULL) = (finding IS NULL))
);

COMMENT ON COLUMN reviews.note IS 'sealed';

CREATE INDEX reviews_member ON reviews (member, id);

CREATE INDEX reviews_open ON reviews (member, due_on) WHERE reviewed_at IS NULL;
"""

IMPORTS = """
ALTER TABLE imports ADD COLUMN is_preview boolean NOT NULL DEFAULT false;

ALTER TABLE imports ADD COLUMN needs_another boolean NOT NULL DEFAULT true;

ALTER TABLE imports ADD COLUMN planned_at_version bigint;

ALTER TABLE imports ADD COLUMN plan jsonb;

COMMENT ON COLUMN imports.is_preview IS 'it waits, with what would become of each row, until it is confirmed';

COMMENT ON COLUMN imports.needs_another IS 'while it waits: whether another than its sender confirms it';

COMMENT ON COLUMN imports.planned_at_version IS 'the newest list version of its court that the preview was made on';

COMMENT ON COLUMN imports.plan IS 'what it would do to the court''s listings in force, as counts';
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON court_options, proposals, reviews TO blacklist_app;
"""


def upgrade() -> None:
    for script in (OPTIONS, PROPOSALS, REVIEWS, IMPORTS, GRANTS):
        expand(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
