"""What was typed when a session ended travels sealed in the login's form: the table that was to keep it is taken away."""

from blacklist_service.database.steps import execute_script

revision = "0038"
down_revision = "0030"

# No version ever read or wrote it, so every older one may serve on beside this.
KEPT_FORMS = """
DROP TABLE staff_kept_forms;
"""


def upgrade() -> None:
    execute_script(KEPT_FORMS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
