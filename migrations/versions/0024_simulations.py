"""Simulations of a catalogue as jobs."""

from blacklist_service.database.steps import expand

revision = "0024"
down_revision = "0023"

SIMULATIONS = """
-- What a candidate catalogue would have answered to the last 90 days' checks; "attended": run at a terminal, by who asked.
CREATE TABLE simulations (
    id           uuid PRIMARY KEY,
    member       text REFERENCES members (code),
    key_id       text,
    operator     text,
    request_id   text,
    candidate    jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'attended', 'running', 'done', 'failed')),
    attempts     integer NOT NULL DEFAULT 0,
    progress     double precision NOT NULL DEFAULT 0,
    queued_at    timestamptz NOT NULL,
    finished_at  timestamptz,
    result       jsonb,
    problem      text
);

CREATE INDEX simulations_waiting ON simulations (id) WHERE state IN ('queued', 'running');

GRANT SELECT, INSERT, UPDATE ON simulations TO blacklist_app;
"""


def upgrade() -> None:
    expand(SIMULATIONS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
