"""Who acts and with what: the same class for every package in which a unit, a court or an officer does something."""

from dataclasses import dataclass, replace
from typing import Self

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester


@dataclass(frozen=True, slots=True)
class Desk:
    """A key or a person in one request, with the tools that seal and find personal data."""

    caller: Principal
    actor: Actor
    secrecy: Secrecy
    digester: Digester

    def by(self, operator: str | None) -> Self:
        """The same desk with the operator that the caller names, unless a person has logged in."""
        return replace(self, actor=self.actor.by(operator))
