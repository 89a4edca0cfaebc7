"""Webhooks: units' endpoints, and each event on its way to each of them."""

from blacklist_service.database.steps import expand

revision = "0032"
down_revision = "0031"

WEBHOOKS = """
CREATE TABLE webhooks (
    id                 uuid PRIMARY KEY,
    member_code        text NOT NULL REFERENCES members (code),
    url                text NOT NULL,
    types              text[] NOT NULL CHECK (cardinality(types) > 0),
    state              text NOT NULL CHECK (state IN ('awaiting_approval', 'verifying', 'active', 'failing', 'disabled',
                                                      'closed')),
    cause              text CHECK (cause IN ('gone', 'days')),
    secret             bytea,
    last_secret        bytea,
    last_secret_until  timestamptz,
    cursor             bigint NOT NULL,
    failures           integer NOT NULL DEFAULT 0,
    failing_since      timestamptz,
    next_try_at        timestamptz,
    width              smallint NOT NULL DEFAULT 8 CHECK (width BETWEEN 1 AND 8),
    made_at            timestamptz NOT NULL,
    approved_at        timestamptz,
    verified_at        timestamptz,
    disabled_at        timestamptz,
    closed_at          timestamptz,
    test_asked_at      timestamptz,
    test_tried_at      timestamptz,
    test_status        smallint,
    test_fault         text,
    test_milliseconds  integer,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((state = 'closed') = (secret IS NULL)),
    CHECK ((state = 'disabled') = (cause IS NOT NULL)),
    CHECK ((last_secret IS NULL) = (last_secret_until IS NULL))
);

COMMENT ON COLUMN webhooks.secret IS 'sealed; gone once it is closed';

COMMENT ON COLUMN webhooks.last_secret IS 'sealed: signs along for a while after a rotation';

COMMENT ON COLUMN webhooks.cursor IS 'the last event of the member of which a delivery was made, or that was passed over';

COMMENT ON COLUMN webhooks.failures IS 'in a row; tries under way together count once';

COMMENT ON COLUMN webhooks.width IS 'how many tries may be under way';

CREATE INDEX webhooks_member ON webhooks (member_code, id);

CREATE INDEX webhooks_open ON webhooks (state) WHERE state IN ('verifying', 'active', 'failing');
"""

DELIVERIES = """
CREATE TABLE webhook_deliveries (
    webhook_id     uuid NOT NULL REFERENCES webhooks (id),
    sequence       bigint NOT NULL,
    line           uuid NOT NULL,
    type           text NOT NULL,
    state          text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'superseded', 'dead')),
    pending_since  timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    leased_until   timestamptz,
    tries          integer NOT NULL DEFAULT 0,
    tried_at       timestamptz,
    status         smallint,
    fault          text,
    milliseconds   integer,
    settled_at     timestamptz,
    body           bytea NOT NULL,
    PRIMARY KEY (webhook_id, sequence),
    CHECK ((state = 'pending') = (settled_at IS NULL))
);

COMMENT ON COLUMN webhook_deliveries.line IS 'its watch, or the past check: what keeps order';

COMMENT ON COLUMN webhook_deliveries.due_at IS 'when it may be tried, or tried again';

COMMENT ON COLUMN webhook_deliveries.leased_until IS 'under way: by then it is settled, or tried anew';

COMMENT ON COLUMN webhook_deliveries.body IS 'the bytes that are signed and sent, the same on every try';

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at, sequence) WHERE state = 'pending';

CREATE INDEX webhook_deliveries_line ON webhook_deliveries (webhook_id, line, sequence) WHERE state = 'pending';

CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (webhook_id, sequence) WHERE state = 'dead';

CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (settled_at) WHERE state IN ('delivered', 'superseded');

-- How far each member was told without a gap, by whatever way.
CREATE TABLE webhook_told (
    member_code  text PRIMARY KEY,
    through      bigint NOT NULL DEFAULT 0
);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON webhooks, webhook_told TO blacklist_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO blacklist_app;
"""


def upgrade() -> None:
    for script in (WEBHOOKS, DELIVERIES, GRANTS):
        expand(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
