"""Further acts that wait for a second person, or are reviewed afterwards; and an index on what a proposal replaces."""

from blacklist_service.database.steps import expand, validate_check

revision = "0040"
down_revision = "0039"

# Existing rows are validated afterwards, without blocking anybody.
OPTIONS = """
ALTER TABLE court_options DROP CONSTRAINT court_options_act_check, ADD CONSTRAINT court_options_act_check
    CHECK (act IN ('publish', 'correct', 'extend', 'import', 'stop_notice', 'delete', 'withdraw', 'release', 'suspend',
        'resume', 'contest', 'lift_contest', 'renew_notice')) NOT VALID;

ALTER TABLE court_options DROP CONSTRAINT court_options_check, ADD CONSTRAINT court_options_check
    CHECK (persons = 1 OR act NOT IN ('delete', 'withdraw', 'release', 'suspend', 'contest')) NOT VALID;
"""

REVIEWS = """
ALTER TABLE reviews DROP CONSTRAINT reviews_act_check, ADD CONSTRAINT reviews_act_check
    CHECK (act IN ('delete', 'withdraw', 'release', 'suspend', 'contest')) NOT VALID;
"""

PROPOSALS = """
ALTER TABLE proposals DROP CONSTRAINT proposals_act_check, ADD CONSTRAINT proposals_act_check
    CHECK (act IN ('publish', 'correct', 'extend', 'import', 'stop_notice', 'key', 'catalogue', 'resume', 'lift_contest',
        'renew_notice')) NOT VALID;

COMMENT ON COLUMN proposals.target IS 'the listing, the import or the notice that it is about';

CREATE INDEX proposals_replaces ON proposals (replaces) WHERE replaces IS NOT NULL;
"""


def upgrade() -> None:
    for script in (OPTIONS, REVIEWS, PROPOSALS):
        expand(script)
    for table, check in CHECKS:
        validate_check(table, check)


CHECKS = (
    ("court_options", "court_options_act_check"),
    ("court_options", "court_options_check"),
    ("reviews", "reviews_act_check"),
    ("proposals", "proposals_act_check"),
)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
