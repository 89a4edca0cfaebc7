"""Duties (岗位) of people who log in, and what each may do. A duty belongs to an office; an account has at most one office.

System, security and auditor are the three officers (三员) of GB/T 22239: each is an office of its own, so a person who holds
one holds nothing else. The database holds the same table (`staff_duties`).
"""

from collections.abc import Mapping
from enum import StrEnum

from blacklist_service.access.scopes import Role, Scope


class Duty(StrEnum):
    WINDOW = "window"  # 窗口: asks for a unit, records what the unit did, answers notices
    MAKER = "maker"  # 经办: prepares the court's acts
    CHECKER = "checker"  # 复核: the second person
    AUDITOR = "auditor"  # 审计
    SUPERVISOR = "supervisor"  # 督查
    SYSTEM = "system"  # 系统: opens accounts, sees no list data
    SECURITY = "security"  # 安全: grants duties, members, keys, measures


class Office(StrEnum):
    """Duties of different offices exclude each other."""

    WINDOW = "window"
    COURT = "court"
    AUDITOR = "auditor"
    SUPERVISOR = "supervisor"
    SYSTEM = "system"
    SECURITY = "security"


OFFICE_OF_DUTY: Mapping[Duty, Office] = {
    Duty.WINDOW: Office.WINDOW,
    Duty.MAKER: Office.COURT,
    Duty.CHECKER: Office.COURT,
    Duty.AUDITOR: Office.AUDITOR,
    Duty.SUPERVISOR: Office.SUPERVISOR,
    Duty.SYSTEM: Office.SYSTEM,
    Duty.SECURITY: Office.SECURITY,
}

OFFICERS = frozenset({Office.SYSTEM, Office.SECURITY, Office.AUDITOR})
UNLOCKED_BY_SECURITY = frozenset({Office.SYSTEM})
"""System officers unlock everybody else, and nobody unlocks their own account."""

SCOPES_OF_DUTY: Mapping[Duty, frozenset[Scope]] = {
    Duty.WINDOW: frozenset(
        {
            *(Scope.CHECKS_WRITE, Scope.CHECKS_READ, Scope.CHANGES_READ, Scope.NOTICES_ANSWER),
            *(Scope.WATCHES_WRITE, Scope.WEBHOOKS_TEND),
        }
    ),
    Duty.MAKER: frozenset({Scope.LISTINGS_READ, Scope.LISTINGS_WRITE, Scope.CHANGES_READ, Scope.NOTICES_WRITE}),
    Duty.CHECKER: frozenset({Scope.LISTINGS_READ, Scope.LISTINGS_APPROVE, Scope.CHANGES_READ}),
    Duty.AUDITOR: frozenset({Scope.CHECKS_READ, Scope.AUDIT_READ, Scope.AUDIT_EXPORT}),
    Duty.SUPERVISOR: frozenset({Scope.SUPERVISION_READ}),
    Duty.SYSTEM: frozenset({Scope.STAFF_WRITE}),
    Duty.SECURITY: frozenset(
        {
            *(Scope.MEMBERS_WRITE, Scope.KEYS_WRITE, Scope.MEASURES_WRITE, Scope.STAFF_GRANT),
            Scope.WEBHOOKS_APPROVE,
        }
    ),
}

ROLE_OF_OFFICE: Mapping[Office, Role] = {
    Office.WINDOW: Role.AGENCY,
    Office.COURT: Role.COURT,
    Office.AUDITOR: Role.AUDITOR,
    Office.SUPERVISOR: Role.AUDITOR,
    Office.SYSTEM: Role.SYSTEM,
    Office.SECURITY: Role.SECURITY,
}
"""The role of the account's row among the keys: it says what kind of member the account may belong to."""
