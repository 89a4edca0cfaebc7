"""${message}"""

from blacklist_service.database.steps import expand

revision = "${up_revision}"
down_revision = "${down_revision}"

STEP = """
"""


def upgrade() -> None:
    expand(STEP)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
