CREATE FUNCTION attach_ledger_month(month date) RETURNS void
    LANGUAGE plpgsql
    AS $$
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
        IF parent = 'ledger_entries' THEN
            EXECUTE format('GRANT SELECT ON %I TO blacklist_sealer', child);
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION begin_lineage() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO member_lineage (member, ancestor) VALUES (NEW.code, NEW.code) ON CONFLICT DO NOTHING;
    INSERT INTO member_names (member, valid_from, name) VALUES (NEW.code, '-infinity', NEW.name);
    RETURN NEW;
END
$$;

CREATE FUNCTION keep_ledger_months() RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT attach_ledger_month((date_trunc('month', clock_timestamp()) + make_interval(months => n))::date)
    FROM generate_series(0, 12) AS n;
$$;

CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE api_key_matters (
    key_id text NOT NULL,
    matter text NOT NULL
);

CREATE TABLE api_keys (
    id text NOT NULL,
    member text NOT NULL,
    role text NOT NULL,
    secret_sha256 bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    kind text DEFAULT 'machine'::text NOT NULL,
    CONSTRAINT api_keys_kind_check CHECK ((kind = ANY (ARRAY['machine'::text, 'staff'::text]))),
    CONSTRAINT api_keys_role_check CHECK ((role = ANY (ARRAY['court'::text, 'agency'::text, 'auditor'::text, 'security'::text, 'system'::text, 'follower'::text]))),
    CONSTRAINT api_keys_secret_sha256_check CHECK ((length(secret_sha256) = 32))
);

COMMENT ON COLUMN api_keys.kind IS 'staff: the account of a person, which no bearer can present';

CREATE TABLE asked_numbers (
    member text NOT NULL,
    name bytea NOT NULL,
    number bytea NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE attachment_parts (
    attachment_id uuid NOT NULL,
    part integer NOT NULL,
    content bytea NOT NULL
);

COMMENT ON COLUMN attachment_parts.content IS 'sealed';

CREATE TABLE attachments (
    id uuid NOT NULL,
    notice_id uuid,
    lead_id uuid,
    name bytea NOT NULL,
    media_type text NOT NULL,
    bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    member text NOT NULL,
    operator text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT attachments_check CHECK (((notice_id IS NULL) <> (lead_id IS NULL)))
);

COMMENT ON COLUMN attachments.name IS 'sealed: as it was called';

CREATE TABLE check_days (
    legal_date date NOT NULL,
    agency text NOT NULL,
    matter text NOT NULL,
    decision text NOT NULL,
    checks bigint NOT NULL,
    last_at timestamp with time zone NOT NULL
);

CREATE TABLE check_days_counted (
    legal_date date NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE check_outcomes (
    check_id uuid NOT NULL,
    revision integer NOT NULL,
    agency text NOT NULL,
    matter text NOT NULL,
    decision text NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    action text NOT NULL,
    reason bytea,
    operator text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT check_outcomes_action_check CHECK ((action = ANY (ARRAY['refused'::text, 'suspended'::text, 'approved'::text, 'referred'::text, 'withdrawn'::text])))
);

COMMENT ON COLUMN check_outcomes.reason IS 'sealed';

CREATE TABLE court_feeds (
    court_code text NOT NULL,
    alive_at timestamp with time zone NOT NULL
);

CREATE TABLE court_options (
    member text NOT NULL,
    act text NOT NULL,
    persons smallint NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text,
    CONSTRAINT court_options_act_check CHECK ((act = ANY (ARRAY['publish'::text, 'correct'::text, 'extend'::text, 'import'::text, 'stop_notice'::text, 'delete'::text, 'withdraw'::text, 'release'::text, 'suspend'::text, 'resume'::text, 'contest'::text, 'lift_contest'::text, 'renew_notice'::text]))),
    CONSTRAINT court_options_check CHECK (((persons = 1) OR (act <> ALL (ARRAY['delete'::text, 'withdraw'::text, 'release'::text, 'suspend'::text, 'contest'::text])))),
    CONSTRAINT court_options_persons_check CHECK ((persons = ANY (ARRAY[1, 2])))
);

CREATE TABLE date_confirmations (
    at timestamp with time zone NOT NULL,
    confirmed_on date NOT NULL,
    operator text
);

COMMENT ON COLUMN date_confirmations.confirmed_on IS 'the legal date that was right then';

CREATE TABLE digestings (
    rules integer NOT NULL,
    after_listing uuid NOT NULL,
    after_version bigint NOT NULL,
    is_swept boolean DEFAULT false NOT NULL,
    changed bigint DEFAULT 0 NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    quiet_since timestamp with time zone NOT NULL
);

COMMENT ON COLUMN digestings.quiet_since IS 'when the last listing was met that lacked something by these rules';

CREATE TABLE embargoes (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    agency text,
    reference text,
    reason bytea NOT NULL,
    until date NOT NULL,
    set_at timestamp with time zone NOT NULL,
    lifted_at timestamp with time zone
);

CREATE TABLE export_parts (
    export_id uuid NOT NULL,
    part integer NOT NULL,
    content bytea NOT NULL
);

CREATE TABLE exports (
    id uuid NOT NULL,
    member text NOT NULL,
    key_id text,
    operator text,
    request_id text,
    format text NOT NULL,
    filters jsonb NOT NULL,
    digests bytea[],
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    queued_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    rows bigint,
    bytes bigint,
    problem text,
    CONSTRAINT exports_format_check CHECK ((format = ANY (ARRAY['jsonl'::text, 'csv'::text, 'parquet'::text]))),
    CONSTRAINT exports_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text])))
);

CREATE TABLE followed_listings (
    listing_id uuid NOT NULL,
    origin text NOT NULL,
    list_version bigint NOT NULL,
    is_listed boolean NOT NULL
);

COMMENT ON COLUMN followed_listings.list_version IS 'the other list''s';

CREATE TABLE followed_lists (
    origin text NOT NULL,
    cursor bigint NOT NULL,
    stated_at timestamp with time zone,
    verified_at timestamp with time zone,
    is_anew boolean DEFAULT false NOT NULL
);

COMMENT ON COLUMN followed_lists.is_anew IS 'read from the beginning: what is not met again is taken off at its end';

CREATE TABLE followers (
    member text NOT NULL,
    public_key bytea NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT followers_public_key_check CHECK ((length(public_key) = 32))
);

COMMENT ON COLUMN followers.public_key IS 'X25519';

CREATE TABLE heads (
    name text NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT heads_name_check CHECK ((name = ANY (ARRAY['list'::text, 'measures'::text, 'notices'::text])))
);

