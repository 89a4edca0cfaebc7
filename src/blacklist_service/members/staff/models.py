"""Tables of people's accounts, their duties and factors, their sessions and login attempts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB
from sqlalchemy.sql.elements import conv

from blacklist_service.access.duties import Duty, Office
from blacklist_service.database.tables import Instant, metadata, one_of

# An account has one office at most, so duties of different offices exclude each other (including those of the 三员).
staff = Table(
    "staff",
    metadata,
    Column("id", Text, ForeignKey("api_keys.id"), primary_key=True),
    Column("member", Text, ForeignKey("members.code"), nullable=False),
    Column("login", Text, nullable=False, unique=True),
    Column("name", LargeBinary, nullable=False, comment="sealed"),
    Column("employee_digest", LargeBinary, nullable=False),
    Column("office", Text),
    Column("password", Text),
    Column("passwords_before", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("password_set_at", Instant),
    Column("totp", LargeBinary, comment="the secret, sealed"),
    Column(
        "totp_step",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="the last step whose code was used: each code counts once",
    ),
    Column("enrolment_sha256", LargeBinary),
    Column("enrolment_until", Instant),
    Column("locked_until", Instant, comment="infinity: until an officer unlocks it"),
    Column("preferences", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("opened_at", Instant, nullable=False),
    Column("opened_by", Text),
    Column("ended_at", Instant),
    CheckConstraint(
        "login = lower(login) AND length(login) BETWEEN 3 AND 32",
        name="login",
    ),
    CheckConstraint("length(employee_digest) = 16", name="employee_digest"),
    one_of("office", *Office),
    UniqueConstraint("id", "office", name="staff_id_office_key"),
    Index("staff_member", "member"),
    # One person, one account: if a person changes office, the old account is ended first.
    Index("staff_employee", "employee_digest", unique=True, postgresql_where=text("ended_at IS NULL")),
)

staff_duties = Table(
    "staff_duties",
    metadata,
    Column("staff", Text, primary_key=True),
    Column("office", Text, nullable=False),
    Column("duty", Text, primary_key=True),
    Column("since", Instant, primary_key=True),
    Column("until", Instant),
    Column("granted_by", Text),
    ForeignKeyConstraint(["staff", "office"], ["staff.id", "staff.office"], name="staff_duties_staff_office_fkey"),
    one_of("duty", *Duty),
    CheckConstraint(
        "office = CASE WHEN duty IN ('maker', 'checker') THEN 'court' ELSE duty END", name=conv("staff_duties_check")
    ),
    Index("staff_duties_held", "staff", "duty", unique=True, postgresql_where=text("until IS NULL")),
)

staff_matters = Table(
    "staff_matters",
    metadata,
    Column("staff", Text, ForeignKey("staff.id"), primary_key=True),
    Column("matter", Text, ForeignKey("matters.code"), primary_key=True),
)

staff_passkeys = Table(
    "staff_passkeys",
    metadata,
    Column("credential_id", LargeBinary, primary_key=True),
    Column("staff", Text, ForeignKey("staff.id"), nullable=False),
    Column("label", Text, nullable=False),
    Column("credential", LargeBinary, nullable=False, comment="attested credential data (WebAuthn Level 2, 6.5.1)"),
    Column("sign_count", BigInteger, nullable=False),
    Column("added_at", Instant, nullable=False),
    Index("staff_passkeys_staff", "staff"),
)

staff_backup_codes = Table(
    "staff_backup_codes",
    metadata,
    Column("staff", Text, ForeignKey("staff.id"), primary_key=True),
    Column("code_sha256", LargeBinary, primary_key=True),
    Column("used_at", Instant),
    CheckConstraint("length(code_sha256) = 32", name="code_sha256"),
)

# One session for each account: a new one replaces it.
staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("staff", Text, ForeignKey("staff.id"), primary_key=True),
    Column("secret_sha256", LargeBinary, nullable=False, unique=True),
    Column("factor", Text, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("proved_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("source_ip", INET),
    CheckConstraint("length(secret_sha256) = 32", name="secret_sha256"),
    one_of("factor", "totp", "passkey", "backup_code"),
)

# Challenges that a passkey has answered: none may be answered twice. Kept until they expire.
staff_challenges = Table(
    "staff_challenges",
    metadata,
    Column("challenge_sha256", LargeBinary, primary_key=True),
    Column("at", Instant, nullable=False),
    CheckConstraint("length(challenge_sha256) = 32", name="challenge_sha256"),
)

# People type passwords into the login field: unknown logins are not stored.
staff_attempts = Table(
    "staff_attempts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("staff", Text, ForeignKey("staff.id")),
    Column("source_ip", INET),
    Column("what", Text, nullable=False),
    Column("succeeded", Boolean, nullable=False),
    one_of("what", "login", "factor", "lock"),
    Index("staff_attempts_staff", "staff", "at", postgresql_where=text("staff IS NOT NULL")),
    Index("staff_attempts_address", "source_ip", "at", postgresql_where=text("NOT succeeded")),
)
