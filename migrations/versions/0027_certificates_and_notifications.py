"""What a court prints: certificates of removal, and notifications of a listing (Art. 8)."""

from blacklist_service.database.steps import expand

revision = "0027"
down_revision = "0026"

CERTIFICATES = """
CREATE TABLE removal_certificates (
    id          uuid PRIMARY KEY,
    listing_id  uuid NOT NULL REFERENCES listings (id),
    court_code  text NOT NULL,
    number      text NOT NULL UNIQUE,
    entry_id    uuid NOT NULL,
    statement   bytea NOT NULL,
    member      text,
    operator    text,
    at          timestamptz NOT NULL
);

COMMENT ON COLUMN removal_certificates.statement IS 'sealed: what it states';

CREATE INDEX removal_certificates_listing ON removal_certificates (listing_id);

CREATE INDEX removal_certificates_court ON removal_certificates (court_code);

GRANT SELECT, INSERT ON removal_certificates TO blacklist_app;
"""

NOTIFICATIONS = """
CREATE TABLE listing_notifications (
    id              uuid PRIMARY KEY,
    listing_id      uuid NOT NULL REFERENCES listings (id),
    court_code      text NOT NULL,
    addressee_kind  text NOT NULL
        CHECK (addressee_kind IN ('employer', 'superior', 'investor', 'credit_bureau', 'industry_body')),
    sent_on         date NOT NULL,
    sealed          bytea NOT NULL,
    member          text,
    operator        text,
    at              timestamptz NOT NULL
);

COMMENT ON COLUMN listing_notifications.sealed IS 'who was told, and by what means';

CREATE INDEX listing_notifications_listing ON listing_notifications (listing_id);

GRANT SELECT, INSERT ON listing_notifications TO blacklist_app;
"""


def upgrade() -> None:
    expand(CERTIFICATES)
    expand(NOTIFICATIONS)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