CREATE TABLE idempotency_keys (
    member text NOT NULL,
    key text NOT NULL,
    request_digest bytea NOT NULL,
    status smallint NOT NULL,
    answer bytea NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE import_fates (
    import_id uuid NOT NULL,
    "row" integer NOT NULL,
    fate text NOT NULL,
    field text,
    code text,
    warnings text[] DEFAULT '{}'::text[] NOT NULL,
    listing_id uuid,
    others uuid[],
    CONSTRAINT import_fates_check CHECK (((fate = 'rejected'::text) = (code IS NOT NULL))),
    CONSTRAINT import_fates_fate_check CHECK ((fate = ANY (ARRAY['created'::text, 'corrected'::text, 'ended'::text, 'unchanged'::text, 'rejected'::text])))
);

COMMENT ON COLUMN import_fates.others IS 'other listings of the debtor in the case that a warning or a refusal is about';

CREATE TABLE import_parts (
    import_id uuid NOT NULL,
    part integer NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    content bytea NOT NULL
);

ALTER TABLE ONLY import_parts ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE import_refusals (
    import_id uuid NOT NULL,
    "row" integer NOT NULL,
    content bytea NOT NULL
);

CREATE UNLOGGED TABLE import_rows (
    import_id uuid NOT NULL,
    "row" integer NOT NULL,
    first_row integer NOT NULL,
    is_alone boolean DEFAULT true NOT NULL,
    listing_id uuid NOT NULL,
    action text NOT NULL,
    natural_key bytea NOT NULL,
    loose_key bytea NOT NULL,
    court_code text NOT NULL,
    case_number text NOT NULL,
    ground text,
    decided_on date,
    decision_number text,
    warnings text[] NOT NULL,
    content_digest bytea,
    court_name text,
    party_sequence integer,
    kind text,
    debtor_name text,
    identifier_masked text,
    people jsonb,
    circumstances text[],
    published_on date,
    grace_until date,
    in_force_from date,
    expires_on date,
    document jsonb,
    secret bytea,
    key_digests bytea[],
    key_kinds smallint[],
    key_relations smallint[],
    key_people smallint[],
    performance text,
    record_id text,
    is_stated boolean DEFAULT true NOT NULL,
    CONSTRAINT import_rows_action_check CHECK ((action = ANY (ARRAY['publish'::text, 'correct'::text, 'delete'::text, 'withdraw'::text, 'suspend'::text, 'resume'::text])))
);

COMMENT ON COLUMN import_rows.is_alone IS 'no other row of the file is about its case';

COMMENT ON COLUMN import_rows.is_stated IS 'an action asks for what becomes of the listing, not the columns of its record';

CREATE TABLE imports (
    id uuid NOT NULL,
    court_code text NOT NULL,
    court_name text NOT NULL,
    member text,
    key_id text,
    operator text,
    request_id text,
    mode text NOT NULL,
    is_dry_run boolean NOT NULL,
    state text NOT NULL,
    queued_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    legal_date date NOT NULL,
    file_sha256 bytea,
    unknown_columns text[] DEFAULT '{}'::text[] NOT NULL,
    applied_through integer DEFAULT 0 NOT NULL,
    total integer DEFAULT 0 NOT NULL,
    list_version bigint,
    problem text,
    file_name text,
    format text,
    parts integer DEFAULT 0 NOT NULL,
    staged_at timestamp with time zone,
    progress real DEFAULT 0 NOT NULL,
    absent integer DEFAULT 0 NOT NULL,
    confirmed_by text,
    attempts integer DEFAULT 0 NOT NULL,
    sheets jsonb DEFAULT '[]'::jsonb NOT NULL,
    findings jsonb DEFAULT '[]'::jsonb NOT NULL,
    is_preview boolean DEFAULT false NOT NULL,
    needs_another boolean DEFAULT true NOT NULL,
    planned_at_version bigint,
    plan jsonb,
    counts jsonb,
    CONSTRAINT imports_mode_check CHECK ((mode = ANY (ARRAY['upsert'::text, 'snapshot'::text]))),
    CONSTRAINT imports_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'awaiting_confirmation'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);

COMMENT ON COLUMN imports.legal_date IS 'the day of loading: an empty publication date becomes it, also after a restart';

COMMENT ON COLUMN imports.absent IS 'listings that a snapshot lacked, and that it ended (or would end)';

COMMENT ON COLUMN imports.sheets IS 'the worksheets in order: name, and the number of the row before its first';

COMMENT ON COLUMN imports.findings IS 'what is to be said of the file as a whole; of its rows, import_fates say it';

COMMENT ON COLUMN imports.is_preview IS 'it waits, with what would become of each row, until it is confirmed';

COMMENT ON COLUMN imports.needs_another IS 'while it waits: whether another than its sender confirms it';

COMMENT ON COLUMN imports.planned_at_version IS 'the newest list version of its court that the preview was made on';

COMMENT ON COLUMN imports.plan IS 'what it would do to the court''s listings in force, as counts';

COMMENT ON COLUMN imports.counts IS 'rows by fate, when it last came to rest; null: count them';

CREATE TABLE installation (
    is_only boolean DEFAULT true NOT NULL,
    key_fingerprint bytea NOT NULL,
    digest_rules integer NOT NULL,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    oldest_code text DEFAULT '0007'::text NOT NULL,
    CONSTRAINT installation_is_only_check CHECK (is_only)
);

COMMENT ON COLUMN installation.oldest_code IS 'the oldest revision whose code may serve this database; a migration that takes something away raises it';

CREATE TABLE leads (
    id uuid NOT NULL,
    listing_id uuid NOT NULL,
    case_number text NOT NULL,
    court_code text NOT NULL,
    agency text NOT NULL,
    kind text NOT NULL,
    text bytea NOT NULL,
    state text NOT NULL,
    word bytea,
    operator text,
    filed_at timestamp with time zone NOT NULL,
    taken_up_at timestamp with time zone,
    closed_at timestamp with time zone,
    CONSTRAINT leads_kind_check CHECK ((kind = ANY (ARRAY['asset'::text, 'whereabouts'::text, 'evasion'::text, 'refusal_to_perform'::text, 'other'::text]))),
    CONSTRAINT leads_state_check CHECK ((state = ANY (ARRAY['filed'::text, 'taken_up'::text, 'closed'::text])))
);

COMMENT ON COLUMN leads.text IS 'sealed';

COMMENT ON COLUMN leads.word IS 'sealed: the court''s last';

CREATE TABLE ledger_checkpoints (
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    at timestamp with time zone NOT NULL,
    sealed_pending bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ledger_checkpoints_root_check CHECK ((length(root) = 32))
);

CREATE TABLE ledger_cosignatures (
    size bigint NOT NULL,
    vkey text NOT NULL,
    line text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE ledger_displaced (
    first_idx bigint NOT NULL,
    end_idx bigint NOT NULL,
    earliest timestamp with time zone NOT NULL,
    latest timestamp with time zone NOT NULL,
    found_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    noted_by uuid,
    CONSTRAINT ledger_displaced_end_idx_check CHECK ((end_idx > first_idx))
);

CREATE TABLE ledger_entries (
    at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    action text NOT NULL,
    agency text,
    key_id text,
    operator text,
    matter text,
    reference text,
    check_id uuid,
    decision text,
    listing_ids uuid[] NOT NULL,
    list_version bigint,
    measures_version bigint,
    notices_version bigint,
    request_id text,
    source_ip inet,
    leaf bytea NOT NULL,
    CONSTRAINT ledger_entries_leaf_check CHECK ((length(leaf) <= 65535))
)
PARTITION BY RANGE (at);

CREATE TABLE ledger_keys (
    number integer NOT NULL,
    vkey text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ledger_keys ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger_keys_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger_leaves (
    idx bigint NOT NULL,
    entry_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT ledger_leaves_hash_check CHECK ((length(hash) = 32))
);

CREATE TABLE ledger_log (
    is_only boolean DEFAULT true NOT NULL,
    origin text NOT NULL,
    begun_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    since_size bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ledger_log_is_only_check CHECK (is_only),
    CONSTRAINT ledger_log_origin_check CHECK (((length(origin) >= 1) AND (length(origin) <= 200)))
);

COMMENT ON COLUMN ledger_log.since_size IS 'of its first checkpoint; smaller ones are of a log before it';

CREATE TABLE ledger_order (
    is_only boolean DEFAULT true NOT NULL,
    looked_to bigint DEFAULT 0 NOT NULL,
    newest timestamp with time zone,
    CONSTRAINT ledger_order_is_only_check CHECK (is_only)
);

CREATE TABLE ledger_pending (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    entries uuid[] NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='10000');

ALTER TABLE ledger_pending ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger_pending_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger_sealing (
    is_only boolean DEFAULT true NOT NULL,
    refusal text,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    kind text,
    term bigint DEFAULT 0 NOT NULL,
    host text,
    held text,
    CONSTRAINT ledger_sealing_is_only_check CHECK (is_only),
    CONSTRAINT ledger_sealing_kind_check CHECK ((kind = ANY (ARRAY['rolled_back'::text, 'forked'::text, 'altered'::text, 'unable'::text])))
);

COMMENT ON COLUMN ledger_sealing.term IS 'rises whenever a sealer takes up the log; only the newest may write';

COMMENT ON COLUMN ledger_sealing.host IS 'the machine whose sealer, or whose start, last said what is so';

COMMENT ON COLUMN ledger_sealing.held IS 'the newest checkpoint by which a machine disproved the database';

CREATE TABLE ledger_secrets (
    at timestamp with time zone NOT NULL,
    entry_id uuid NOT NULL,
    salt bytea NOT NULL,
    private bytea NOT NULL,
    answer bytea,
    CONSTRAINT ledger_secrets_salt_check CHECK ((length(salt) = 16))
)
PARTITION BY RANGE (at);

CREATE TABLE ledger_subjects (
    at timestamp with time zone NOT NULL,
    entry_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    role text,
    digest bytea NOT NULL,
    name_masked text NOT NULL,
    identifier_masked text
)
PARTITION BY RANGE (at);

CREATE TABLE ledger_successions (
    origin text NOT NULL,
    note text NOT NULL
);

COMMENT ON COLUMN ledger_successions.origin IS 'of the log that follows';

CREATE TABLE ledger_tiles (
    level smallint NOT NULL,
    idx bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT ledger_tiles_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT ledger_tiles_level_check CHECK ((level > 0))
);

CREATE TABLE ledger_witnesses (
    vkey text NOT NULL,
    added_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE list_statements (
    is_only boolean DEFAULT true NOT NULL,
    at timestamp with time zone NOT NULL,
    note text NOT NULL,
    CONSTRAINT list_statements_is_only_check CHECK (is_only)
);

COMMENT ON COLUMN list_statements.at IS 'when the list was in the state that is stated';

CREATE TABLE list_states (
    is_only boolean DEFAULT true NOT NULL,
    version bigint NOT NULL,
    count bigint NOT NULL,
    sha256 bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT list_states_is_only_check CHECK (is_only),
    CONSTRAINT list_states_sha256_check CHECK ((length(sha256) = 32))
);

COMMENT ON COLUMN list_states.sha256 IS 'of the set that a copy of the change feed holds at this version';

CREATE TABLE listing_aliases (
    natural_key bytea NOT NULL,
    content_digest bytea NOT NULL,
    listing_id uuid NOT NULL,
    version integer NOT NULL
);

CREATE TABLE listing_notifications (
    id uuid NOT NULL,
    listing_id uuid NOT NULL,
    court_code text NOT NULL,
    addressee_kind text NOT NULL,
    sent_on date NOT NULL,
    sealed bytea NOT NULL,
    member text,
    operator text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT listing_notifications_addressee_kind_check CHECK ((addressee_kind = ANY (ARRAY['employer'::text, 'superior'::text, 'investor'::text, 'credit_bureau'::text, 'industry_body'::text])))
);

COMMENT ON COLUMN listing_notifications.sealed IS 'who was told, and by what means';

CREATE TABLE listing_performances (
    id uuid NOT NULL,
    listing_id uuid NOT NULL,
    court_code text NOT NULL,
    kind text NOT NULL,
    performed_on date NOT NULL,
    note bytea,
    member text,
    operator text,
    stated_on date NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT listing_performances_kind_check CHECK ((kind = ANY (ARRAY['performed'::text, 'settlement_performed'::text])))
);

COMMENT ON COLUMN listing_performances.note IS 'sealed';

COMMENT ON COLUMN listing_performances.stated_on IS 'the legal day on which the court said so: what is due counts from it';

CREATE TABLE listing_versions (
    listing_id uuid NOT NULL,
    version integer NOT NULL,
    list_version bigint,
    at timestamp with time zone NOT NULL,
    act text NOT NULL,
    member text,
    key_id text,
    operator text,
    reason text,
    ground text,
    decided_on date,
    import_id uuid,
    natural_key bytea,
    content_digest bytea,
    document jsonb,
    secret bytea,
    dispute_state text,
    filed_on date,
    CONSTRAINT listing_versions_act_check CHECK ((act = ANY (ARRAY['decided'::text, 'published'::text, 'corrected'::text, 'extended'::text, 'disputed'::text, 'contested'::text, 'contest_withdrawn'::text, 'suspended'::text, 'resumed'::text, 'reinstated'::text, 'expired'::text, 'deleted'::text, 'withdrawn'::text]))),
    CONSTRAINT listing_versions_check CHECK ((((document IS NULL) = (content_digest IS NULL)) AND ((document IS NULL) = (natural_key IS NULL))))
);

COMMENT ON COLUMN listing_versions.filed_on IS 'of a dispute: when it was filed with the court';

CREATE TABLE listings (
    id uuid NOT NULL,
    version integer NOT NULL,
    list_version bigint,
    natural_key bytea NOT NULL,
    loose_key bytea NOT NULL,
    court_code text NOT NULL,
    court_name text NOT NULL,
    case_number text NOT NULL,
    party_sequence integer NOT NULL,
    kind text NOT NULL,
    debtor_name text NOT NULL,
    identifier_masked text,
    people jsonb,
    circumstances text[] NOT NULL,
    decided_on date,
    decision_number text,
    published_on date NOT NULL,
    grace_until date,
    in_force_from date NOT NULL,
    expires_on date,
    dispute_state text,
    is_published boolean NOT NULL,
    ended text,
    ended_on date,
    performance text,
    suspended_on date,
    record_id text,
    performed_elsewhere_on date,
    contested_on date,
    CONSTRAINT listings_check CHECK (((ended IS NULL) = (ended_on IS NULL))),
    CONSTRAINT listings_dispute_state_check CHECK ((dispute_state = ANY (ARRAY['filed'::text, 'reconsideration'::text, 'rejected'::text, 'upheld'::text]))),
    CONSTRAINT listings_ended_check CHECK ((ended = ANY (ARRAY['expired'::text, 'deleted'::text, 'withdrawn'::text]))),
    CONSTRAINT listings_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'organisation'::text])))
);

