"""Exports as jobs, embargoes on reports to persons, and indexes by which auditors search."""

from blacklist_service.database.steps import execute_script

revision = "0006"
down_revision = "0005"

EXPORTS = """
-- An auditor's export: asked for, made by the worker, fetched, forgotten after a week.
CREATE TABLE exports (
    id           uuid PRIMARY KEY,
    member       text NOT NULL REFERENCES members (code),
    key_id       text,
    operator     text,
    request_id   text,
    format       text NOT NULL CHECK (format IN ('jsonl', 'csv', 'parquet')),
    filters      jsonb NOT NULL,
    digests      bytea[],
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
    attempts     integer NOT NULL DEFAULT 0,
    queued_at    timestamptz NOT NULL,
    finished_at  timestamptz,
    rows         bigint,
    bytes        bigint,
    problem      text
);

CREATE INDEX exports_waiting ON exports (id) WHERE state IN ('queued', 'running');

-- The finished bundle, sealed, in parts.
CREATE TABLE export_parts (
    export_id  uuid NOT NULL REFERENCES exports (id),
    part       integer NOT NULL,
    content    bytea NOT NULL,
    PRIMARY KEY (export_id, part)
);
"""

EMBARGOES = """
-- While it holds, the report to a person leaves out these questions: a case under investigation.
CREATE TABLE embargoes (
    id         uuid PRIMARY KEY,
    digest     bytea NOT NULL,
    agency     text,
    reference  text,
    reason     bytea NOT NULL,
    until      date NOT NULL,
    set_at     timestamptz NOT NULL,
    lifted_at  timestamptz
);

CREATE INDEX embargoes_digest ON embargoes (digest) WHERE lifted_at IS NULL;
"""

SEARCHES = """
-- All asked by one operator; what is rare among a million checks. One by unit and matter cost each check 10 µs: not made.
CREATE INDEX ledger_entries_operator ON ledger_entries (operator, at) WHERE operator IS NOT NULL;

CREATE INDEX ledger_entries_acts ON ledger_entries (action, at) WHERE action <> 'check';

-- Look-ups of what was known in the past go by keys that were closed since.
CREATE INDEX subject_keys_closed ON subject_keys (digest) WHERE until_version IS NOT NULL;

CREATE INDEX notice_keys_closed ON notice_keys (digest) WHERE NOT is_live;
"""

GRANTS = """
GRANT SELECT ON ALL TABLES IN SCHEMA public TO blacklist_app;

GRANT INSERT, UPDATE ON exports TO blacklist_app;

GRANT INSERT, DELETE ON export_parts TO blacklist_app;

GRANT INSERT ON embargoes TO blacklist_app;

GRANT UPDATE (lifted_at) ON embargoes TO blacklist_app;
"""


def upgrade() -> None:
    for script in (EXPORTS, EMBARGOES, SEARCHES, GRANTS):
        execute_script(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
