"""Tables of webhooks, and of each event on its way to each of them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import conv

from blacklist_service.database.tables import Instant, metadata, one_of

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_code", Text, ForeignKey("members.code"), nullable=False),
    Column("url", Text, nullable=False),
    Column("types", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text),
    Column("secret", LargeBinary, comment="sealed; gone once it is closed"),
    Column("last_secret", LargeBinary, comment="sealed: signs along for a while after a rotation"),
    Column("last_secret_until", Instant),
    Column(
        "cursor",
        BigInteger,
        nullable=False,
        comment="the last event of the member of which a delivery was made, or that was passed over",
    ),
    Column(
        "failures",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="in a row; tries under way together count once",
    ),
    Column("failing_since", Instant),
    Column("next_try_at", Instant),
    Column("width", SmallInteger, nullable=False, server_default=text("8"), comment="how many tries may be under way"),
    Column("made_at", Instant, nullable=False),
    Column("approved_at", Instant),
    Column("verified_at", Instant),
    Column("disabled_at", Instant),
    Column("closed_at", Instant),
    Column("test_asked_at", Instant),
    Column("test_tried_at", Instant),
    Column("test_status", SmallInteger),
    Column("test_fault", Text),
    Column("test_milliseconds", Integer),
    one_of("state", "awaiting_approval", "verifying", "active", "failing", "disabled", "closed"),
    one_of("cause", "gone", "days"),
    CheckConstraint("cardinality(types) > 0", name="types"),
    CheckConstraint("width BETWEEN 1 AND 8", name="width"),
    CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name=conv("webhooks_check")),
    CheckConstraint("(state = 'closed') = (secret IS NULL)", name=conv("webhooks_check1")),
    CheckConstraint("(state = 'disabled') = (cause IS NOT NULL)", name=conv("webhooks_check2")),
    CheckConstraint("(last_secret IS NULL) = (last_secret_until IS NULL)", name=conv("webhooks_check3")),
    Index("webhooks_member", "member_code", "id"),
    Index("webhooks_open", "state", postgresql_where=text("state IN ('verifying', 'active', 'failing')")),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("webhook_id", Uuid, ForeignKey("webhooks.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("line", Uuid, nullable=False, comment="its watch, or the past check: what keeps order"),
    Column("type", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("pending_since", Instant, nullable=False),
    Column("due_at", Instant, nullable=False, comment="when it may be tried, or tried again"),
    Column("leased_until", Instant, comment="under way: by then it is settled, or tried anew"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("tried_at", Instant),
    Column("status", SmallInteger),
    Column("fault", Text),
    Column("milliseconds", Integer),
    Column("settled_at", Instant),
    Column("body", LargeBinary, nullable=False, comment="the bytes that are signed and sent, the same on every try"),
    one_of("state", "pending", "delivered", "superseded", "dead"),
    CheckConstraint("(state = 'pending') = (settled_at IS NULL)", name=conv("webhook_deliveries_check")),
    Index("webhook_deliveries_due", "webhook_id", "due_at", "sequence", postgresql_where=text("state = 'pending'")),
    Index("webhook_deliveries_line", "webhook_id", "line", "sequence", postgresql_where=text("state = 'pending'")),
    Index("webhook_deliveries_dead", "webhook_id", "sequence", postgresql_where=text("state = 'dead'")),
    Index("webhook_deliveries_settled", "settled_at", postgresql_where=text("state IN ('delivered', 'superseded')")),
)

# Up to which event each member has been told without a gap, by any channel.
webhook_told = Table(
    "webhook_told",
    metadata,
    Column("member_code", Text, primary_key=True),
    Column("through", BigInteger, nullable=False, server_default=text("0")),
)