COMMENT ON COLUMN listings.list_version IS 'the list version that last changed it; null in grace';

COMMENT ON COLUMN listings.is_published IS 'whether the change feed has it; checks go by in_force_from';

COMMENT ON COLUMN listings.suspended_on IS 'the decision that suspended it, while it is suspended: not in force, not ended';

COMMENT ON COLUMN listings.record_id IS '失信ID or 流水号';

COMMENT ON COLUMN listings.performed_elsewhere_on IS 'when another listing of the same debtor in the same case was deleted as performed; null once the court has looked';

COMMENT ON COLUMN listings.contested_on IS 'since when the court doubts that the number is the debtor''s, while it does';

CREATE TABLE many_numbers (
    member text NOT NULL,
    name bytea NOT NULL,
    is_refused boolean NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE matters (
    code text NOT NULL,
    name text NOT NULL,
    name_en text NOT NULL
);

CREATE TABLE measures_versions (
    version bigint NOT NULL,
    sha256 bytea NOT NULL,
    catalogue jsonb NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    applied_by text
);

CREATE TABLE member_contacts (
    member text NOT NULL,
    revision integer NOT NULL,
    contacts bytea NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE member_lineage (
    member text NOT NULL,
    ancestor text NOT NULL,
    since date
);

COMMENT ON COLUMN member_lineage.since IS 'the day on which member took the place of ancestor';

CREATE TABLE member_names (
    member text NOT NULL,
    valid_from date NOT NULL,
    name text NOT NULL,
    CONSTRAINT member_names_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

CREATE TABLE members (
    code text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    court_code text,
    added_at timestamp with time zone NOT NULL,
    matters text[],
    CONSTRAINT members_check CHECK (((kind = 'court'::text) = (court_code IS NOT NULL))),
    CONSTRAINT members_code_check CHECK (((length(code) >= 1) AND (length(code) <= 64))),
    CONSTRAINT members_kind_check CHECK ((kind = ANY (ARRAY['court'::text, 'agency'::text, 'auditor'::text]))),
    CONSTRAINT members_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

COMMENT ON COLUMN members.matters IS 'what its keys may be given to ask; null = not narrowed';

CREATE TABLE notice_events (
    version bigint NOT NULL,
    notice_id uuid NOT NULL,
    agency text NOT NULL,
    court_code text NOT NULL,
    act text NOT NULL,
    at timestamp with time zone NOT NULL,
    member text,
    operator text,
    valid_until date,
    detail bytea,
    CONSTRAINT notice_events_act_check CHECK ((act = ANY (ARRAY['served'::text, 'acknowledged'::text, 'answered'::text, 'renewed'::text, 'released'::text, 'escalated'::text, 'attached'::text])))
);

COMMENT ON COLUMN notice_events.detail IS 'sealed: what was replied, why it was released, the ruling of a renewal';

CREATE TABLE notice_keys (
    digest bytea NOT NULL,
    notice_id uuid NOT NULL,
    kind smallint NOT NULL,
    is_live boolean DEFAULT true NOT NULL,
    CONSTRAINT notice_keys_digest_check CHECK ((length(digest) = 16))
);

ALTER TABLE ONLY notice_keys REPLICA IDENTITY FULL;

CREATE TABLE notices (
    id uuid NOT NULL,
    number text NOT NULL,
    case_number text NOT NULL,
    ruling_number text NOT NULL,
    court_member text NOT NULL,
    court_code text NOT NULL,
    court_name text NOT NULL,
    agency text NOT NULL,
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject_name text NOT NULL,
    identifier_masked text,
    object text,
    object_key text,
    object_kind text,
    valid_until date,
    due_at timestamp with time zone,
    urgency text NOT NULL,
    secret bytea NOT NULL,
    served_at timestamp with time zone NOT NULL,
    acknowledged_at timestamp with time zone,
    escalated_at timestamp with time zone,
    answered_at timestamp with time zone,
    result text,
    reply bytea,
    released_at timestamp with time zone,
    findings bytea,
    CONSTRAINT notices_action_check CHECK ((action = ANY (ARRAY['stop_transfer'::text, 'stop_procedure'::text, 'query'::text, 'freeze'::text, 'deduct'::text, 'seize'::text, 'dispatch_police'::text, 'transfer_execution'::text, 'locate_person'::text, 'control_vehicle'::text, 'bar_exit'::text, 'withhold_income'::text, 'refer_crime'::text]))),
    CONSTRAINT notices_check CHECK (((answered_at IS NULL) = (result IS NULL))),
    CONSTRAINT notices_result_check CHECK ((result = ANY (ARRAY['done'::text, 'partly_done'::text, 'not_found'::text, 'refused'::text]))),
    CONSTRAINT notices_subject_kind_check CHECK ((subject_kind = ANY (ARRAY['person'::text, 'organisation'::text]))),
    CONSTRAINT notices_urgency_check CHECK ((urgency = ANY (ARRAY['normal'::text, 'urgent'::text, 'emergency'::text])))
);

COMMENT ON COLUMN notices.secret IS 'sealed: subject and text as served';

COMMENT ON COLUMN notices.findings IS 'sealed: what was found, in answer to a query';

CREATE TABLE objections (
    id uuid NOT NULL,
    listing_id uuid NOT NULL,
    court_code text NOT NULL,
    grounds text NOT NULL,
    state text NOT NULL,
    received_on date NOT NULL,
    due_on date NOT NULL,
    text bytea NOT NULL,
    decided_on date,
    reason bytea,
    reconsidered boolean DEFAULT false NOT NULL,
    led_to text,
    led_to_version integer,
    at timestamp with time zone NOT NULL,
    reconsideration_filed_on date,
    reconsideration_decided_on date,
    reconsideration_reason bytea,
    filed_by_member text,
    CONSTRAINT objections_check CHECK (((led_to IS NULL) = (led_to_version IS NULL))),
    CONSTRAINT objections_grounds_check CHECK ((grounds = ANY (ARRAY['not_to_be_listed'::text, 'inaccurate'::text, 'to_be_deleted'::text, 'not_the_debtor'::text]))),
    CONSTRAINT objections_state_check CHECK ((state = ANY (ARRAY['filed'::text, 'rejected'::text, 'upheld'::text, 'reconsideration'::text])))
);

COMMENT ON COLUMN objections.due_on IS 'the last day for the step that is due in this state';

COMMENT ON COLUMN objections.filed_by_member IS 'the unit that filed it for the person; null = the court itself';

CREATE TABLE passed_listings (
    listing_id uuid NOT NULL,
    passed_for uuid
);

COMMENT ON COLUMN passed_listings.passed_for IS 'what has its place here; null: its court is a member and speaks for itself';

CREATE TABLE proposals (
    id uuid NOT NULL,
    member text NOT NULL,
    act text NOT NULL,
    target uuid,
    base_version bigint,
    content bytea NOT NULL,
    content_sha256 bytea NOT NULL,
    replaces uuid,
    made_by text NOT NULL,
    operator text,
    made_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    decided_by text,
    decider text,
    decided_at timestamp with time zone,
    outcome bytea,
    CONSTRAINT proposals_act_check CHECK ((act = ANY (ARRAY['publish'::text, 'correct'::text, 'extend'::text, 'import'::text, 'stop_notice'::text, 'key'::text, 'catalogue'::text, 'resume'::text, 'lift_contest'::text, 'renew_notice'::text]))),
    CONSTRAINT proposals_another_person CHECK ((decided_by <> made_by)),
    CONSTRAINT proposals_content_sha256_check CHECK ((length(content_sha256) = 32)),
    CONSTRAINT proposals_days CHECK ((ends_at = (made_at + '168:00:00'::interval))),
    CONSTRAINT proposals_decision CHECK ((((state = 'waiting'::text) = (decided_at IS NULL)) AND ((state = ANY (ARRAY['in_force'::text, 'returned'::text])) = (decided_by IS NOT NULL)))),
    CONSTRAINT proposals_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'in_force'::text, 'returned'::text, 'recalled'::text])))
);

COMMENT ON COLUMN proposals.target IS 'the listing, the import or the notice that it is about';

COMMENT ON COLUMN proposals.base_version IS 'that of the target when it was proposed: it is approved on that alone';

COMMENT ON COLUMN proposals.content IS 'sealed';

COMMENT ON COLUMN proposals.outcome IS 'what came of it, sealed: what was done, or why it was returned';

