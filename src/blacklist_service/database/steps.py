"""What a migration is made of. One that adds uses `expand`; one that takes away says `contract` first."""

import re

from alembic import op

STATEMENT_END = re.compile(r";\s*(?:\n\s*\n|\Z)")
STATEMENT_TIMEOUT_SECONDS = 2
"""A step that holds a lock longer would cost checks their answers; what takes longer is done in parts, or as an index."""


def execute_script(script: str) -> None:
    """Run the statements of `script`: each ends with a semicolon and is followed by an empty line."""
    for statement in STATEMENT_END.split(script):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def expand(script: str) -> None:
    """Run a script that only adds, beside the version before: no statement of it may take long."""
    op.get_bind().exec_driver_sql(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'")
    execute_script(script)


def contract(oldest_code: str) -> None:
    """Say that code older than this revision may not serve from here on, for what it needs is taken away."""
    op.get_bind().exec_driver_sql(
        f"UPDATE installation SET oldest_code = '{oldest_code}' WHERE oldest_code < '{oldest_code}'"
    )


def build_index(name: str, table: str, definition: str, *, is_unique: bool = False) -> None:
    """Build an index while the table is written, however long it takes; alone in its migration, for it is no transaction.

    What an interrupted one left is built anew. Of a partitioned table each partition has its own built, then attached.
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
    """Drop an index that no version needs, also where the last try was cut off; alone in its migration, for it is no
    transaction.
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
    """Read a table through for a check that was added NOT VALID: nobody waits for it, however long it takes.

    The last thing of its migration, for it is no transaction.
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
    # It lets everybody read and write, so nobody waits behind it while it waits itself.
    bind.exec_driver_sql("SET lock_timeout = 0")
    try:
        bind.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        bind.exec_driver_sql(f"CREATE {kind} CONCURRENTLY {name} ON {table} {definition}")
    finally:
        bind.exec_driver_sql(f"SET lock_timeout = '{usual}'")
