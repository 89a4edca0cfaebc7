"""Tables of the list: what each listing is, ever was, and is found by; the courts' feeds; objections."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.elements import conv

from blacklist_service.database.tables import Instant, metadata, one_of
from blacklist_service.ledger.actions import Act

# What a listing is now: the columns a check shows, and those that find it.
listings = Table(
    "listings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("list_version", BigInteger, comment="the list version that last changed it; null in grace"),
    Column("natural_key", LargeBinary, nullable=False),
    Column("loose_key", LargeBinary, nullable=False),
    Column("court_code", Text, nullable=False),
    Column("court_name", Text, nullable=False),
    Column("case_number", Text, nullable=False),
    Column("party_sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("debtor_name", Text, nullable=False),
    Column("identifier_masked", Text),
    Column("people", JSONB),
    Column("circumstances", ARRAY(Text), nullable=False),
    Column("decided_on", Date),
    Column("decision_number", Text),
    Column("published_on", Date, nullable=False),
    Column("grace_until", Date),
    Column("in_force_from", Date, nullable=False),
    Column("expires_on", Date),
    Column("dispute_state", Text),
    Column(
        "is_published", Boolean, nullable=False, comment="whether the change feed has it; checks go by in_force_from"
    ),
    Column("ended", Text),
    Column("ended_on", Date),
    Column("performance", Text),
    Column(
        "suspended_on", Date, comment="the decision that suspended it, while it is suspended: not in force, not ended"
    ),
    Column("record_id", Text, comment="失信ID or 流水号"),
    Column(
        "performed_elsewhere_on",
        Date,
        comment="when another listing of the same debtor in the same case was deleted as performed; null once the court has"
        " looked",
    ),
    Column("contested_on", Date, comment="since when the court doubts that the number is the debtor's, while it does"),
    one_of("kind", "person", "organisation"),
    one_of("dispute_state", "filed", "reconsideration", "rejected", "upheld"),
    one_of("ended", "expired", "deleted", "withdrawn"),
    CheckConstraint("(ended IS NULL) = (ended_on IS NULL)", name=conv("listings_check")),
    # Unique among listings that have not ended: the natural key, and what tells two of one debtor in one case apart.
    Index(
        "listings_told_apart",
        "natural_key",
        "record_id",
        text('"left"(decision_number, 200)'),
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=text("ended IS NULL"),
    ),
    # What the calendar must examine: terms that end, grace periods that end.
    Index("listings_term", "expires_on", postgresql_where=text("ended IS NULL AND expires_on IS NOT NULL")),
    Index("listings_grace", "in_force_from", postgresql_where=text("ended IS NULL AND NOT is_published")),
    Index("listings_case", "court_code", "case_number"),
    # Performed but not yet deleted: a task of the court (Art. 10(1)).
    Index("listings_performed", "court_code", postgresql_where=text("ended IS NULL AND performance = 'full'")),
    # Ended by the calendar or by a snapshot: the court still has to give its decision or ground.
    Index("listings_expired", "court_code", postgresql_where=text("ended = 'expired'")),
    # Performed in another listing of the debtor: for the court to examine.
    Index("listings_performed_elsewhere", "court_code", postgresql_where=text("performed_elsewhere_on IS NOT NULL")),
    # Finds expiries that were recorded too early, by their day.
    Index("listings_expired_on", "expires_on", postgresql_where=text("ended = 'expired'")),
)

# Every state a listing ever had. No foreign keys here and below: listings are never deleted, all rows are written by one
# function, and each key would cost a look-up for every row of a large import. A version without a document has the document
# of the newest earlier version with one.
listing_versions = Table(
    "listing_versions",
    metadata,
    Column("listing_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("list_version", BigInteger),
    Column("at", Instant, nullable=False),
    Column("act", Text, nullable=False),
    Column("member", Text),
    Column("key_id", Text),
    Column("operator", Text),
    Column("reason", Text),
    Column("ground", Text),
    Column("decided_on", Date),
    Column("import_id", Uuid),
    Column("natural_key", LargeBinary),
    Column("content_digest", LargeBinary),
    Column("document", JSONB),
    Column("secret", LargeBinary),
    Column("dispute_state", Text),
    Column("filed_on", Date, comment="of a dispute: when it was filed with the court"),
    one_of("act", *Act),
    CheckConstraint(
        "(document IS NULL) = (content_digest IS NULL) AND (document IS NULL) = (natural_key IS NULL)",
        name=conv("listing_versions_check"),
    ),
    Index(
        "listing_versions_list_version", "list_version", unique=True, postgresql_where=text("list_version IS NOT NULL")
    ),
    # Keys that a listing had before a correction remain its aliases, and content it once had is recognised.
    Index("listing_versions_natural_key", "natural_key", postgresql_where=text("natural_key IS NOT NULL")),
    Index("listing_versions_absent", "listing_id", postgresql_where=text("ground = 'absent_from_snapshot'")),
    Index("listing_versions_unstated", "listing_id", postgresql_where=text("ground = 'unstated'")),
    Index(
        "listing_versions_severity",
        text("(document ->> 'severity')"),
        postgresql_where=text("document ->> 'severity' IS NOT NULL"),
    ),
)

# Names of a listing under later digest rules, for each content it ever had: versions are never changed.
listing_aliases = Table(
    "listing_aliases",
    metadata,
    Column("natural_key", LargeBinary, primary_key=True),
    Column("content_digest", LargeBinary, primary_key=True),
    Column("listing_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Index("listing_aliases_listing", "listing_id"),
)

# How far the list has been digested by these rules: its listings by id, then its changes by list version.
digestings = Table(
    "digestings",
    metadata,
    Column("rules", Integer, primary_key=True, autoincrement=False),
    Column("after_listing", Uuid, nullable=False),
    Column("after_version", BigInteger, nullable=False),
    Column("is_swept", Boolean, nullable=False, server_default=text("false")),
    Column("changed", BigInteger, nullable=False, server_default=text("0")),
    Column("begun_at", Instant, nullable=False),
    Column(
        "quiet_since",
        Instant,
        nullable=False,
        comment="when the last listing was met that lacked something by these rules",
    ),
)

# The keys by which a listing is found. Rows are closed, never deleted.
subject_keys = Table(
    "subject_keys",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("listing_id", Uuid, nullable=False),
    Column("from_version", BigInteger, nullable=False),
    Column("until_version", BigInteger),
    Column("kind", SmallInteger, nullable=False),
    Column("relation", SmallInteger, nullable=False),
    Column("person", SmallInteger, comment="place in listings.people; null for the debtor itself"),
    CheckConstraint("length(digest) = 16", name="digest"),
    Index("subject_keys_digest", "digest", postgresql_where=text("until_version IS NULL")),
    Index("subject_keys_listing", "listing_id"),
    # Look-ups of a past state use keys that were closed since.
    Index("subject_keys_closed", "digest", postgresql_where=text("until_version IS NOT NULL")),
)

# When a court's feed was last known to be alive: by an act, an import, or its heartbeat.
court_feeds = Table(
    "court_feeds",
    metadata,
    Column("court_code", Text, primary_key=True),
    Column("alive_at", Instant, nullable=False),
)

# Dates that an operator confirmed, so that more than the usual number of listings may fall due at once.
date_confirmations = Table(
    "date_confirmations",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("confirmed_on", Date, nullable=False, comment="the legal date that was right then"),
    Column("operator", Text),
)

# Objections of listed persons (Art. 11, 12) and their progress; their texts are sealed.
objections = Table(
    "objections",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("listing_id", Uuid, ForeignKey("listings.id"), nullable=False),
    Column("court_code", Text, nullable=False),
    Column("grounds", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("received_on", Date, nullable=False),
    Column("due_on", Date, nullable=False, comment="the last day for the step that is due in this state"),
    Column("text", LargeBinary, nullable=False),
    Column("decided_on", Date),
    Column("reason", LargeBinary),
    Column("reconsidered", Boolean, nullable=False, server_default=text("false")),
    Column("led_to", Text),
    Column("led_to_version", Integer),
    Column("at", Instant, nullable=False),
    Column("reconsideration_filed_on", Date),
    Column("reconsideration_decided_on", Date),
    Column("reconsideration_reason", LargeBinary),
    Column(
        "filed_by_member",
        Text,
        ForeignKey("members.code"),
        comment="the unit that filed it for the person; null = the court itself",
    ),
    one_of("grounds", "not_to_be_listed", "inaccurate", "to_be_deleted", "not_the_debtor"),
    one_of("state", "filed", "rejected", "upheld", "reconsideration"),
    CheckConstraint("(led_to IS NULL) = (led_to_version IS NULL)", name=conv("objections_check")),
    Index("objections_listing", "listing_id"),
    Index("objections_filed_by", "filed_by_member", "id", postgresql_where=text("filed_by_member IS NOT NULL")),
    Index(
        "objections_open",
        "court_code",
        "due_on",
        postgresql_where=text("state IN ('filed', 'reconsideration') OR (state = 'upheld' AND led_to IS NULL)"),
    ),
)

# Statements of a court that a debt, or a settlement, was performed; the deadline counts from the day of the statement.
listing_performances = Table(
    "listing_performances",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("listing_id", Uuid, ForeignKey("listings.id"), nullable=False),
    Column("court_code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("performed_on", Date, nullable=False),
    Column("note", LargeBinary, comment="sealed"),
    Column("member", Text),
    Column("operator", Text),
    Column(
        "stated_on",
        Date,
        nullable=False,
        comment="the legal day on which the court said so: what is due counts from it",
    ),
    Column("at", Instant, nullable=False),
    one_of("kind", "performed", "settlement_performed"),
    Index("listing_performances_listing", "listing_id"),
    Index("listing_performances_stated", "stated_on"),
)

removal_certificates = Table(
    "removal_certificates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("listing_id", Uuid, ForeignKey("listings.id"), nullable=False),
    Column("court_code", Text, nullable=False),
    Column("number", Text, nullable=False, unique=True),
    Column("entry_id", Uuid, nullable=False),
    Column("statement", LargeBinary, nullable=False, comment="sealed: what it states"),
    Column("member", Text),
    Column("operator", Text),
    Column("at", Instant, nullable=False),
    Index("removal_certificates_listing", "listing_id"),
    Index("removal_certificates_court", "court_code"),
)

listing_notifications = Table(
    "listing_notifications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("listing_id", Uuid, ForeignKey("listings.id"), nullable=False),
    Column("court_code", Text, nullable=False),
    Column("addressee_kind", Text, nullable=False),
    Column("sent_on", Date, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="who was told, and by what means"),
    Column("member", Text),
    Column("operator", Text),
    Column("at", Instant, nullable=False),
    one_of("addressee_kind", "employer", "superior", "investor", "credit_bureau", "industry_body"),
    Index("listing_notifications_listing", "listing_id"),
)

# The list that this installation follows: how far, and by which statement it was verified.
followed_lists = Table(
    "followed_lists",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("stated_at", Instant),
    Column("verified_at", Instant),
    Column(
        "is_anew",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="read from the beginning: what is not met again is taken off at its end",
    ),
)

# Every listing of the followed list, and whether that list has it now: the set that its digest covers.
followed_listings = Table(
    "followed_listings",
    metadata,
    Column("listing_id", Uuid, primary_key=True),
    Column("origin", Text, ForeignKey("followed_lists.origin"), nullable=False),
    Column("list_version", BigInteger, nullable=False, comment="the other list's"),
    Column("is_listed", Boolean, nullable=False),
)

# Of those, listings that are skipped here because another listing has their place, or because their court is a member here.
passed_listings = Table(
    "passed_listings",
    metadata,
    Column("listing_id", Uuid, primary_key=True),
    Column(
        "passed_for",
        Uuid,
        comment="what has its place here; null: its court is a member and speaks for itself",
    ),
)
