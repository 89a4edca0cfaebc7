"""Who acts, and what an act is done with: one for every room in which a unit, a court or an officer does something."""

from dataclasses import dataclass, replace
from typing import Self

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester


@dataclass(frozen=True, slots=True)
class Desk:
    """A key or a person at one request, with what seals and finds what they are about."""

    caller: Principal
    actor: Actor
    secrecy: Secrecy
    digester: Digester

    def by(self, operator: str | None) -> Self:
        """The same with whom the caller names, where no person has logged in."""
        return replace(self, actor=self.actor.by(operator))
