"""Verifies that the schema is the same in its three places: the migrations, the models, and `schema.sql`.

python migrations/drift.py             report the differences, exit 1 if there are any (`make drift`)
python migrations/drift.py --write     write schema.sql from the migrations (`make schema`)

There are several comparisons, because none finds everything. Alembic compares the migrated database with the models and names
the column or index, but ignores CHECKs, predicates of indexes, UNLOGGED and partitioning. So the dump of what the models
create in an empty database is compared with the dump of what the migrations created. What no model can express (grants,
functions, triggers, storage) is compared with `schema.sql`, the dump of everything as text. The monthly partitions, which the
dump leaves out, are compared with their tables.
"""

import asyncio
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from blacklist_service.database.embedded.binaries import choose_binaries
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.database.migration import migrate
from blacklist_service.schema import is_ours, metadata
from blacklist_service.settings import Settings

SCHEMA = Path(__file__).parent / "schema.sql"
MONTHS = "*_[0-9][0-9][0-9][0-9]_[0-9][0-9]"
SESSION = re.compile(r"(--|\\|SET |SELECT pg_catalog\.set_config)")
"""Beginnings of lines that belong to the dump itself: comments, and settings of the session that restores it."""
QUOTE = re.compile(r"\$\w*\$")
NOT_OF_MODELS = re.compile(
    r"(CREATE (OR REPLACE )?(FUNCTION|TRIGGER)|GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|.* alembic_version\b"
    r"|.* SET STORAGE |.* REPLICA IDENTITY )"
)
PARAMETERS = re.compile(r"\nWITH \(autovacuum[^\n]*\)")
UNLIKE_THEIR_TABLE = """
SELECT month.relname FROM pg_inherits i
JOIN pg_class whole ON whole.oid = i.inhparent AND whole.relkind = 'p'
JOIN pg_class month ON month.oid = i.inhrelid
WHERE month.relpersistence <> whole.relpersistence
   OR (SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(month.relacl) AS a)
      IS DISTINCT FROM (SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(whole.relacl) AS a)
   OR EXISTS (SELECT FROM pg_attribute c WHERE c.attrelid = month.oid AND c.attacl IS NOT NULL)
ORDER BY 1
"""
"""What the dump leaves out: monthly partitions have grants of their own, which nothing else would show."""
ADVICE = """\
Decide which one is right. The migrations: change the models (src/blacklist_service/*/models.py) until this is silent.
The models: write a migration (make migration OF="what it adds"). Then 'make schema', and commit all three together."""


async def find_drift(dsn: str, *, modelled: str, written: str) -> list[str]:
    """Compare the migrated database at `dsn` with the models, with the dump of what they make (`dump_models`), and with
    the text of schema.sql: a paragraph for each that differs.
    """
    made = dump(dsn)
    async with _connected(dsn) as connection:
        steps = await connection.run_sync(_steps_to_models)
        months = "\n".join((await connection.exec_driver_sql(UNLIKE_THEIR_TABLE)).scalars())
    pairs = {
        "Alembic would do this to the migrated database to make it what the models say": steps,
        "the models (-) are not what the migrations make (+)": _difference(_of_models(modelled), _of_models(made)),
        "migrations/schema.sql (-) is not what the migrations make (+)": _difference(written, made),
        "the partitions of a month are not like their table in grants or in being logged": months,
    }
    return [f"{title}:\n\n{found}" for title, found in pairs.items() if found]


async def dump_models(dsn: str, tables: MetaData = metadata) -> str:
    """The dump of what the models create in an empty database, at `dsn`."""
    async with _connected(dsn) as connection:
        await connection.run_sync(tables.create_all)
        await connection.commit()
    return dump(dsn)


def dump(dsn: str) -> str:
    """The schema in a form that is the same for PostgreSQL 15 to 18: without monthly partitions, comments, owners,
    settings.
    """
    pg_dump = choose_binaries(Path("new"), Settings().postgres_bin).folder / "pg_dump"
    command = [str(pg_dump), "--schema-only", "--no-owner", f"--exclude-table={MONTHS}", f"--dbname={dsn}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - the server's own
    lines = (line for line in done.stdout.splitlines() if not SESSION.match(line))
    return "\n\n".join(_statements(line.replace("public.", "") for line in lines)) + "\n"


def _statements(lines: Iterable[str]) -> Iterator[str]:
    """A statement ends with a line that ends with a semicolon, outside a function's body."""
    statement: list[str] = []
    is_quoted = False
    for line in lines:
        if statement or line:
            statement.append(line)
        is_quoted ^= len(QUOTE.findall(line)) % 2 == 1
        if line.endswith(";") and not is_quoted:
            yield "\n".join(statement)
            statement = []


def _of_models(dumped: str) -> str:
    """What models can express: tables, columns, defaults, constraints, indexes, comments."""
    kept = [one for one in _statements(dumped.splitlines()) if not NOT_OF_MODELS.match(one)]
    return PARAMETERS.sub("", "\n\n".join(kept))


def _difference(before: str, after: str) -> str:
    """Only the differences, below the first line of their statement."""
    old, new = list(_statements(before.splitlines())), list(_statements(after.splitlines()))
    said: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            said += _lines("\n".join(old[a:b]), "\n".join(new[c:d]))
    return "\n".join(said)


def _lines(before: str, after: str) -> Iterator[str]:
    old, new = before.splitlines(), after.splitlines()
    for line in difflib.ndiff(old, new):
        if line.startswith("?"):
            continue
        is_heading = line.startswith("  ") and re.match(r"  [A-Z]", line) is not None
        if is_heading or not line.startswith("  "):
            yield line.rstrip()


def _steps_to_models(connection: Connection) -> str:
    options = {"include_name": is_ours, "compare_server_default": True}
    steps = produce_migrations(MigrationContext.configure(connection, opts=options), metadata).upgrade_ops
    if steps is None or steps.is_empty():
        return ""
    return "\n".join(
        line.strip() for line in render_python_code(steps).splitlines() if not line.strip().startswith("#")
    )


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def _run(dsn: str, *, is_writing: bool) -> int:
    owner = await asyncpg.connect(dsn)
    await owner.execute("ALTER SYSTEM SET fsync = off")
    await owner.execute("SELECT pg_reload_conf()")
    await owner.execute("CREATE DATABASE models STRATEGY wal_log")
    await owner.close()
    await migrate(dsn)
    if is_writing:
        SCHEMA.write_text(dump(dsn), encoding="utf-8")
        return 0
    modelled = await dump_models(urlunsplit(urlsplit(dsn)._replace(path="/models")))
    found = await find_drift(dsn, modelled=modelled, written=SCHEMA.read_text(encoding="utf-8"))
    for one in found:
        sys.stdout.write(one + "\n\n")
    if found:
        sys.stdout.write(ADVICE + "\n")
    return 1 if found else 0


def main() -> int:
    memory = Path("/dev/shm")  # noqa: S108 - a database is hundreds of files, made and removed again
    is_quick = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= 1 << 30
    with tempfile.TemporaryDirectory(prefix="blacklist-drift-", dir=memory if is_quick else None) as place:
        database = EmbeddedPostgres(Path(place), postgres_bin=Settings().postgres_bin)
        database.start()
        try:
            return asyncio.run(_run(database.dsn, is_writing="--write" in sys.argv[1:]))
        finally:
            database.stop()


if __name__ == "__main__":
    raise SystemExit(main())
