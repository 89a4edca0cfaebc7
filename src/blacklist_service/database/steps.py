"""Running a migration's SQL script."""

import re

from alembic import op

STATEMENT_END = re.compile(r";\s*(?:\n\s*\n|\Z)")


def execute_script(script: str) -> None:
    """Run the statements of `script`: each ends with a semicolon and is followed by an empty line."""
    for statement in STATEMENT_END.split(script):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
