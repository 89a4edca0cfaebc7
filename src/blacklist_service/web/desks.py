"""The desk at which a route's caller acts."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from blacklist_service.access.desks import Desk
from blacklist_service.web.routing import Acting, Caller


def _desk_of(request: Request, caller: Caller, actor: Acting) -> Desk:
    state = request.app.state
    return Desk(caller, actor, state.secrecy, state.digester)


AtDesk = Annotated[Desk, Depends(_desk_of)]
