"""Marks a court's route with the act it performs, so that no route is without a rule."""

from typing import Any

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.requests import Request

from blacklist_service.members.second_person.rules import CourtAct, SoloAct


class Does:
    """Marks a route with its act, or with several if the request says which."""

    def __init__(self, *acts: CourtAct | SoloAct) -> None:
        self.acts = acts

    async def __call__(self) -> None:
        """Nothing to do: the route's own dependency (`AtBench`, `AtDesk`) looks it up in `RULES`."""


def does(*acts: CourtAct | SoloAct) -> Any:
    return Depends(Does(*acts))


def acts_of(route: APIRoute) -> tuple[CourtAct | SoloAct, ...]:
    return next((d.dependency.acts for d in route.dependencies if isinstance(d.dependency, Does)), ())


def act_of(request: Request) -> CourtAct | SoloAct:
    """The act of the current route, which must have exactly one."""
    [act] = acts_of(request.scope["route"])
    return act