CREATE TABLE removal_certificates (
    id uuid NOT NULL,
    listing_id uuid NOT NULL,
    court_code text NOT NULL,
    number text NOT NULL,
    entry_id uuid NOT NULL,
    statement bytea NOT NULL,
    member text,
    operator text,
    at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN removal_certificates.statement IS 'sealed: what it states';

CREATE TABLE reviews (
    id uuid NOT NULL,
    member text NOT NULL,
    act text NOT NULL,
    target uuid NOT NULL,
    version integer,
    made_by text NOT NULL,
    operator text,
    made_at timestamp with time zone NOT NULL,
    due_on date NOT NULL,
    reviewed_by text,
    reviewer text,
    reviewed_at timestamp with time zone,
    finding text,
    note bytea,
    CONSTRAINT reviews_act_check CHECK ((act = ANY (ARRAY['delete'::text, 'withdraw'::text, 'release'::text, 'suspend'::text, 'contest'::text]))),
    CONSTRAINT reviews_another_person CHECK ((reviewed_by <> made_by)),
    CONSTRAINT reviews_done CHECK ((((reviewed_by IS NULL) = (reviewed_at IS NULL)) AND ((reviewed_by IS NULL) = (finding IS NULL)))),
    CONSTRAINT reviews_finding_check CHECK ((finding = ANY (ARRAY['in_order'::text, 'not_in_order'::text])))
);

COMMENT ON COLUMN reviews.note IS 'sealed';

CREATE TABLE roster_parts (
    roster_id uuid NOT NULL,
    what text NOT NULL,
    part integer NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT roster_parts_what_check CHECK ((what = ANY (ARRAY['upload'::text, 'result'::text])))
);

COMMENT ON COLUMN roster_parts.content IS 'sealed';

CREATE TABLE roster_slices (
    roster_id uuid NOT NULL,
    slice integer NOT NULL,
    content bytea NOT NULL,
    results bytea
);

COMMENT ON COLUMN roster_slices.content IS 'sealed';

COMMENT ON COLUMN roster_slices.results IS 'sealed; null until they are asked';

CREATE TABLE rosters (
    id uuid NOT NULL,
    member text NOT NULL,
    once text NOT NULL,
    key_id text NOT NULL,
    operator text,
    request_id text,
    matter text NOT NULL,
    role text NOT NULL,
    kind text NOT NULL,
    identifier_type text NOT NULL,
    state text NOT NULL,
    problem text,
    private bytea NOT NULL,
    file_sha256 bytea,
    bytes bigint DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    slices integer DEFAULT 0 NOT NULL,
    staged integer DEFAULT 0 NOT NULL,
    rows integer,
    settled integer DEFAULT 0 NOT NULL,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    first_version bigint,
    last_version bigint,
    result_bytes bigint,
    queued_at timestamp with time zone NOT NULL,
    began_at timestamp with time zone,
    turn_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT rosters_state_check CHECK ((state = ANY (ARRAY['incoming'::text, 'queued'::text, 'running'::text, 'done'::text, 'refused'::text])))
);

COMMENT ON COLUMN rosters.id IS 'and the name of its screening';

COMMENT ON COLUMN rosters.once IS 'of the form: one that is sent twice is one roster';

COMMENT ON COLUMN rosters.key_id IS 'the account that asks';

COMMENT ON COLUMN rosters.problem IS 'a code of ours: why it was not screened';

COMMENT ON COLUMN rosters.private IS 'sealed: how the file is called, its columns';

COMMENT ON COLUMN rosters.staged IS 'rows read so far';

COMMENT ON COLUMN rosters.rows IS 'all of them, once it is read';

COMMENT ON COLUMN rosters.counts IS 'rows by conclusion';

COMMENT ON COLUMN rosters.first_version IS 'of the list that answered';

COMMENT ON COLUMN rosters.turn_at IS 'when it last had its turn: they take turns';

CREATE TABLE screened_parts (
    member text NOT NULL,
    part text NOT NULL,
    screening text NOT NULL,
    rows integer NOT NULL,
    at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN screened_parts.part IS 'the Idempotency-Key it was asked under';

CREATE TABLE simulations (
    id uuid NOT NULL,
    member text,
    key_id text,
    operator text,
    request_id text,
    candidate jsonb NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    progress double precision DEFAULT 0 NOT NULL,
    queued_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    result jsonb,
    problem text,
    CONSTRAINT simulations_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'attended'::text, 'running'::text, 'done'::text, 'failed'::text])))
);

CREATE TABLE staff (
    id text NOT NULL,
    member text NOT NULL,
    login text NOT NULL,
    name bytea NOT NULL,
    employee_digest bytea NOT NULL,
    office text,
    password text,
    passwords_before text[] DEFAULT '{}'::text[] NOT NULL,
    password_set_at timestamp with time zone,
    totp bytea,
    totp_step bigint DEFAULT 0 NOT NULL,
    enrolment_sha256 bytea,
    enrolment_until timestamp with time zone,
    locked_until timestamp with time zone,
    preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    opened_by text,
    ended_at timestamp with time zone,
    CONSTRAINT staff_employee_digest_check CHECK ((length(employee_digest) = 16)),
    CONSTRAINT staff_login_check CHECK (((login = lower(login)) AND ((length(login) >= 3) AND (length(login) <= 32)))),
    CONSTRAINT staff_office_check CHECK ((office = ANY (ARRAY['window'::text, 'court'::text, 'auditor'::text, 'supervisor'::text, 'system'::text, 'security'::text])))
);

COMMENT ON COLUMN staff.name IS 'sealed';

COMMENT ON COLUMN staff.totp IS 'the secret, sealed';

COMMENT ON COLUMN staff.totp_step IS 'the last step whose code was used: each code counts once';

COMMENT ON COLUMN staff.locked_until IS 'infinity: until an officer unlocks it';

CREATE TABLE staff_attempts (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    staff text,
    source_ip inet,
    what text NOT NULL,
    succeeded boolean NOT NULL,
    CONSTRAINT staff_attempts_what_check CHECK ((what = ANY (ARRAY['login'::text, 'factor'::text, 'lock'::text])))
);

ALTER TABLE staff_attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME staff_attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE staff_backup_codes (
    staff text NOT NULL,
    code_sha256 bytea NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT staff_backup_codes_code_sha256_check CHECK ((length(code_sha256) = 32))
);

CREATE TABLE staff_challenges (
    challenge_sha256 bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT staff_challenges_challenge_sha256_check CHECK ((length(challenge_sha256) = 32))
);

CREATE TABLE staff_duties (
    staff text NOT NULL,
    office text NOT NULL,
    duty text NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone,
    granted_by text,
    CONSTRAINT staff_duties_check CHECK ((office =
CASE
    WHEN (duty = ANY (ARRAY['maker'::text, 'checker'::text])) THEN 'court'::text
    ELSE duty
END)),
    CONSTRAINT staff_duties_duty_check CHECK ((duty = ANY (ARRAY['window'::text, 'maker'::text, 'checker'::text, 'auditor'::text, 'supervisor'::text, 'system'::text, 'security'::text])))
);

CREATE TABLE staff_matters (
    staff text NOT NULL,
    matter text NOT NULL
);

CREATE TABLE staff_passkeys (
    credential_id bytea NOT NULL,
    staff text NOT NULL,
    label text NOT NULL,
    credential bytea NOT NULL,
    sign_count bigint NOT NULL,
    added_at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN staff_passkeys.credential IS 'attested credential data (WebAuthn Level 2, 6.5.1)';

CREATE TABLE staff_sessions (
    staff text NOT NULL,
    secret_sha256 bytea NOT NULL,
    factor text NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    proved_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    source_ip inet,
    CONSTRAINT staff_sessions_factor_check CHECK ((factor = ANY (ARRAY['totp'::text, 'passkey'::text, 'backup_code'::text]))),
    CONSTRAINT staff_sessions_secret_sha256_check CHECK ((length(secret_sha256) = 32))
);

CREATE TABLE subject_keys (
    digest bytea NOT NULL,
    listing_id uuid NOT NULL,
    from_version bigint NOT NULL,
    until_version bigint,
    kind smallint NOT NULL,
    relation smallint NOT NULL,
    person smallint,
    CONSTRAINT subject_keys_digest_check CHECK ((length(digest) = 16))
);

ALTER TABLE ONLY subject_keys REPLICA IDENTITY FULL;

COMMENT ON COLUMN subject_keys.person IS 'place in listings.people; null for the debtor itself';

CREATE TABLE version_restarts (
    name text NOT NULL,
    last_version bigint NOT NULL,
    first_version bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT version_restarts_name_check CHECK ((name = ANY (ARRAY['list'::text, 'notices'::text]))),
    CONSTRAINT version_restarts_order_check CHECK ((last_version < first_version))
);

CREATE TABLE watch_cursor (
    is_only boolean DEFAULT true NOT NULL,
    list_version bigint NOT NULL,
    measures_version bigint NOT NULL,
    notices_version bigint NOT NULL,
    judged_on date NOT NULL,
    lineages bigint DEFAULT 0 NOT NULL,
    CONSTRAINT watch_cursor_is_only_check CHECK (is_only)
);

COMMENT ON COLUMN watch_cursor.lineages IS 'how many rows member_lineage had: they are added, never taken away';

CREATE TABLE watch_events (
    member_code text NOT NULL,
    sequence bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    type text NOT NULL,
    watch_id uuid,
    revision integer,
    check_id uuid NOT NULL,
    reference text NOT NULL,
    matter text NOT NULL,
    before text,
    after text,
    list_version bigint,
    notices_version bigint,
    cause text NOT NULL,
    CONSTRAINT watch_events_after_check CHECK ((after = ANY (ARRAY['block'::text, 'flag'::text, 'clear'::text]))),
    CONSTRAINT watch_events_before_check CHECK ((before = ANY (ARRAY['block'::text, 'flag'::text, 'clear'::text]))),
    CONSTRAINT watch_events_check CHECK (((watch_id IS NULL) = (revision IS NULL))),
    CONSTRAINT watch_events_type_check CHECK ((type = ANY (ARRAY['watch.decision_changed'::text, 'watch.matches_changed'::text, 'watch.ended'::text, 'check.listing_withdrawn'::text])))
);

CREATE TABLE watch_feeds (
    member_code text NOT NULL,
    last_sequence bigint DEFAULT 0 NOT NULL,
    acknowledged bigint DEFAULT 0 NOT NULL,
    acknowledged_at timestamp with time zone,
    open bigint DEFAULT 0 NOT NULL,
    forgotten bigint DEFAULT 0 NOT NULL,
    CONSTRAINT watch_feeds_check CHECK (((acknowledged >= 0) AND (acknowledged <= last_sequence))),
    CONSTRAINT watch_feeds_forgotten_check CHECK (((forgotten >= 0) AND (forgotten <= last_sequence)))
);

COMMENT ON COLUMN watch_feeds.open IS 'its open watches, but for those unprimed';

COMMENT ON COLUMN watch_feeds.forgotten IS 'events up to this one are kept no longer';

CREATE TABLE watch_keys (
    digest uuid NOT NULL,
    watch_id uuid NOT NULL
);

ALTER TABLE ONLY watch_keys REPLICA IDENTITY FULL;

CREATE TABLE watch_sweeps (
    matter text NOT NULL,
    after_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    cause text NOT NULL
);

CREATE TABLE watch_withdrawals (
    list_version bigint NOT NULL,
    listing_id uuid NOT NULL,
    withdrawn_at timestamp with time zone NOT NULL,
    after_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    after_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    is_last_look boolean DEFAULT false NOT NULL
);

CREATE TABLE watches (
    id uuid NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    check_id uuid,
    revision integer DEFAULT 0 NOT NULL,
    until date NOT NULL,
    recheck_on date,
    digest_rules smallint NOT NULL,
    is_doubted boolean NOT NULL,
    after_outcome boolean NOT NULL,
    member_code text NOT NULL,
    matter text NOT NULL,
    reference text NOT NULL,
    decision text NOT NULL,
    tell text NOT NULL,
    matches bytea NOT NULL,
    cause text,
    question bytea,
    CONSTRAINT watches_check CHECK (((closed_at IS NULL) = (cause IS NULL))),
    CONSTRAINT watches_check1 CHECK (((closed_at IS NULL) = (question IS NOT NULL))),
    CONSTRAINT watches_decision_check CHECK ((decision = ANY (ARRAY['block'::text, 'flag'::text, 'clear'::text]))),
    CONSTRAINT watches_matches_check CHECK ((length(matches) = 16)),
    CONSTRAINT watches_tell_check CHECK ((tell = ANY (ARRAY['decision'::text, 'matches'::text])))
);

COMMENT ON COLUMN watches.check_id IS 'the newest recheck; null = the check itself';

COMMENT ON COLUMN watches.recheck_on IS 'the first legal date on which the calendar alone may change the answer';

COMMENT ON COLUMN watches.is_doubted IS 'answered on a list that was not fed for too long';

COMMENT ON COLUMN watches.matches IS 'a digest of which listings and notices matched, and with what effect';

COMMENT ON COLUMN watches.question IS 'sealed: subjects and object; gone once it is closed';

CREATE TABLE watches_due (
    watch_id uuid NOT NULL,
    rank smallint NOT NULL,
    cause text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON COLUMN watches_due.rank IS '0: by a single act, before those by whole files, days and catalogues';

CREATE TABLE watches_unprimed (
    watch_id uuid NOT NULL,
    member_code text NOT NULL,
    list_version bigint NOT NULL,
    measures_version bigint NOT NULL,
    notices_version bigint NOT NULL,
    judged_on date NOT NULL
);

CREATE TABLE webhook_deliveries (
    webhook_id uuid NOT NULL,
    sequence bigint NOT NULL,
    line uuid NOT NULL,
    type text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    pending_since timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    tried_at timestamp with time zone,
    status smallint,
    fault text,
    milliseconds integer,
    settled_at timestamp with time zone,
    body bytea NOT NULL,
    CONSTRAINT webhook_deliveries_check CHECK (((state = 'pending'::text) = (settled_at IS NULL))),
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'superseded'::text, 'dead'::text])))
);

