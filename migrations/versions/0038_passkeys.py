"""Answered passkey challenges, so that none is answered twice; and no table for kept forms.

What was typed when a session ended travels sealed in the login's form, so the table that was to store it is removed. No
version ever read or wrote it, so every older one may continue to serve.
"""

from blacklist_service.database.steps import expand

revision = "0038"
down_revision = "0036"

CHALLENGES = """
-- Challenges that a passkey has answered: none is answered twice. Kept for as long as one could be.
CREATE TABLE staff_challenges (
    challenge_sha256  bytea PRIMARY KEY CHECK (length(challenge_sha256) = 32),
    at                timestamptz NOT NULL
);

GRANT SELECT, INSERT, DELETE ON staff_challenges TO blacklist_app;
"""

KEPT_FORMS = """
DROP TABLE staff_kept_forms;
"""


def upgrade() -> None:
    expand(CHALLENGES)
    expand(KEPT_FORMS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
