"""Building blocks of migrations. A migration that adds uses `expand`; one that removes calls `contract` first."""

import re

from alembic import op

STATEMENT_END = re.compile(r";\s*(?:\n\s*\n|\Z)")
STATEMENT_TIMEOUT_SECONDS = 2
"""A statement that holds a lock longer would cost checks their answers; longer work is done in parts, or as an index
build.
"""


def execute_script(script: str) -> None:
    """Run the statements of `script`: each ends with a semicolon and is followed by an empty line."""
    for statement in STATEMENT_END.split(script):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def expand(script: str) -> None:
    """Run a script that only adds, while the previous version serves: no statement of it may take long."""
    op.get_bind().exec_driver_sql(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'")
    execute_script(script)


def contract(oldest_code: str) -> None:
    """Declare that code older than this revision may not serve from now on, because something it needs is removed."""
    op.get_bind().exec_driver_sql(
        f"UPDATE installation SET oldest_code = '{oldest_code}' WHERE oldest_code < '{oldest_code}'"
    )


def build_index(name: str, table: str, definition: str, *, is_unique: bool = False) -> None:
    """Build an index while the table is being written, however long it takes; alone in its migration, because it cannot run
    in a transaction.

    An interrupted build is repeated. For a partitioned table, the index of each partition is built, then attached.
    """
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        partitions = bind.exec_driver_sql(PARTITIONS.format(table=table, name=name)).fetchall()
        if not partitions:
            _build_one(name, table, definition, is_unique=is_unique)
            return
        bind.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} {definition}")
        for partition, is_attached in partitions:
            if not is_attached:
                _build_one(f"{partition}_{name}", partition, definition)
                bind.exec_driver_sql(f"ALTER INDEX {name} ATTACH PARTITION {partition}_{name}")


def drop_index(name: str) -> None:
    """Drop an index that no version needs, even after an interrupted attempt; alone in its migration, because it cannot run
    in a transaction.
    """
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        usual = bind.exec_driver_sql("SHOW lock_timeout").scalar()
        bind.exec_driver_sql("SET lock_timeout = 0")
        try:
            bind.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        finally:
            bind.exec_driver_sql(f"SET lock_timeout = '{usual}'")


def validate_check(table: str, name: str) -> None:
    """Validate a check that was added NOT VALID: it scans the table, but blocks nobody, however long it takes.

    It must come last in its migration, because it cannot run in a transaction.
    """
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        usual = bind.exec_driver_sql("SHOW lock_timeout").scalar()
        bind.exec_driver_sql("SET lock_timeout = 0")
        try:
            bind.exec_driver_sql(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
        finally:
            bind.exec_driver_sql(f"SET lock_timeout = '{usual}'")


PARTITIONS = """
SELECT child.relname, EXISTS (
    SELECT FROM pg_index i JOIN pg_inherits a ON a.inhrelid = i.indexrelid
    WHERE i.indrelid = child.oid AND a.inhparent = to_regclass('{name}'))
FROM pg_inherits h JOIN pg_class child ON child.oid = h.inhrelid
WHERE h.inhparent = '{table}'::regclass ORDER BY child.relname
"""


def _build_one(name: str, table: str, definition: str, *, is_unique: bool = False) -> None:
    bind = op.get_bind()
    is_valid = bind.exec_driver_sql(
        f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{name}')"
    ).scalar()
    if is_valid:
        return
    kind = "UNIQUE INDEX" if is_unique else "INDEX"
    usual = bind.exec_driver_sql("SHOW lock_timeout").scalar()
    # This lock permits reading and writing, so nobody waits behind it while it is waited for.
    bind.exec_driver_sql("SET lock_timeout = 0")
    try:
        bind.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        bind.exec_driver_sql(f"CREATE {kind} CONCURRENTLY {name} ON {table} {definition}")
    finally:
        bind.exec_driver_sql(f"SET lock_timeout = '{usual}'")
