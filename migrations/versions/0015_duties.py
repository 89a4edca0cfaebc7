"""The sequencer's own role, and monthly partitions created ahead without the owner's login."""

from blacklist_service.database.steps import expand

revision = "0015"
down_revision = "0014"

SEALER = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'blacklist_sealer') THEN
        CREATE ROLE blacklist_sealer NOLOGIN;
    END IF;
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT blacklist_sealer TO %I', current_user);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO blacklist_sealer', current_database());
END
$$;

GRANT USAGE ON SCHEMA public TO blacklist_sealer;

GRANT SELECT ON alembic_version, installation, ledger_entries, ledger_pending, ledger_leaves, ledger_checkpoints,
    ledger_log, ledger_keys, ledger_tiles, ledger_sealing, ledger_witnesses, ledger_cosignatures TO blacklist_sealer;

GRANT INSERT ON ledger_leaves, ledger_tiles, ledger_checkpoints TO blacklist_sealer;

GRANT DELETE ON ledger_pending TO blacklist_sealer;

GRANT UPDATE (refusal, since, kind) ON ledger_sealing TO blacklist_sealer;
"""

# A partition has the grants of its table, both existing and future partitions.
PARTITIONS = """
CREATE OR REPLACE FUNCTION attach_ledger_month(month date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    child text;
    first date := date_trunc('month', month);
BEGIN
    FOREACH parent IN ARRAY ARRAY['ledger_entries', 'ledger_subjects', 'ledger_secrets'] LOOP
        child := parent || to_char(first, '_YYYY_MM');
        CONTINUE WHEN to_regclass(child) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child,
                       first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
        EXECUTE format('GRANT SELECT, INSERT ON %I TO blacklist_app', child);
        IF parent = 'ledger_entries' THEN
            EXECUTE format('GRANT SELECT ON %I TO blacklist_sealer', child);
        END IF;
    END LOOP;
END
$$;

DO $$
DECLARE
    child regclass;
BEGIN
    FOR child IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'ledger_entries'::regclass LOOP
        EXECUTE format('GRANT SELECT ON %s TO blacklist_sealer', child);
    END LOOP;
END
$$;
"""

# A backup is made by the login that serves, if it knows no other: pg_dump reads the state of sequences.
BACKUPS = """
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO blacklist_app;
"""

MONTHS = """
-- Partitions belong to the owner, whose login no process has: this is the one thing of the owner's that the calendar needs.
CREATE FUNCTION keep_ledger_months() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT attach_ledger_month((date_trunc('month', clock_timestamp()) + make_interval(months => n))::date)
    FROM generate_series(0, 12) AS n;
$$;

REVOKE EXECUTE ON FUNCTION keep_ledger_months() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION keep_ledger_months() TO blacklist_app;
"""


def upgrade() -> None:
    for script in (SEALER, PARTITIONS, BACKUPS, MONTHS):
        expand(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
