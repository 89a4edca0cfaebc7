"""Versions that were skipped at a restore."""

from blacklist_service.database.steps import expand

revision = "0016"
down_revision = "0015"

RESTARTS = """
CREATE TABLE version_restarts (
    name           text NOT NULL,
    last_version   bigint NOT NULL,
    first_version  bigint NOT NULL,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, first_version),
    CONSTRAINT version_restarts_name_check CHECK (name IN ('list', 'notices')),
    CONSTRAINT version_restarts_order_check CHECK (last_version < first_version)
);

GRANT SELECT, INSERT ON version_restarts TO blacklist_app;
"""


def upgrade() -> None:
    expand(RESTARTS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