COMMENT ON COLUMN webhook_deliveries.line IS 'its watch, or the past check: what keeps order';

COMMENT ON COLUMN webhook_deliveries.due_at IS 'when it may be tried, or tried again';

COMMENT ON COLUMN webhook_deliveries.leased_until IS 'under way: by then it is settled, or tried anew';

COMMENT ON COLUMN webhook_deliveries.body IS 'the bytes that are signed and sent, the same on every try';

CREATE TABLE webhook_told (
    member_code text NOT NULL,
    through bigint DEFAULT 0 NOT NULL
);

CREATE TABLE webhooks (
    id uuid NOT NULL,
    member_code text NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    state text NOT NULL,
    cause text,
    secret bytea,
    last_secret bytea,
    last_secret_until timestamp with time zone,
    cursor bigint NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    next_try_at timestamp with time zone,
    width smallint DEFAULT 8 NOT NULL,
    made_at timestamp with time zone NOT NULL,
    approved_at timestamp with time zone,
    verified_at timestamp with time zone,
    disabled_at timestamp with time zone,
    closed_at timestamp with time zone,
    test_asked_at timestamp with time zone,
    test_tried_at timestamp with time zone,
    test_status smallint,
    test_fault text,
    test_milliseconds integer,
    CONSTRAINT webhooks_cause_check CHECK ((cause = ANY (ARRAY['gone'::text, 'days'::text]))),
    CONSTRAINT webhooks_check CHECK (((state = 'closed'::text) = (closed_at IS NOT NULL))),
    CONSTRAINT webhooks_check1 CHECK (((state = 'closed'::text) = (secret IS NULL))),
    CONSTRAINT webhooks_check2 CHECK (((state = 'disabled'::text) = (cause IS NOT NULL))),
    CONSTRAINT webhooks_check3 CHECK (((last_secret IS NULL) = (last_secret_until IS NULL))),
    CONSTRAINT webhooks_state_check CHECK ((state = ANY (ARRAY['awaiting_approval'::text, 'verifying'::text, 'active'::text, 'failing'::text, 'disabled'::text, 'closed'::text]))),
    CONSTRAINT webhooks_types_check CHECK ((cardinality(types) > 0)),
    CONSTRAINT webhooks_width_check CHECK (((width >= 1) AND (width <= 8)))
);

COMMENT ON COLUMN webhooks.secret IS 'sealed; gone once it is closed';

COMMENT ON COLUMN webhooks.last_secret IS 'sealed: signs along for a while after a rotation';

COMMENT ON COLUMN webhooks.cursor IS 'the last event of the member of which a delivery was made, or that was passed over';

COMMENT ON COLUMN webhooks.failures IS 'in a row; tries under way together count once';

COMMENT ON COLUMN webhooks.width IS 'how many tries may be under way';

ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY api_key_matters
    ADD CONSTRAINT api_key_matters_pkey PRIMARY KEY (key_id, matter);

ALTER TABLE ONLY api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY asked_numbers
    ADD CONSTRAINT asked_numbers_pkey PRIMARY KEY (member, name, number);

ALTER TABLE ONLY attachment_parts
    ADD CONSTRAINT attachment_parts_pkey PRIMARY KEY (attachment_id, part);

ALTER TABLE ONLY attachments
    ADD CONSTRAINT attachments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY check_days_counted
    ADD CONSTRAINT check_days_counted_pkey PRIMARY KEY (legal_date);

ALTER TABLE ONLY check_days
    ADD CONSTRAINT check_days_pkey PRIMARY KEY (legal_date, agency, matter, decision);

ALTER TABLE ONLY check_outcomes
    ADD CONSTRAINT check_outcomes_pkey PRIMARY KEY (check_id, revision);

ALTER TABLE ONLY court_feeds
    ADD CONSTRAINT court_feeds_pkey PRIMARY KEY (court_code);

ALTER TABLE ONLY court_options
    ADD CONSTRAINT court_options_pkey PRIMARY KEY (member, act);

ALTER TABLE ONLY date_confirmations
    ADD CONSTRAINT date_confirmations_pkey PRIMARY KEY (at);

ALTER TABLE ONLY digestings
    ADD CONSTRAINT digestings_pkey PRIMARY KEY (rules);

ALTER TABLE ONLY embargoes
    ADD CONSTRAINT embargoes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY export_parts
    ADD CONSTRAINT export_parts_pkey PRIMARY KEY (export_id, part);

ALTER TABLE ONLY exports
    ADD CONSTRAINT exports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY followed_listings
    ADD CONSTRAINT followed_listings_pkey PRIMARY KEY (listing_id);

ALTER TABLE ONLY followed_lists
    ADD CONSTRAINT followed_lists_pkey PRIMARY KEY (origin);

ALTER TABLE ONLY followers
    ADD CONSTRAINT followers_pkey PRIMARY KEY (member);

ALTER TABLE ONLY heads
    ADD CONSTRAINT heads_pkey PRIMARY KEY (name);

ALTER TABLE ONLY idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (member, key);

ALTER TABLE ONLY import_fates
    ADD CONSTRAINT import_fates_pkey PRIMARY KEY (import_id, "row");

ALTER TABLE ONLY import_parts
    ADD CONSTRAINT import_parts_pkey PRIMARY KEY (import_id, part);

ALTER TABLE ONLY import_refusals
    ADD CONSTRAINT import_refusals_pkey PRIMARY KEY (import_id, "row");

ALTER TABLE ONLY import_rows
    ADD CONSTRAINT import_rows_pkey PRIMARY KEY (import_id, "row");

ALTER TABLE ONLY imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY leads
    ADD CONSTRAINT leads_pkey PRIMARY KEY (id);

ALTER TABLE ONLY ledger_checkpoints
    ADD CONSTRAINT ledger_checkpoints_pkey PRIMARY KEY (size);

ALTER TABLE ONLY ledger_cosignatures
    ADD CONSTRAINT ledger_cosignatures_pkey PRIMARY KEY (size, vkey);

ALTER TABLE ONLY ledger_displaced
    ADD CONSTRAINT ledger_displaced_pkey PRIMARY KEY (first_idx);

ALTER TABLE ONLY ledger_entries
    ADD CONSTRAINT ledger_entries_pkey PRIMARY KEY (at, id);

ALTER TABLE ONLY ledger_keys
    ADD CONSTRAINT ledger_keys_pkey PRIMARY KEY (number);

ALTER TABLE ONLY ledger_keys
    ADD CONSTRAINT ledger_keys_vkey_key UNIQUE (vkey);

ALTER TABLE ONLY ledger_leaves
    ADD CONSTRAINT ledger_leaves_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY ledger_leaves
    ADD CONSTRAINT ledger_leaves_pkey PRIMARY KEY (idx);

ALTER TABLE ONLY ledger_log
    ADD CONSTRAINT ledger_log_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY ledger_order
    ADD CONSTRAINT ledger_order_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY ledger_pending
    ADD CONSTRAINT ledger_pending_pkey PRIMARY KEY (id);

ALTER TABLE ONLY ledger_sealing
    ADD CONSTRAINT ledger_sealing_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY ledger_secrets
    ADD CONSTRAINT ledger_secrets_pkey PRIMARY KEY (at, entry_id);

ALTER TABLE ONLY ledger_subjects
    ADD CONSTRAINT ledger_subjects_pkey PRIMARY KEY (at, entry_id, ordinal);

ALTER TABLE ONLY ledger_successions
    ADD CONSTRAINT ledger_successions_pkey PRIMARY KEY (origin);

ALTER TABLE ONLY ledger_tiles
    ADD CONSTRAINT ledger_tiles_pkey PRIMARY KEY (level, idx);

