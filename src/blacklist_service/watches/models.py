"""Tables of watches, their units' events, and how far the worker has followed the lists."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.sql.elements import conv

from blacklist_service.database.tables import Instant, metadata, one_of

FIRST_ID = text("'00000000-0000-0000-0000-000000000000'")

# A watched check: the watch has the check's id, so one question has one watch. Columns in the order of their widths, because
# there are millions of rows.
watches = Table(
    "watches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("check_id", Uuid, comment="the newest recheck; null = the check itself"),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("until", Date, nullable=False),
    Column("recheck_on", Date, comment="the first legal date on which the calendar alone may change the answer"),
    Column("digest_rules", SmallInteger, nullable=False),
    Column("is_doubted", Boolean, nullable=False, comment="answered on a list that was not fed for too long"),
    Column("after_outcome", Boolean, nullable=False),
    Column("member_code", Text, nullable=False),
    Column("matter", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("tell", Text, nullable=False),
    Column(
        "matches",
        LargeBinary,
        nullable=False,
        comment="a digest of which listings and notices matched, and with what effect",
    ),
    Column("cause", Text),
    Column("question", LargeBinary, comment="sealed: subjects and object; gone once it is closed"),
    one_of("decision", "block", "flag", "clear"),
    one_of("tell", "decision", "matches"),
    CheckConstraint("length(matches) = 16", name="matches"),
    CheckConstraint("(closed_at IS NULL) = (cause IS NULL)", name=conv("watches_check")),
    CheckConstraint("(closed_at IS NULL) = (question IS NOT NULL)", name=conv("watches_check1")),
    Index("watches_member", "member_code", "id"),
    Index("watches_until", "until", postgresql_where=text("closed_at IS NULL")),
    Index("watches_recheck", "recheck_on", postgresql_where=text("closed_at IS NULL AND recheck_on IS NOT NULL")),
    Index("watches_doubted", "id", postgresql_where=text("closed_at IS NULL AND is_doubted")),
)

# The keys by which an open watch is found: digests as in subject_keys, as sixteen bytes without a length.
watch_keys = Table(
    "watch_keys",
    metadata,
    Column("digest", Uuid, nullable=False),
    Column("watch_id", Uuid, nullable=False),
    Index("watch_keys_digest", "digest"),
    Index("watch_keys_watch", "watch_id"),
)

# Opened, and not yet compared with the changes that were followed before its commit; not counted as open yet either.
watches_unprimed = Table(
    "watches_unprimed",
    metadata,
    Column("watch_id", Uuid, primary_key=True),
    Column("member_code", Text, nullable=False),
    Column("list_version", BigInteger, nullable=False),
    Column("measures_version", BigInteger, nullable=False),
    Column("notices_version", BigInteger, nullable=False),
    Column("judged_on", Date, nullable=False),
    Index("watches_unprimed_member", "member_code"),
)

# The events of units, gapless for each unit: a writer locks the member's feed until it commits.
watch_events = Table(
    "watch_events",
    metadata,
    Column("member_code", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("type", Text, nullable=False),
    Column("watch_id", Uuid),
    Column("revision", Integer),
    Column("check_id", Uuid, nullable=False),
    Column("reference", Text, nullable=False),
    Column("matter", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("list_version", BigInteger),
    Column("notices_version", BigInteger),
    Column("cause", Text, nullable=False),
    one_of("type", "watch.decision_changed", "watch.matches_changed", "watch.ended", "check.listing_withdrawn"),
    one_of("before", "block", "flag", "clear"),
    one_of("after", "block", "flag", "clear"),
    CheckConstraint("(watch_id IS NULL) = (revision IS NULL)", name=conv("watch_events_check")),
    Index(
        "watch_events_withdrawn",
        "list_version",
        "check_id",
        unique=True,
        postgresql_where=text("type = 'check.listing_withdrawn'"),
    ),
)

watch_feeds = Table(
    "watch_feeds",
    metadata,
    Column("member_code", Text, primary_key=True),
    Column("last_sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("acknowledged", BigInteger, nullable=False, server_default=text("0")),
    Column("acknowledged_at", Instant),
    Column(
        "open",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="its open watches, but for those unprimed",
    ),
    Column(
        "forgotten",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="events up to this one are kept no longer",
    ),
    CheckConstraint("acknowledged BETWEEN 0 AND last_sequence", name=conv("watch_feeds_check")),
    CheckConstraint("forgotten BETWEEN 0 AND last_sequence", name="forgotten"),
)

# How far the lists were followed.
watch_cursor = Table(
    "watch_cursor",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("list_version", BigInteger, nullable=False),
    Column("measures_version", BigInteger, nullable=False),
    Column("notices_version", BigInteger, nullable=False),
    Column("judged_on", Date, nullable=False),
    Column(
        "lineages",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="how many rows member_lineage had: they are added, never taken away",
    ),
    CheckConstraint("is_only", name="is_only"),
)

# Watches to be rechecked.
watches_due = Table(
    "watches_due",
    metadata,
    Column("watch_id", Uuid, primary_key=True),
    Column(
        "rank",
        SmallInteger,
        nullable=False,
        comment="0: by a single act, before those by whole files, days and catalogues",
    ),
    Column("cause", Text, nullable=False),
    Column("since", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Index("watches_due_turn", "rank", "since"),
)

# All watches of a matter are to be rechecked, because its measures changed; by their ids.
watch_sweeps = Table(
    "watch_sweeps",
    metadata,
    Column("matter", Text, primary_key=True),
    Column("after_id", Uuid, nullable=False, server_default=FIRST_ID),
    Column("cause", Text, nullable=False),
)

# Withdrawn listings: every unit that was ever answered block or flag by one is told, by the answers' ids; in two passes,
# because an answer under way at the time is committed later.
watch_withdrawals = Table(
    "watch_withdrawals",
    metadata,
    Column("list_version", BigInteger, primary_key=True, autoincrement=False),
    Column("listing_id", Uuid, nullable=False),
    Column("withdrawn_at", Instant, nullable=False),
    Column("after_at", Instant, nullable=False, server_default=text("'-infinity'")),
    Column("after_id", Uuid, nullable=False, server_default=FIRST_ID),
    Column("is_last_look", Boolean, nullable=False, server_default=text("false")),
)
