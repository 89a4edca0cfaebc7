"""Members and keys, measures, the list, the ledger."""

from blacklist_service.database.steps import execute_script

revision = "0001"
down_revision = None

DUTIES = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'blacklist_app') THEN
        CREATE ROLE blacklist_app NOLOGIN;
    END IF;
    EXECUTE format('GRANT blacklist_app TO %I', current_user);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO blacklist_app', current_database());
END
$$;

GRANT USAGE ON SCHEMA public TO blacklist_app;
"""

INSTALLATION = """
-- Whose database this is: another secret key would make every look-up miss and every answer clear.
CREATE TABLE installation (
    is_only          boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    key_fingerprint  bytea NOT NULL,
    digest_rules     integer NOT NULL,
    made_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The newest version of the list, the measures and the notices. A writer locks its row to commit,
-- so versions are gapless and in commit order; a check reads all three in its snapshot.
CREATE TABLE heads (
    name        text PRIMARY KEY CHECK (name IN ('list', 'measures', 'notices')),
    version     bigint NOT NULL DEFAULT 0,
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO heads (name) VALUES ('list'), ('measures'), ('notices');

-- Answers given to POSTs with an Idempotency-Key, sealed, for 24 hours.
CREATE TABLE idempotency_keys (
    member          text NOT NULL,
    key             text NOT NULL,
    request_digest  bytea NOT NULL,
    status          smallint NOT NULL,
    answer          bytea NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (member, key)
);

CREATE INDEX idempotency_keys_at ON idempotency_keys (at);
"""

MEMBERS = """
CREATE TABLE members (
    code        text PRIMARY KEY CHECK (length(code) BETWEEN 1 AND 64),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind        text NOT NULL CHECK (kind IN ('court', 'agency', 'auditor')),
    court_code  text UNIQUE,
    added_at    timestamptz NOT NULL,
    CHECK ((kind = 'court') = (court_code IS NOT NULL))
);

-- Every matter ever known; what leads to what is in the measures.
CREATE TABLE matters (
    code     text PRIMARY KEY,
    name     text NOT NULL,
    name_en  text NOT NULL
);

CREATE TABLE measures_versions (
    version     bigint PRIMARY KEY,
    sha256      bytea NOT NULL,
    catalogue   jsonb NOT NULL,
    applied_at  timestamptz NOT NULL,
    applied_by  text
);

CREATE TABLE api_keys (
    id             text PRIMARY KEY,
    member         text NOT NULL REFERENCES members (code),
    role           text NOT NULL CHECK (role IN ('court', 'agency', 'auditor', 'security', 'system')),
    secret_sha256  bytea NOT NULL CHECK (length(secret_sha256) = 32),
    made_at        timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz
);

CREATE INDEX api_keys_member ON api_keys (member);

CREATE TABLE api_key_matters (
    key_id  text NOT NULL REFERENCES api_keys (id),
    matter  text NOT NULL REFERENCES matters (code),
    PRIMARY KEY (key_id, matter)
);
"""

LIST = """
-- What a listing is now: the columns a check shows, and those that find it.
CREATE TABLE listings (
    id                 uuid PRIMARY KEY,
    version            integer NOT NULL,
    list_version       bigint,
    natural_key        bytea NOT NULL,
    loose_key          bytea NOT NULL,
    court_code         text NOT NULL,
    court_name         text NOT NULL,
    case_number        text NOT NULL,
    party_sequence     integer NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('person', 'organisation')),
    debtor_name        text NOT NULL,
    identifier_masked  text,
    people             jsonb,
    circumstances      text[] NOT NULL,
    decided_on         date,
    decision_number    text,
    published_on       date NOT NULL,
    grace_until        date,
    in_force_from      date NOT NULL,
    expires_on         date,
    dispute_state      text CHECK (dispute_state IN ('filed', 'reconsideration', 'rejected', 'upheld')),
    is_published       boolean NOT NULL,
    ended              text CHECK (ended IN ('expired', 'deleted', 'withdrawn')),
    ended_on           date,
    CHECK ((ended IS NULL) = (ended_on IS NULL))
);

COMMENT ON COLUMN listings.list_version IS 'the list version that last changed it; null in grace';

COMMENT ON COLUMN listings.is_published IS 'whether the change feed has it; checks go by in_force_from';

-- The natural key is unique among listings that have not ended (design §8).
CREATE UNIQUE INDEX listings_natural_key ON listings (natural_key) WHERE ended IS NULL;

-- What the calendar has to look at: terms that end, grace that ends.
CREATE INDEX listings_term ON listings (expires_on) WHERE ended IS NULL AND expires_on IS NOT NULL;

CREATE INDEX listings_grace ON listings (in_force_from) WHERE ended IS NULL AND NOT is_published;

CREATE INDEX listings_case ON listings (court_code, case_number);

-- Every state a listing ever had. No foreign keys here and below: listings are never deleted, all is written by one
-- function, and a million rows would be looked up once more each.
-- A version without a document has that of the newest one before it that has.
CREATE TABLE listing_versions (
    listing_id      uuid NOT NULL,
    version         integer NOT NULL,
    list_version    bigint,
    at              timestamptz NOT NULL,
    act             text NOT NULL CHECK (act IN ('decided', 'published', 'corrected', 'extended', 'disputed',
                                                 'expired', 'deleted', 'withdrawn')),
    member          text,
    key_id          text,
    operator        text,
    reason          text,
    ground          text,
    decided_on      date,
    import_id       uuid,
    natural_key     bytea,
    content_digest  bytea,
    document        jsonb,
    secret          bytea,
    PRIMARY KEY (listing_id, version),
    CHECK ((document IS NULL) = (content_digest IS NULL) AND (document IS NULL) = (natural_key IS NULL))
);

CREATE UNIQUE INDEX listing_versions_list_version ON listing_versions (list_version) WHERE list_version IS NOT NULL;

-- Keys that a listing had before a correction stay its aliases, and content once held is known again.
CREATE INDEX listing_versions_natural_key ON listing_versions (natural_key) WHERE natural_key IS NOT NULL;

-- By what a listing is found. Rows are closed, never deleted.
CREATE TABLE subject_keys (
    digest         bytea NOT NULL CHECK (length(digest) = 16),
    listing_id     uuid NOT NULL,
    from_version   bigint NOT NULL,
    until_version  bigint,
    kind           smallint NOT NULL,
    relation       smallint NOT NULL,
    person         smallint
);

COMMENT ON COLUMN subject_keys.person IS 'place in listings.people; null for the debtor itself';

CREATE INDEX subject_keys_digest ON subject_keys (digest) WHERE until_version IS NULL;

CREATE INDEX subject_keys_listing ON subject_keys (listing_id);
"""

IMPORTS = """
CREATE TABLE imports (
    id               uuid PRIMARY KEY,
    court_code       text NOT NULL,
    court_name       text NOT NULL,
    member           text,
    key_id           text,
    operator         text,
    request_id       text,
    mode             text NOT NULL CHECK (mode IN ('upsert', 'snapshot')),
    is_dry_run       boolean NOT NULL,
    state            text NOT NULL CHECK (state IN ('queued', 'running', 'awaiting_confirmation', 'done', 'failed',
                                                    'cancelled')),
    queued_at        timestamptz NOT NULL,
    finished_at      timestamptz,
    legal_date       date NOT NULL,
    file_sha256      bytea,
    unknown_columns  text[] NOT NULL DEFAULT '{}',
    applied_through  integer NOT NULL DEFAULT 0,
    total            integer NOT NULL DEFAULT 0,
    list_version     bigint,
    problem          text
);

COMMENT ON COLUMN imports.legal_date IS 'the day of loading: an empty publication date becomes it, also after a restart';

-- Rows read and understood, waiting to take effect. first_row gathers all rows of one case in one chunk.
-- Unlogged: after a crash of the database the file is read anew, and rows that have a fate are passed over.
CREATE UNLOGGED TABLE import_rows (
    import_id          uuid NOT NULL,
    row                integer NOT NULL,
    first_row          integer NOT NULL,
    is_alone           boolean NOT NULL DEFAULT true,
    listing_id         uuid NOT NULL,
    action             text NOT NULL CHECK (action IN ('publish', 'correct', 'delete', 'withdraw')),
    natural_key        bytea NOT NULL,
    loose_key          bytea NOT NULL,
    court_code         text NOT NULL,
    case_number        text NOT NULL,
    ground             text,
    decided_on         date,
    decision_number    text,
    warnings           text[] NOT NULL,
    content_digest     bytea,
    court_name         text,
    party_sequence     integer,
    kind               text,
    debtor_name        text,
    identifier_masked  text,
    people             jsonb,
    circumstances      text[],
    published_on       date,
    grace_until        date,
    in_force_from      date,
    expires_on         date,
    document           jsonb,
    secret             bytea,
    key_digests        bytea[],
    key_kinds          smallint[],
    key_relations      smallint[],
    key_people         smallint[],
    PRIMARY KEY (import_id, row)
);

COMMENT ON COLUMN import_rows.is_alone IS 'no other row of the file is about its case';

CREATE INDEX import_rows_first_row ON import_rows (import_id, first_row) WHERE NOT is_alone;

-- The fate of every data row, by number and code; never a value.
CREATE TABLE import_fates (
    import_id   uuid NOT NULL,
    row         integer NOT NULL,
    fate        text NOT NULL CHECK (fate IN ('created', 'corrected', 'ended', 'unchanged', 'rejected')),
    field       text,
    code        text,
    warnings    text[] NOT NULL DEFAULT '{}',
    listing_id  uuid,
    PRIMARY KEY (import_id, row),
    CHECK ((fate = 'rejected') = (code IS NOT NULL))
);
"""

LEDGER = """
-- One row for each act, one for each check. Append-only: the application's role may insert and read.
CREATE TABLE ledger_entries (
    at                timestamptz NOT NULL,
    id                uuid NOT NULL,
    action            text NOT NULL,
    agency            text,
    key_id            text,
    operator          text,
    matter            text,
    reference         text,
    check_id          uuid,
    decision          text,
    listing_ids       uuid[] NOT NULL,
    list_version      bigint,
    measures_version  bigint,
    notices_version   bigint,
    request_id        text,
    source_ip         inet,
    leaf              bytea NOT NULL CHECK (length(leaf) <= 65535),
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);

CREATE INDEX ledger_entries_reference ON ledger_entries (reference, at) WHERE reference IS NOT NULL;

-- Whom an entry is about: digest and masks.
CREATE TABLE ledger_subjects (
    at                 timestamptz NOT NULL,
    entry_id           uuid NOT NULL,
    ordinal            smallint NOT NULL,
    role               text,
    digest             bytea NOT NULL,
    name_masked        text NOT NULL,
    identifier_masked  text,
    PRIMARY KEY (at, entry_id, ordinal)
) PARTITION BY RANGE (at);

CREATE INDEX ledger_subjects_digest ON ledger_subjects (digest, at);

-- What opens the leaf's commitment, and the exact answer; erased at the end of retention while every proof still holds.
CREATE TABLE ledger_secrets (
    at        timestamptz NOT NULL,
    entry_id  uuid NOT NULL,
    salt      bytea NOT NULL CHECK (length(salt) = 16),
    private   bytea NOT NULL,
    answer    bytea,
    PRIMARY KEY (at, entry_id)
) PARTITION BY RANGE (at);

-- One row for each transaction that made entries; the sequencer turns it into leaves.
CREATE TABLE ledger_pending (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    entries   uuid[] NOT NULL
);

CREATE TABLE ledger_leaves (
    idx       bigint PRIMARY KEY,
    entry_id  uuid NOT NULL UNIQUE,
    at        timestamptz NOT NULL,
    hash      bytea NOT NULL CHECK (length(hash) = 32)
);

CREATE TABLE ledger_checkpoints (
    size  bigint PRIMARY KEY,
    root  bytea NOT NULL CHECK (length(root) = 32),
    note  text NOT NULL,
    at    timestamptz NOT NULL
);

-- A month's partitions of the three, made by LIKE and ATTACH: PARTITION OF would wait for open inserts.
-- A partition needs its own grants: none but INSERT and SELECT, as on its parent.
CREATE FUNCTION attach_ledger_month(month date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    child text;
    first date := date_trunc('month', month);
BEGIN
    FOREACH parent IN ARRAY ARRAY['ledger_entries', 'ledger_subjects', 'ledger_secrets'] LOOP
        child := parent || to_char(first, '_YYYY_MM');
        CONTINUE WHEN to_regclass(child) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child,
                       first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
        EXECUTE format('GRANT SELECT, INSERT ON %I TO blacklist_app', child);
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION attach_ledger_month(date) FROM PUBLIC;

SELECT attach_ledger_month((date_trunc('month', clock_timestamp()) + make_interval(months => n))::date)
FROM generate_series(-1, 12) AS n;
"""

GRANTS = """
GRANT SELECT ON ALL TABLES IN SCHEMA public TO blacklist_app;

GRANT INSERT ON ledger_entries, ledger_subjects, ledger_secrets, ledger_pending, ledger_leaves, ledger_checkpoints,
    listing_versions, measures_versions, members, api_keys, api_key_matters, import_fates TO blacklist_app;

-- The queue of what is to be sealed is worked off; the entries themselves stay.
GRANT DELETE ON ledger_pending TO blacklist_app;

GRANT INSERT, UPDATE ON listings, subject_keys, matters TO blacklist_app;

GRANT UPDATE ON heads TO blacklist_app;

GRANT UPDATE (revoked_at) ON api_keys TO blacklist_app;

GRANT INSERT, UPDATE ON imports TO blacklist_app;

GRANT INSERT, UPDATE, DELETE ON import_rows, idempotency_keys TO blacklist_app;
"""


def upgrade() -> None:
    for script in (DUTIES, INSTALLATION, MEMBERS, LIST, IMPORTS, LEDGER, GRANTS):
        execute_script(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