ALTER TABLE ONLY ledger_witnesses
    ADD CONSTRAINT ledger_witnesses_pkey PRIMARY KEY (vkey);

ALTER TABLE ONLY list_statements
    ADD CONSTRAINT list_statements_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY list_states
    ADD CONSTRAINT list_states_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY listing_aliases
    ADD CONSTRAINT listing_aliases_pkey PRIMARY KEY (natural_key, content_digest, listing_id, version);

ALTER TABLE ONLY listing_notifications
    ADD CONSTRAINT listing_notifications_pkey PRIMARY KEY (id);

ALTER TABLE ONLY listing_performances
    ADD CONSTRAINT listing_performances_pkey PRIMARY KEY (id);

ALTER TABLE ONLY listing_versions
    ADD CONSTRAINT listing_versions_pkey PRIMARY KEY (listing_id, version);

ALTER TABLE ONLY listings
    ADD CONSTRAINT listings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY many_numbers
    ADD CONSTRAINT many_numbers_pkey PRIMARY KEY (member, name, is_refused);

ALTER TABLE ONLY matters
    ADD CONSTRAINT matters_pkey PRIMARY KEY (code);

ALTER TABLE ONLY measures_versions
    ADD CONSTRAINT measures_versions_pkey PRIMARY KEY (version);

ALTER TABLE ONLY member_contacts
    ADD CONSTRAINT member_contacts_pkey PRIMARY KEY (member, revision);

ALTER TABLE ONLY member_lineage
    ADD CONSTRAINT member_lineage_pkey PRIMARY KEY (ancestor, member);

ALTER TABLE ONLY member_names
    ADD CONSTRAINT member_names_pkey PRIMARY KEY (member, valid_from);

ALTER TABLE ONLY members
    ADD CONSTRAINT members_court_code_key UNIQUE (court_code);

ALTER TABLE ONLY members
    ADD CONSTRAINT members_pkey PRIMARY KEY (code);

ALTER TABLE ONLY notice_events
    ADD CONSTRAINT notice_events_pkey PRIMARY KEY (version);

ALTER TABLE ONLY notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY objections
    ADD CONSTRAINT objections_pkey PRIMARY KEY (id);

ALTER TABLE ONLY passed_listings
    ADD CONSTRAINT passed_listings_pkey PRIMARY KEY (listing_id);

ALTER TABLE ONLY proposals
    ADD CONSTRAINT proposals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY removal_certificates
    ADD CONSTRAINT removal_certificates_number_key UNIQUE (number);

ALTER TABLE ONLY removal_certificates
    ADD CONSTRAINT removal_certificates_pkey PRIMARY KEY (id);

ALTER TABLE ONLY reviews
    ADD CONSTRAINT reviews_pkey PRIMARY KEY (id);

ALTER TABLE ONLY roster_parts
    ADD CONSTRAINT roster_parts_pkey PRIMARY KEY (roster_id, what, part);

ALTER TABLE ONLY roster_slices
    ADD CONSTRAINT roster_slices_pkey PRIMARY KEY (roster_id, slice);

ALTER TABLE ONLY rosters
    ADD CONSTRAINT rosters_member_once_key UNIQUE (member, once);

ALTER TABLE ONLY rosters
    ADD CONSTRAINT rosters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY screened_parts
    ADD CONSTRAINT screened_parts_pkey PRIMARY KEY (member, part);

ALTER TABLE ONLY simulations
    ADD CONSTRAINT simulations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY staff_attempts
    ADD CONSTRAINT staff_attempts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY staff_backup_codes
    ADD CONSTRAINT staff_backup_codes_pkey PRIMARY KEY (staff, code_sha256);

ALTER TABLE ONLY staff_challenges
    ADD CONSTRAINT staff_challenges_pkey PRIMARY KEY (challenge_sha256);

ALTER TABLE ONLY staff_duties
    ADD CONSTRAINT staff_duties_pkey PRIMARY KEY (staff, duty, since);

ALTER TABLE ONLY staff
    ADD CONSTRAINT staff_id_office_key UNIQUE (id, office);

ALTER TABLE ONLY staff
    ADD CONSTRAINT staff_login_key UNIQUE (login);

ALTER TABLE ONLY staff_matters
    ADD CONSTRAINT staff_matters_pkey PRIMARY KEY (staff, matter);

ALTER TABLE ONLY staff_passkeys
    ADD CONSTRAINT staff_passkeys_pkey PRIMARY KEY (credential_id);

ALTER TABLE ONLY staff
    ADD CONSTRAINT staff_pkey PRIMARY KEY (id);

ALTER TABLE ONLY staff_sessions
    ADD CONSTRAINT staff_sessions_pkey PRIMARY KEY (staff);

ALTER TABLE ONLY staff_sessions
    ADD CONSTRAINT staff_sessions_secret_sha256_key UNIQUE (secret_sha256);

ALTER TABLE ONLY version_restarts
    ADD CONSTRAINT version_restarts_pkey PRIMARY KEY (name, first_version);

ALTER TABLE ONLY watch_cursor
    ADD CONSTRAINT watch_cursor_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY watch_events
    ADD CONSTRAINT watch_events_pkey PRIMARY KEY (member_code, sequence);

ALTER TABLE ONLY watch_feeds
    ADD CONSTRAINT watch_feeds_pkey PRIMARY KEY (member_code);

ALTER TABLE ONLY watch_sweeps
    ADD CONSTRAINT watch_sweeps_pkey PRIMARY KEY (matter);

ALTER TABLE ONLY watch_withdrawals
    ADD CONSTRAINT watch_withdrawals_pkey PRIMARY KEY (list_version);

ALTER TABLE ONLY watches_due
    ADD CONSTRAINT watches_due_pkey PRIMARY KEY (watch_id);

ALTER TABLE ONLY watches
    ADD CONSTRAINT watches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY watches_unprimed
    ADD CONSTRAINT watches_unprimed_pkey PRIMARY KEY (watch_id);

ALTER TABLE ONLY webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook_id, sequence);

ALTER TABLE ONLY webhook_told
    ADD CONSTRAINT webhook_told_pkey PRIMARY KEY (member_code);

ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

CREATE INDEX api_keys_member ON api_keys USING btree (member);

CREATE INDEX asked_numbers_at ON asked_numbers USING btree (at);

CREATE INDEX attachments_lead ON attachments USING btree (lead_id) WHERE (lead_id IS NOT NULL);

CREATE INDEX attachments_notice ON attachments USING btree (notice_id) WHERE (notice_id IS NOT NULL);

CREATE INDEX check_outcomes_agency ON check_outcomes USING btree (agency, checked_at);

CREATE INDEX embargoes_digest ON embargoes USING btree (digest) WHERE (lifted_at IS NULL);

CREATE INDEX exports_waiting ON exports USING btree (id) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX idempotency_keys_at ON idempotency_keys USING btree (at);

CREATE INDEX import_fates_reported ON import_fates USING btree (import_id, "row") WHERE ((fate = 'rejected'::text) OR (warnings <> '{}'::text[]));

CREATE INDEX import_rows_first_row ON import_rows USING btree (import_id, first_row) WHERE (NOT is_alone);

CREATE INDEX imports_court ON imports USING btree (court_code, id);

CREATE INDEX imports_open ON imports USING btree (id) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX leads_agency ON leads USING btree (agency, id);

CREATE INDEX leads_court ON leads USING btree (court_code, id);

CREATE INDEX leads_filed ON leads USING btree (filed_at);

CREATE INDEX ledger_entries_acts ON ONLY ledger_entries USING btree (action, at) WHERE (action <> 'check'::text);

CREATE INDEX ledger_entries_listing_ids ON ONLY ledger_entries USING gin (listing_ids) WHERE (listing_ids <> '{}'::uuid[]);

CREATE INDEX ledger_entries_operator ON ONLY ledger_entries USING btree (operator, at) WHERE (operator IS NOT NULL);

CREATE INDEX ledger_entries_reference ON ONLY ledger_entries USING btree (reference, at) WHERE (reference IS NOT NULL);

CREATE INDEX ledger_entries_waiting ON ONLY ledger_entries USING btree (agency, at) WHERE ((action = 'check'::text) AND (decision <> 'clear'::text));

CREATE INDEX ledger_subjects_digest ON ONLY ledger_subjects USING btree (digest, at);

CREATE INDEX listing_aliases_listing ON listing_aliases USING btree (listing_id);

CREATE INDEX listing_notifications_listing ON listing_notifications USING btree (listing_id);

CREATE INDEX listing_performances_listing ON listing_performances USING btree (listing_id);

CREATE INDEX listing_performances_stated ON listing_performances USING btree (stated_on);

CREATE INDEX listing_versions_absent ON listing_versions USING btree (listing_id) WHERE (ground = 'absent_from_snapshot'::text);

CREATE UNIQUE INDEX listing_versions_list_version ON listing_versions USING btree (list_version) WHERE (list_version IS NOT NULL);

CREATE INDEX listing_versions_natural_key ON listing_versions USING btree (natural_key) WHERE (natural_key IS NOT NULL);

CREATE INDEX listing_versions_severity ON listing_versions USING btree (((document ->> 'severity'::text))) WHERE ((document ->> 'severity'::text) IS NOT NULL);

CREATE INDEX listing_versions_unstated ON listing_versions USING btree (listing_id) WHERE (ground = 'unstated'::text);

CREATE INDEX listings_case ON listings USING btree (court_code, case_number);

CREATE INDEX listings_expired ON listings USING btree (court_code) WHERE (ended = 'expired'::text);

CREATE INDEX listings_expired_on ON listings USING btree (expires_on) WHERE (ended = 'expired'::text);

CREATE INDEX listings_grace ON listings USING btree (in_force_from) WHERE ((ended IS NULL) AND (NOT is_published));

CREATE INDEX listings_performed ON listings USING btree (court_code) WHERE ((ended IS NULL) AND (performance = 'full'::text));

CREATE INDEX listings_performed_elsewhere ON listings USING btree (court_code) WHERE (performed_elsewhere_on IS NOT NULL);

CREATE INDEX listings_term ON listings USING btree (expires_on) WHERE ((ended IS NULL) AND (expires_on IS NOT NULL));

CREATE UNIQUE INDEX listings_told_apart ON listings USING btree (natural_key, record_id, "left"(decision_number, 200)) NULLS NOT DISTINCT WHERE (ended IS NULL);

