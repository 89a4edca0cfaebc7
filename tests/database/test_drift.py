"""Every difference between a database, the models and schema.sql is found by `make drift`."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from migrations.drift import SCHEMA, dump_models, find_drift
from sqlalchemy import Column, MetaData, Table, Text

from blacklist_service.schema import ROOMS, metadata
from tests.conftest import Databases

ALEMBIC, MODELS, WRITTEN = "Alembic would", "the models (-)", "migrations/schema.sql (-)"
MONTHS = "the partitions of a month"

KINDS = {
    "a column added": (
        "ALTER TABLE listings ADD COLUMN note text",
        (ALEMBIC, MODELS, WRITTEN),
        "note",
    ),
    "a type": (
        "ALTER TABLE listings ALTER COLUMN party_sequence TYPE bigint",
        (ALEMBIC, MODELS, WRITTEN),
        "party_sequence",
    ),
    "nullability": (
        "ALTER TABLE ledger_entries ALTER COLUMN leaf DROP NOT NULL",
        (ALEMBIC, MODELS, WRITTEN),
        "leaf",
    ),
    "a missing index": (
        "DROP INDEX subject_keys_digest",
        (ALEMBIC, MODELS, WRITTEN),
        "subject_keys_digest",
    ),
    "an index's predicate": (
        "DROP INDEX subject_keys_digest; CREATE INDEX subject_keys_digest ON subject_keys (digest)",
        (MODELS, WRITTEN),
        "subject_keys_digest",
    ),
    "a CHECK removed": (
        "ALTER TABLE listings DROP CONSTRAINT listings_ended_check",
        (MODELS, WRITTEN),
        "listings_ended_check",
    ),
    "a grant widened": (
        "GRANT UPDATE ON ledger_leaves TO blacklist_app",
        (WRITTEN,),
        "GRANT SELECT,INSERT,UPDATE ON TABLE ledger_leaves",
    ),
    "a grant widened on what has partitions": (
        "GRANT UPDATE ON ledger_entries TO blacklist_app",
        (WRITTEN, MONTHS),
        "ledger_entries",
    ),
    "a trigger dropped": (
        "DROP TRIGGER members_lineage ON members",
        (WRITTEN,),
        "CREATE TRIGGER members_lineage",
    ),
    "partitioning lost": (
        (
            "DROP TABLE ledger_secrets; CREATE TABLE ledger_secrets (at timestamptz NOT NULL, entry_id uuid NOT NULL,"
            " salt bytea NOT NULL CHECK (length(salt) = 16), private bytea NOT NULL, answer bytea,"
            " PRIMARY KEY (at, entry_id)); GRANT SELECT, INSERT ON ledger_secrets TO blacklist_app"
        ),
        (MODELS, WRITTEN),
        "PARTITION BY RANGE (at)",
    ),
    "UNLOGGED": (
        "ALTER TABLE import_rows SET LOGGED",
        (MODELS, WRITTEN),
        "CREATE UNLOGGED TABLE import_rows",
    ),
    # Beyond the ten: what is as easily lost.
    "a default": (
        "ALTER TABLE imports ALTER COLUMN attempts DROP DEFAULT",
        (ALEMBIC, MODELS, WRITTEN),
        "attempts",
    ),
    "a foreign key": (
        "ALTER TABLE notices DROP CONSTRAINT notices_agency_fkey",
        (ALEMBIC, MODELS, WRITTEN),
        "notices_agency_fkey",
    ),
    "a function's body": (
        "CREATE OR REPLACE FUNCTION begin_lineage() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        (WRITTEN,),
        "INSERT INTO member_lineage",
    ),
    "a function for everybody": (
        "GRANT EXECUTE ON FUNCTION attach_ledger_month(date) TO PUBLIC",
        (WRITTEN,),
        "attach_ledger_month",
    ),
    "storage": (
        "ALTER TABLE import_parts ALTER COLUMN content SET STORAGE EXTENDED",
        (WRITTEN,),
        "import_parts",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_of_drift_is_caught_and_named(kind: str, dsn: str, modelled: str):
    change, catchers, name = KINDS[kind]
    await alter(dsn, change)
    found = await find_drift(dsn, modelled=modelled, written=SCHEMA.read_text())
    assert [one.startswith(catcher) for one, catcher in zip(found, catchers, strict=True)] == [True] * len(catchers)
    assert all(name in one for one in found)


async def test_a_database_as_the_migrations_make_it_is_no_drift(dsn: str, modelled: str):
    assert await find_drift(dsn, modelled=modelled, written=SCHEMA.read_text()) == []


@pytest.mark.parametrize("granted", ["UPDATE", "UPDATE (leaf)"])
async def test_a_grant_on_one_month_is_caught(granted: str, dsn: str, modelled: str):
    await alter(
        dsn, f"SELECT attach_ledger_month('2099-01-01'); GRANT {granted} ON ledger_entries_2099_01 TO blacklist_app"
    )
    [found] = await find_drift(dsn, modelled=modelled, written=SCHEMA.read_text())
    assert found.startswith(MONTHS)
    assert found.endswith("\n\nledger_entries_2099_01")


async def test_a_new_month_is_no_drift(dsn: str, modelled: str):
    await alter(dsn, "SELECT attach_ledger_month('2099-01-01')")
    assert await find_drift(dsn, modelled=modelled, written=SCHEMA.read_text()) == []


async def test_a_model_that_says_more_than_the_database_is_caught(dsn: str, databases: Databases):
    other = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.tables.values():
        table.to_metadata(other)
    Table("strangers", other, Column("id", Text, primary_key=True))
    name = await databases.take("template1")
    modelled = await dump_models(databases.at(name), other)
    databases.drop(name)
    [found] = await find_drift(dsn, modelled=modelled, written=SCHEMA.read_text())
    assert found.startswith(MODELS)
    assert "- CREATE TABLE strangers" in found


def test_every_table_belongs_to_one_room():
    named = [table.name for room in ROOMS for table in vars(room).values() if isinstance(table, Table)]
    assert sorted(named) == sorted(metadata.tables)


async def alter(dsn: str, change: str) -> None:
    owner = await asyncpg.connect(dsn)
    await owner.execute(change)
    await owner.close()


@pytest.fixture(scope="module")
async def modelled(databases: Databases) -> AsyncIterator[str]:
    name = await databases.take("template1")
    yield await dump_models(databases.at(name))
    databases.drop(name)
