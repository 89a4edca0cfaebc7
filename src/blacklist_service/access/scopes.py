"""Scopes, none implying another, and the roles that grant them (design §4)."""

from collections.abc import Mapping
from enum import StrEnum


class Scope(StrEnum):
    CHECKS_WRITE = "checks:write"
    CHECKS_READ = "checks:read"
    LISTINGS_WRITE = "listings:write"
    LISTINGS_READ = "listings:read"
    LISTINGS_APPROVE = "listings:approve"
    WATCHES_WRITE = "watches:write"
    WEBHOOKS_WRITE = "webhooks:write"
    WEBHOOKS_APPROVE = "webhooks:approve"
    WEBHOOKS_TEND = "webhooks:tend"
    """See how one's own webhooks fare, test them, and have events sent again; without addresses and secrets."""
    CHANGES_READ = "changes:read"
    CHANGES_FOLLOW = "changes:follow"
    NOTICES_WRITE = "notices:write"
    NOTICES_ANSWER = "notices:answer"
    MEASURES_WRITE = "measures:write"
    MEMBERS_WRITE = "members:write"
    KEYS_WRITE = "keys:write"
    AUDIT_READ = "audit:read"
    """The ledger, and checks, receipts and explanations of every member; each read is itself recorded."""
    AUDIT_EXPORT = "audit:export"
    SUPERVISION_READ = "supervision:read"
    STAFF_WRITE = "staff:write"
    STAFF_GRANT = "staff:grant"


class Role(StrEnum):
    """What a key is for. Auditor, security and system are the three officers (三员) of GB/T 22239: they exclude each other
    and every other role, and none of them may read the list by virtue of the role.
    """

    COURT = "court"
    AGENCY = "agency"
    AUDITOR = "auditor"
    SECURITY = "security"
    SYSTEM = "system"
    FOLLOWER = "follower"
    """Another installation that applies this list as its own: it receives what courts push, sealed for it."""


SCOPES_OF_ROLE: Mapping[Role, frozenset[Scope]] = {
    Role.COURT: frozenset(
        {
            Scope.LISTINGS_WRITE,
            Scope.LISTINGS_READ,
            Scope.LISTINGS_APPROVE,
            Scope.CHANGES_READ,
            Scope.NOTICES_WRITE,
        }
    ),
    Role.AGENCY: frozenset(
        {
            *(Scope.CHECKS_WRITE, Scope.CHECKS_READ, Scope.CHANGES_READ, Scope.NOTICES_ANSWER),
            *(Scope.WATCHES_WRITE, Scope.WEBHOOKS_WRITE),
        }
    ),
    Role.AUDITOR: frozenset({Scope.CHECKS_READ, Scope.AUDIT_READ, Scope.AUDIT_EXPORT, Scope.SUPERVISION_READ}),
    Role.SECURITY: frozenset({Scope.MEASURES_WRITE, Scope.MEMBERS_WRITE, Scope.KEYS_WRITE, Scope.WEBHOOKS_APPROVE}),
    Role.SYSTEM: frozenset(),
    Role.FOLLOWER: frozenset({Scope.CHANGES_READ, Scope.CHANGES_FOLLOW}),
}
