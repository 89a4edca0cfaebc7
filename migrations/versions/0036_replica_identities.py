"""Tables without a primary key, as logical replication has to know them.

A whole row is what tells one from another there; it costs nothing but where the write-ahead log is made for logical
replication, and a key of its own would have the tables written anew.
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
