<%!
from pathlib import Path

from blacklist_service.database.vocabularies import widenings
from blacklist_service.schema import metadata
%><%
found = widenings(metadata, Path("migrations/schema.sql").read_text("utf-8"))
%>"""${message}"""

from blacklist_service.database.steps import expand${", validate_check" if found else ""}

revision = "${up_revision}"
down_revision = "${down_revision}"

STEP = """
% for one in found:
${one.statement}

% endfor
"""


def upgrade() -> None:
    expand(STEP)
% for one in found:
    validate_check("${one.table}", "${one.check}")
% endfor


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