CREATE INDEX notice_events_notice ON notice_events USING btree (notice_id, version);

CREATE INDEX notice_keys_closed ON notice_keys USING btree (digest) WHERE (NOT is_live);

CREATE INDEX notice_keys_digest ON notice_keys USING btree (digest) WHERE is_live;

CREATE INDEX notice_keys_notice ON notice_keys USING btree (notice_id);

CREATE INDEX notices_agency ON notices USING btree (agency, id);

CREATE INDEX notices_court ON notices USING btree (court_code, id);

CREATE INDEX notices_emergency ON notices USING btree (served_at) WHERE ((urgency = 'emergency'::text) AND (acknowledged_at IS NULL) AND (escalated_at IS NULL) AND (released_at IS NULL));

CREATE UNIQUE INDEX notices_number ON notices USING btree (court_code, number, agency);

CREATE INDEX notices_object ON notices USING btree (agency, object_key) WHERE ((released_at IS NULL) AND (object_key IS NOT NULL));

CREATE INDEX objections_filed_by ON objections USING btree (filed_by_member, id) WHERE (filed_by_member IS NOT NULL);

CREATE INDEX objections_listing ON objections USING btree (listing_id);

CREATE INDEX objections_open ON objections USING btree (court_code, due_on) WHERE ((state = ANY (ARRAY['filed'::text, 'reconsideration'::text])) OR ((state = 'upheld'::text) AND (led_to IS NULL)));

CREATE UNIQUE INDEX proposals_import ON proposals USING btree (target) WHERE ((act = 'import'::text) AND (state = 'waiting'::text));

CREATE INDEX proposals_member ON proposals USING btree (member, id);

CREATE INDEX proposals_replaces ON proposals USING btree (replaces) WHERE (replaces IS NOT NULL);

CREATE INDEX proposals_waiting ON proposals USING btree (member, act) WHERE (state = 'waiting'::text);

CREATE INDEX removal_certificates_court ON removal_certificates USING btree (court_code);

CREATE INDEX removal_certificates_listing ON removal_certificates USING btree (listing_id);

CREATE INDEX reviews_member ON reviews USING btree (member, id);

CREATE INDEX reviews_open ON reviews USING btree (member, due_on) WHERE (reviewed_at IS NULL);

CREATE INDEX roster_slices_open ON roster_slices USING btree (roster_id, slice) WHERE (results IS NULL);

CREATE INDEX rosters_queued_at ON rosters USING btree (queued_at);

CREATE INDEX rosters_waiting ON rosters USING btree (turn_at) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX screened_parts_at ON screened_parts USING btree (at);

CREATE INDEX simulations_waiting ON simulations USING btree (id) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX staff_attempts_address ON staff_attempts USING btree (source_ip, at) WHERE (NOT succeeded);

CREATE INDEX staff_attempts_staff ON staff_attempts USING btree (staff, at) WHERE (staff IS NOT NULL);

CREATE UNIQUE INDEX staff_duties_held ON staff_duties USING btree (staff, duty) WHERE (until IS NULL);

CREATE UNIQUE INDEX staff_employee ON staff USING btree (employee_digest) WHERE (ended_at IS NULL);

CREATE INDEX staff_member ON staff USING btree (member);

CREATE INDEX staff_passkeys_staff ON staff_passkeys USING btree (staff);

CREATE INDEX subject_keys_closed ON subject_keys USING btree (digest) WHERE (until_version IS NOT NULL);

CREATE INDEX subject_keys_digest ON subject_keys USING btree (digest) WHERE (until_version IS NULL);

CREATE INDEX subject_keys_listing ON subject_keys USING btree (listing_id);

CREATE UNIQUE INDEX watch_events_withdrawn ON watch_events USING btree (list_version, check_id) WHERE (type = 'check.listing_withdrawn'::text);

CREATE INDEX watch_keys_digest ON watch_keys USING btree (digest);

CREATE INDEX watch_keys_watch ON watch_keys USING btree (watch_id);

CREATE INDEX watches_doubted ON watches USING btree (id) WHERE ((closed_at IS NULL) AND is_doubted);

CREATE INDEX watches_due_turn ON watches_due USING btree (rank, since);

CREATE INDEX watches_member ON watches USING btree (member_code, id);

CREATE INDEX watches_recheck ON watches USING btree (recheck_on) WHERE ((closed_at IS NULL) AND (recheck_on IS NOT NULL));

CREATE INDEX watches_unprimed_member ON watches_unprimed USING btree (member_code);

CREATE INDEX watches_until ON watches USING btree (until) WHERE (closed_at IS NULL);

CREATE INDEX webhook_deliveries_dead ON webhook_deliveries USING btree (webhook_id, sequence) WHERE (state = 'dead'::text);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries USING btree (webhook_id, due_at, sequence) WHERE (state = 'pending'::text);

CREATE INDEX webhook_deliveries_line ON webhook_deliveries USING btree (webhook_id, line, sequence) WHERE (state = 'pending'::text);

CREATE INDEX webhook_deliveries_settled ON webhook_deliveries USING btree (settled_at) WHERE (state = ANY (ARRAY['delivered'::text, 'superseded'::text]));

CREATE INDEX webhooks_member ON webhooks USING btree (member_code, id);

CREATE INDEX webhooks_open ON webhooks USING btree (state) WHERE (state = ANY (ARRAY['verifying'::text, 'active'::text, 'failing'::text]));

CREATE TRIGGER members_lineage AFTER INSERT ON members FOR EACH ROW EXECUTE FUNCTION begin_lineage();

ALTER TABLE ONLY api_key_matters
    ADD CONSTRAINT api_key_matters_key_id_fkey FOREIGN KEY (key_id) REFERENCES api_keys(id);

ALTER TABLE ONLY api_key_matters
    ADD CONSTRAINT api_key_matters_matter_fkey FOREIGN KEY (matter) REFERENCES matters(code);

ALTER TABLE ONLY api_keys
    ADD CONSTRAINT api_keys_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY attachment_parts
    ADD CONSTRAINT attachment_parts_attachment_id_fkey FOREIGN KEY (attachment_id) REFERENCES attachments(id);

ALTER TABLE ONLY attachments
    ADD CONSTRAINT attachments_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES leads(id);

ALTER TABLE ONLY attachments
    ADD CONSTRAINT attachments_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notices(id);

ALTER TABLE ONLY court_options
    ADD CONSTRAINT court_options_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY export_parts
    ADD CONSTRAINT export_parts_export_id_fkey FOREIGN KEY (export_id) REFERENCES exports(id);

ALTER TABLE ONLY exports
    ADD CONSTRAINT exports_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY followed_listings
    ADD CONSTRAINT followed_listings_origin_fkey FOREIGN KEY (origin) REFERENCES followed_lists(origin);

ALTER TABLE ONLY followers
    ADD CONSTRAINT followers_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY leads
    ADD CONSTRAINT leads_agency_fkey FOREIGN KEY (agency) REFERENCES members(code);

ALTER TABLE ONLY leads
    ADD CONSTRAINT leads_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES listings(id);

ALTER TABLE ONLY ledger_cosignatures
    ADD CONSTRAINT ledger_cosignatures_size_fkey FOREIGN KEY (size) REFERENCES ledger_checkpoints(size);

ALTER TABLE ONLY ledger_cosignatures
    ADD CONSTRAINT ledger_cosignatures_vkey_fkey FOREIGN KEY (vkey) REFERENCES ledger_witnesses(vkey);

ALTER TABLE ONLY listing_notifications
    ADD CONSTRAINT listing_notifications_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES listings(id);

ALTER TABLE ONLY listing_performances
    ADD CONSTRAINT listing_performances_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES listings(id);

ALTER TABLE ONLY member_contacts
    ADD CONSTRAINT member_contacts_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY member_lineage
    ADD CONSTRAINT member_lineage_ancestor_fkey FOREIGN KEY (ancestor) REFERENCES members(code);

ALTER TABLE ONLY member_lineage
    ADD CONSTRAINT member_lineage_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY member_names
    ADD CONSTRAINT member_names_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY notice_events
    ADD CONSTRAINT notice_events_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notices(id);

ALTER TABLE ONLY notice_keys
    ADD CONSTRAINT notice_keys_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notices(id);

ALTER TABLE ONLY notices
    ADD CONSTRAINT notices_agency_fkey FOREIGN KEY (agency) REFERENCES members(code);

ALTER TABLE ONLY notices
    ADD CONSTRAINT notices_court_member_fkey FOREIGN KEY (court_member) REFERENCES members(code);

ALTER TABLE ONLY objections
    ADD CONSTRAINT objections_filed_by_member_fkey FOREIGN KEY (filed_by_member) REFERENCES members(code);

ALTER TABLE ONLY objections
    ADD CONSTRAINT objections_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES listings(id);

ALTER TABLE ONLY proposals
    ADD CONSTRAINT proposals_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES api_keys(id);

ALTER TABLE ONLY proposals
    ADD CONSTRAINT proposals_made_by_fkey FOREIGN KEY (made_by) REFERENCES api_keys(id);

ALTER TABLE ONLY proposals
    ADD CONSTRAINT proposals_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY proposals
    ADD CONSTRAINT proposals_replaces_fkey FOREIGN KEY (replaces) REFERENCES proposals(id);

ALTER TABLE ONLY removal_certificates
    ADD CONSTRAINT removal_certificates_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES listings(id);

ALTER TABLE ONLY reviews
    ADD CONSTRAINT reviews_made_by_fkey FOREIGN KEY (made_by) REFERENCES api_keys(id);

ALTER TABLE ONLY reviews
    ADD CONSTRAINT reviews_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY reviews
    ADD CONSTRAINT reviews_reviewed_by_fkey FOREIGN KEY (reviewed_by) REFERENCES api_keys(id);

ALTER TABLE ONLY roster_parts
    ADD CONSTRAINT roster_parts_roster_id_fkey FOREIGN KEY (roster_id) REFERENCES rosters(id) ON DELETE CASCADE;

ALTER TABLE ONLY roster_slices
    ADD CONSTRAINT roster_slices_roster_id_fkey FOREIGN KEY (roster_id) REFERENCES rosters(id) ON DELETE CASCADE;

