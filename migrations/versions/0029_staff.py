"""People's accounts: their duties, factors, sessions, and login attempts."""

from blacklist_service.database.steps import expand

revision = "0029"
down_revision = "0028"

ACCOUNTS = """
ALTER TABLE api_keys ADD COLUMN kind text NOT NULL DEFAULT 'machine' CHECK (kind IN ('machine', 'staff'));

COMMENT ON COLUMN api_keys.kind IS 'staff: the account of a person, which no bearer can present';

-- An account has one office at most, so duties of different offices exclude each other (三员 among them).
CREATE TABLE staff (
    id                 text PRIMARY KEY REFERENCES api_keys (id),
    member             text NOT NULL REFERENCES members (code),
    login              text NOT NULL UNIQUE CHECK (login = lower(login) AND length(login) BETWEEN 3 AND 32),
    name               bytea NOT NULL,
    employee_digest    bytea NOT NULL CHECK (length(employee_digest) = 16),
    office             text CHECK (office IN ('window', 'court', 'auditor', 'supervisor', 'system', 'security')),
    password           text,
    passwords_before   text[] NOT NULL DEFAULT '{}',
    password_set_at    timestamptz,
    totp               bytea,
    totp_step          bigint NOT NULL DEFAULT 0,
    enrolment_sha256   bytea,
    enrolment_until    timestamptz,
    locked_until       timestamptz,
    preferences        jsonb NOT NULL DEFAULT '{}',
    opened_at          timestamptz NOT NULL,
    opened_by          text,
    ended_at           timestamptz,
    UNIQUE (id, office)
);

COMMENT ON COLUMN staff.name IS 'sealed';

COMMENT ON COLUMN staff.totp IS 'the secret, sealed';

COMMENT ON COLUMN staff.totp_step IS 'the last step whose code was used: each code counts once';

COMMENT ON COLUMN staff.locked_until IS 'infinity: until an officer unlocks it';

CREATE INDEX staff_member ON staff (member);

-- One person, one account: whoever changes office has the old account ended first.
CREATE UNIQUE INDEX staff_employee ON staff (employee_digest) WHERE ended_at IS NULL;

CREATE TABLE staff_duties (
    staff       text NOT NULL,
    office      text NOT NULL,
    duty        text NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz,
    granted_by  text,
    PRIMARY KEY (staff, duty, since),
    FOREIGN KEY (staff, office) REFERENCES staff (id, office),
    CHECK (duty IN ('window', 'maker', 'checker', 'auditor', 'supervisor', 'system', 'security')),
    CHECK (office = CASE WHEN duty IN ('maker', 'checker') THEN 'court' ELSE duty END)
);

CREATE UNIQUE INDEX staff_duties_held ON staff_duties (staff, duty) WHERE until IS NULL;

CREATE TABLE staff_matters (
    staff   text NOT NULL REFERENCES staff (id),
    matter  text NOT NULL REFERENCES matters (code),
    PRIMARY KEY (staff, matter)
);
"""

FACTORS = """
CREATE TABLE staff_passkeys (
    credential_id  bytea PRIMARY KEY,
    staff          text NOT NULL REFERENCES staff (id),
    label          text NOT NULL,
    credential     bytea NOT NULL,
    sign_count     bigint NOT NULL,
    added_at       timestamptz NOT NULL
);

COMMENT ON COLUMN staff_passkeys.credential IS 'attested credential data (WebAuthn Level 2, 6.5.1)';

CREATE INDEX staff_passkeys_staff ON staff_passkeys (staff);

CREATE TABLE staff_backup_codes (
    staff        text NOT NULL REFERENCES staff (id),
    code_sha256  bytea NOT NULL CHECK (length(code_sha256) = 32),
    used_at      timestamptz,
    PRIMARY KEY (staff, code_sha256)
);

-- One session an account: the next one takes its place.
CREATE TABLE staff_sessions (
    staff          text PRIMARY KEY REFERENCES staff (id),
    secret_sha256  bytea NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    factor         text NOT NULL CHECK (factor IN ('totp', 'passkey', 'backup_code')),
    begun_at       timestamptz NOT NULL,
    seen_at        timestamptz NOT NULL,
    proved_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    source_ip      inet
);

-- What was typed when a session had ended, kept for half an hour until its person is back.
CREATE TABLE staff_kept_forms (
    staff    text PRIMARY KEY REFERENCES staff (id),
    path     text NOT NULL,
    fields   bytea NOT NULL,
    kept_at  timestamptz NOT NULL
);

COMMENT ON COLUMN staff_kept_forms.fields IS 'sealed';

-- Tries to log in, and to prove a factor again. People type passwords where a login belongs: unknown ones are not kept.
CREATE TABLE staff_attempts (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    staff      text REFERENCES staff (id),
    source_ip  inet,
    what       text NOT NULL CHECK (what IN ('login', 'factor', 'lock')),
    succeeded  boolean NOT NULL
);

CREATE INDEX staff_attempts_staff ON staff_attempts (staff, at) WHERE staff IS NOT NULL;

CREATE INDEX staff_attempts_address ON staff_attempts (source_ip, at) WHERE NOT succeeded;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON staff, staff_duties, staff_passkeys, staff_backup_codes, staff_sessions, staff_kept_forms
    TO blacklist_app;

GRANT DELETE ON staff_passkeys, staff_backup_codes, staff_sessions, staff_kept_forms TO blacklist_app;

GRANT SELECT, INSERT, DELETE ON staff_attempts, staff_matters TO blacklist_app;

-- A dump taken with the service's login reads the sequences too.
GRANT SELECT ON SEQUENCE staff_attempts_id_seq TO blacklist_app;
"""


def upgrade() -> None:
    for script in (ACCOUNTS, FACTORS, GRANTS):
        expand(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
