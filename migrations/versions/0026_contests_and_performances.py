"""Contests of identity; what a court knows about performance; who filed an objection."""

from blacklist_service.database.steps import expand, validate_check

revision = "0026"
down_revision = "0025"

CONTESTS = """
ALTER TABLE listings ADD COLUMN contested_on date;

COMMENT ON COLUMN listings.contested_on IS 'since when the court doubts that the number is the debtor''s, while it does';

ALTER TABLE listing_versions DROP CONSTRAINT listing_versions_act_check,
    ADD CONSTRAINT listing_versions_act_check CHECK (act IN ('decided', 'published', 'corrected', 'extended', 'disputed',
        'contested', 'contest_withdrawn', 'suspended', 'resumed', 'reinstated', 'expired', 'deleted', 'withdrawn')) NOT VALID;
"""

OBJECTIONS = """
ALTER TABLE objections DROP CONSTRAINT objections_grounds_check,
    ADD CONSTRAINT objections_grounds_check
        CHECK (grounds IN ('not_to_be_listed', 'inaccurate', 'to_be_deleted', 'not_the_debtor')),
    ADD COLUMN filed_by_member text REFERENCES members (code);

COMMENT ON COLUMN objections.filed_by_member IS 'the unit that filed it for the person; null = the court itself';

CREATE INDEX objections_filed_by ON objections (filed_by_member, id) WHERE filed_by_member IS NOT NULL;
"""

PERFORMANCES = """
-- That a debt was performed, or a settlement was, as the court says; what is due for it follows from the day it said so.
CREATE TABLE listing_performances (
    id            uuid PRIMARY KEY,
    listing_id    uuid NOT NULL REFERENCES listings (id),
    court_code    text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('performed', 'settlement_performed')),
    performed_on  date NOT NULL,
    note          bytea,
    member        text,
    operator      text,
    stated_on     date NOT NULL,
    at            timestamptz NOT NULL
);

COMMENT ON COLUMN listing_performances.note IS 'sealed';

COMMENT ON COLUMN listing_performances.stated_on IS 'the legal day on which the court said so: what is due counts from it';

CREATE INDEX listing_performances_listing ON listing_performances (listing_id);

CREATE INDEX listing_performances_stated ON listing_performances (stated_on);

GRANT SELECT, INSERT ON listing_performances TO blacklist_app;
"""


def upgrade() -> None:
    for script in (CONTESTS, OBJECTIONS, PERFORMANCES):
        expand(script)
    validate_check("listing_versions", "listing_versions_act_check")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
