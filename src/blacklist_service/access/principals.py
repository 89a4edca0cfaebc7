"""Who is asking, as authenticated; and who is acting, as recorded in the ledger."""

from dataclasses import dataclass
from typing import NamedTuple

from blacklist_service.access.scopes import SCOPES_OF_ROLE, Role, Scope
from blacklist_service.problems import ScopeMissing


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated key, or the account of a person who logged in: an account is a key without a secret.

    The member comes from the key alone, never from what the caller writes. `operator` is the login of a person, by which the
    ledger records that person; `granted` are the scopes of that person's duties, in place of the role's.
    """

    key_id: str
    member: str
    role: Role
    court_code: str | None = None
    matters: frozenset[str] = frozenset()
    operator: str | None = None
    granted: frozenset[Scope] | None = None

    @property
    def is_account(self) -> bool:
        """Whether this is a person who logged in, and not a system with a key."""
        return self.granted is not None

    @property
    def scopes(self) -> frozenset[Scope]:
        return SCOPES_OF_ROLE[self.role] if self.granted is None else self.granted

    def may(self, *scopes: Scope) -> bool:
        """Whether the key's role, or the person's duties, grant one of `scopes`."""
        return not self.scopes.isdisjoint(scopes)

    def require(self, *scopes: Scope) -> None:
        """Raise `ScopeMissing` unless one of `scopes` is granted."""
        if not self.may(*scopes):
            raise ScopeMissing(f"this operation needs the scope {' or '.join(scopes)}")


class Actor(NamedTuple):
    """Who acts, and in which request. `member` and `key_id` are None for an act at the command line."""

    member: str | None = None
    key_id: str | None = None
    operator: str | None = None
    request_id: str | None = None
    source_ip: str | None = None

    def by(self, operator: str | None) -> "Actor":
        """The same actor with the operator that the caller names, unless a person has logged in: a login is never
        overwritten.
        """
        return self._replace(operator=self.operator or operator)
