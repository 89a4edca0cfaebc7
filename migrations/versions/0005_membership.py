"""Members over time: names with dates, contacts, the matters a unit may ask about."""

from blacklist_service.database.steps import execute_script

revision = "0005"
down_revision = "0004"

MEMBERS = """
ALTER TABLE members ADD COLUMN matters text[];

COMMENT ON COLUMN members.matters IS 'what its keys may be given to ask; null = not narrowed';

-- Units are merged and renamed: an old answer is shown with the name of its day.
CREATE TABLE member_names (
    member      text NOT NULL REFERENCES members (code),
    valid_from  date NOT NULL,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    PRIMARY KEY (member, valid_from)
);

INSERT INTO member_names (member, valid_from, name) SELECT code, '-infinity', name FROM members;

-- Responsible leader, department, liaison and how to reach them, sealed; the newest revision stands.
CREATE TABLE member_contacts (
    member    text NOT NULL REFERENCES members (code),
    revision  integer NOT NULL,
    contacts  bytea NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (member, revision)
);
"""

BEGINNING = """
CREATE OR REPLACE FUNCTION begin_lineage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_lineage (member, ancestor) VALUES (NEW.code, NEW.code) ON CONFLICT DO NOTHING;
    INSERT INTO member_names (member, valid_from, name) VALUES (NEW.code, '-infinity', NEW.name);
    RETURN NEW;
END
$$;
"""

GRANTS = """
GRANT SELECT ON ALL TABLES IN SCHEMA public TO blacklist_app;

GRANT INSERT, UPDATE ON member_names, member_lineage TO blacklist_app;

GRANT INSERT ON member_contacts TO blacklist_app;

GRANT UPDATE (name, matters) ON members TO blacklist_app;
"""


def upgrade() -> None:
    for script in (MEMBERS, BEGINNING, GRANTS):
        execute_script(script)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not unmade")
