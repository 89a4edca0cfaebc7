"""The log over the ledger: its name, its keys, its tiles, its witnesses. Begun by `migrate`, not by this script."""

from blacklist_service.database.steps import execute_script

revision = "0003"
down_revision = "0002"

LOG = """
-- The one log of this database; its row is made by the explicit act that begins it.
CREATE TABLE ledger_log (
    is_only   boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    origin    text NOT NULL CHECK (length(origin) BETWEEN 1 AND 200),
    begun_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The public keys it was ever signed with. The private ones are never in the database.
CREATE TABLE ledger_keys (
    number  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vkey    text NOT NULL UNIQUE,
    since   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The hashes of full tiles, as entries of the tile level above; those of level 0 are the leaves.
CREATE TABLE ledger_tiles (
    level  smallint NOT NULL CHECK (level > 0),
    idx    bigint NOT NULL,
    hash   bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
);

-- The newest pending row a checkpoint sealed: who looks for the oldest unsealed one starts behind it, past dead rows.
ALTER TABLE ledger_checkpoints ADD COLUMN sealed_pending bigint NOT NULL DEFAULT 0;

-- Why nothing is sealed, if so; for the probes.
CREATE TABLE ledger_sealing (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    refusal  text,
    since    timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO ledger_sealing DEFAULT VALUES;

CREATE TABLE ledger_witnesses (
    vkey      text PRIMARY KEY,
    added_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger_cosignatures (
    size  bigint NOT NULL REFERENCES ledger_checkpoints (size),
    vkey  text NOT NULL REFERENCES ledger_witnesses (vkey),
    line  text NOT NULL,
    at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (size, vkey)
);

GRANT SELECT ON ledger_log, ledger_keys, ledger_tiles, ledger_sealing, ledger_witnesses, ledger_cosignatures
TO blacklist_app;

GRANT INSERT ON ledger_log, ledger_keys, ledger_tiles, ledger_witnesses, ledger_cosignatures TO blacklist_app;

GRANT UPDATE (refusal, since) ON ledger_sealing TO blacklist_app;

-- Each row lives for a fraction of a second: sweep what is left of them early.
ALTER TABLE ledger_pending SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
"""


def upgrade() -> None:
    execute_script(LOG)


def downgrade() -> None:
    raise NotImplementedError("a log is not unmade")
