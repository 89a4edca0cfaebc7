"""Tables without a primary key get a replica identity, which logical replication needs.

The whole row identifies a row there. That costs nothing unless the write-ahead log is made for logical replication, while a
new key would rewrite the tables.
"""

from blacklist_service.database.steps import expand

revision = "0036"
down_revision = "0035"

IDENTITIES = """
ALTER TABLE subject_keys REPLICA IDENTITY FULL;

ALTER TABLE notice_keys REPLICA IDENTITY FULL;

ALTER TABLE watch_keys REPLICA IDENTITY FULL;
"""


def upgrade() -> None:
    expand(IDENTITIES)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