ALTER TABLE ONLY rosters
    ADD CONSTRAINT rosters_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY simulations
    ADD CONSTRAINT simulations_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY staff_attempts
    ADD CONSTRAINT staff_attempts_staff_fkey FOREIGN KEY (staff) REFERENCES staff(id);

ALTER TABLE ONLY staff_backup_codes
    ADD CONSTRAINT staff_backup_codes_staff_fkey FOREIGN KEY (staff) REFERENCES staff(id);

ALTER TABLE ONLY staff_duties
    ADD CONSTRAINT staff_duties_staff_office_fkey FOREIGN KEY (staff, office) REFERENCES staff(id, office);

ALTER TABLE ONLY staff
    ADD CONSTRAINT staff_id_fkey FOREIGN KEY (id) REFERENCES api_keys(id);

ALTER TABLE ONLY staff_matters
    ADD CONSTRAINT staff_matters_matter_fkey FOREIGN KEY (matter) REFERENCES matters(code);

ALTER TABLE ONLY staff_matters
    ADD CONSTRAINT staff_matters_staff_fkey FOREIGN KEY (staff) REFERENCES staff(id);

ALTER TABLE ONLY staff
    ADD CONSTRAINT staff_member_fkey FOREIGN KEY (member) REFERENCES members(code);

ALTER TABLE ONLY staff_passkeys
    ADD CONSTRAINT staff_passkeys_staff_fkey FOREIGN KEY (staff) REFERENCES staff(id);

ALTER TABLE ONLY staff_sessions
    ADD CONSTRAINT staff_sessions_staff_fkey FOREIGN KEY (staff) REFERENCES staff(id);

ALTER TABLE ONLY webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks(id);

ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhooks_member_code_fkey FOREIGN KEY (member_code) REFERENCES members(code);

GRANT USAGE ON SCHEMA public TO blacklist_app;

GRANT USAGE ON SCHEMA public TO blacklist_sealer;

REVOKE ALL ON FUNCTION attach_ledger_month(month date) FROM PUBLIC;

REVOKE ALL ON FUNCTION keep_ledger_months() FROM PUBLIC;

GRANT ALL ON FUNCTION keep_ledger_months() TO blacklist_app;

GRANT SELECT ON TABLE alembic_version TO blacklist_app;

GRANT SELECT ON TABLE alembic_version TO blacklist_sealer;

GRANT SELECT,INSERT ON TABLE api_key_matters TO blacklist_app;

GRANT SELECT,INSERT ON TABLE api_keys TO blacklist_app;

GRANT UPDATE(revoked_at) ON TABLE api_keys TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE asked_numbers TO blacklist_app;

GRANT SELECT,INSERT ON TABLE attachment_parts TO blacklist_app;

GRANT SELECT,INSERT ON TABLE attachments TO blacklist_app;

GRANT SELECT,INSERT ON TABLE check_days TO blacklist_app;

GRANT SELECT,INSERT ON TABLE check_days_counted TO blacklist_app;

GRANT SELECT,INSERT ON TABLE check_outcomes TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE court_feeds TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE court_options TO blacklist_app;

GRANT SELECT ON TABLE date_confirmations TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE digestings TO blacklist_app;

GRANT SELECT,INSERT ON TABLE embargoes TO blacklist_app;

GRANT UPDATE(lifted_at) ON TABLE embargoes TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE export_parts TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE exports TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE followed_listings TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE followed_lists TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE followers TO blacklist_app;

GRANT SELECT,UPDATE ON TABLE heads TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE idempotency_keys TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE import_fates TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE import_parts TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE import_refusals TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE import_rows TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE imports TO blacklist_app;

GRANT SELECT ON TABLE installation TO blacklist_app;

GRANT SELECT ON TABLE installation TO blacklist_sealer;

GRANT UPDATE(digest_rules) ON TABLE installation TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE leads TO blacklist_app;

GRANT SELECT,INSERT ON TABLE ledger_checkpoints TO blacklist_app;

GRANT SELECT,INSERT ON TABLE ledger_checkpoints TO blacklist_sealer;

GRANT SELECT,INSERT ON TABLE ledger_cosignatures TO blacklist_app;

GRANT SELECT ON TABLE ledger_cosignatures TO blacklist_sealer;

GRANT SELECT ON TABLE ledger_displaced TO blacklist_app;

GRANT SELECT ON TABLE ledger_displaced TO blacklist_sealer;

GRANT INSERT(first_idx) ON TABLE ledger_displaced TO blacklist_sealer;

GRANT INSERT(end_idx),UPDATE(end_idx) ON TABLE ledger_displaced TO blacklist_sealer;

GRANT INSERT(earliest),UPDATE(earliest) ON TABLE ledger_displaced TO blacklist_sealer;

GRANT INSERT(latest),UPDATE(latest) ON TABLE ledger_displaced TO blacklist_sealer;

GRANT UPDATE(noted_by) ON TABLE ledger_displaced TO blacklist_app;

GRANT SELECT,INSERT ON TABLE ledger_entries TO blacklist_app;

GRANT SELECT ON TABLE ledger_entries TO blacklist_sealer;

GRANT SELECT,INSERT ON TABLE ledger_keys TO blacklist_app;

GRANT SELECT ON TABLE ledger_keys TO blacklist_sealer;

GRANT SELECT ON SEQUENCE ledger_keys_number_seq TO blacklist_app;

GRANT SELECT,INSERT ON TABLE ledger_leaves TO blacklist_app;

GRANT SELECT,INSERT ON TABLE ledger_leaves TO blacklist_sealer;

GRANT SELECT,INSERT ON TABLE ledger_log TO blacklist_app;

GRANT SELECT ON TABLE ledger_log TO blacklist_sealer;

GRANT SELECT ON TABLE ledger_order TO blacklist_app;

GRANT SELECT ON TABLE ledger_order TO blacklist_sealer;

GRANT UPDATE(looked_to) ON TABLE ledger_order TO blacklist_sealer;

GRANT UPDATE(newest) ON TABLE ledger_order TO blacklist_sealer;

GRANT SELECT,INSERT,DELETE ON TABLE ledger_pending TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE ledger_pending TO blacklist_sealer;

GRANT SELECT ON SEQUENCE ledger_pending_id_seq TO blacklist_app;

GRANT SELECT ON TABLE ledger_sealing TO blacklist_app;

GRANT SELECT ON TABLE ledger_sealing TO blacklist_sealer;

GRANT UPDATE(refusal) ON TABLE ledger_sealing TO blacklist_app;

GRANT UPDATE(refusal) ON TABLE ledger_sealing TO blacklist_sealer;

GRANT UPDATE(since) ON TABLE ledger_sealing TO blacklist_app;

GRANT UPDATE(since) ON TABLE ledger_sealing TO blacklist_sealer;

GRANT UPDATE(kind) ON TABLE ledger_sealing TO blacklist_app;

GRANT UPDATE(kind) ON TABLE ledger_sealing TO blacklist_sealer;

GRANT UPDATE(term) ON TABLE ledger_sealing TO blacklist_sealer;

GRANT UPDATE(host) ON TABLE ledger_sealing TO blacklist_sealer;

GRANT UPDATE(host) ON TABLE ledger_sealing TO blacklist_app;

GRANT UPDATE(held) ON TABLE ledger_sealing TO blacklist_app;

GRANT UPDATE(held) ON TABLE ledger_sealing TO blacklist_sealer;

GRANT SELECT,INSERT ON TABLE ledger_secrets TO blacklist_app;

GRANT SELECT,INSERT ON TABLE ledger_subjects TO blacklist_app;

GRANT SELECT ON TABLE ledger_successions TO blacklist_app;

GRANT SELECT ON TABLE ledger_successions TO blacklist_sealer;

GRANT SELECT,INSERT ON TABLE ledger_tiles TO blacklist_app;

GRANT SELECT,INSERT ON TABLE ledger_tiles TO blacklist_sealer;

GRANT SELECT,INSERT ON TABLE ledger_witnesses TO blacklist_app;

GRANT SELECT ON TABLE ledger_witnesses TO blacklist_sealer;

GRANT SELECT,INSERT,UPDATE ON TABLE list_statements TO blacklist_sealer;

GRANT SELECT ON TABLE list_statements TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE list_states TO blacklist_app;

GRANT SELECT ON TABLE list_states TO blacklist_sealer;

GRANT SELECT,INSERT ON TABLE listing_aliases TO blacklist_app;

GRANT SELECT,INSERT ON TABLE listing_notifications TO blacklist_app;

GRANT SELECT,INSERT ON TABLE listing_performances TO blacklist_app;

GRANT SELECT,INSERT ON TABLE listing_versions TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE listings TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE many_numbers TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE matters TO blacklist_app;

GRANT SELECT,INSERT ON TABLE measures_versions TO blacklist_app;

GRANT SELECT,INSERT ON TABLE member_contacts TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE member_lineage TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE member_names TO blacklist_app;

GRANT SELECT,INSERT ON TABLE members TO blacklist_app;

GRANT UPDATE(name) ON TABLE members TO blacklist_app;

GRANT UPDATE(matters) ON TABLE members TO blacklist_app;

GRANT SELECT,INSERT ON TABLE notice_events TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE notice_keys TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE notices TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE objections TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE passed_listings TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE proposals TO blacklist_app;

GRANT SELECT,INSERT ON TABLE removal_certificates TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE reviews TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE roster_parts TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE roster_slices TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE rosters TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE screened_parts TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE simulations TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE staff TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE staff_attempts TO blacklist_app;

GRANT SELECT ON SEQUENCE staff_attempts_id_seq TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE staff_backup_codes TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE staff_challenges TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE staff_duties TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE staff_matters TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE staff_passkeys TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE staff_sessions TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE subject_keys TO blacklist_app;

GRANT SELECT,INSERT ON TABLE version_restarts TO blacklist_app;

GRANT SELECT,UPDATE ON TABLE watch_cursor TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE watch_events TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE watch_feeds TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE watch_keys TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE watch_sweeps TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE watch_withdrawals TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE watches TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE watches_due TO blacklist_app;

GRANT UPDATE(rank) ON TABLE watches_due TO blacklist_app;

GRANT SELECT,INSERT,DELETE ON TABLE watches_unprimed TO blacklist_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE webhook_deliveries TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE webhook_told TO blacklist_app;

GRANT SELECT,INSERT,UPDATE ON TABLE webhooks TO blacklist_app;
