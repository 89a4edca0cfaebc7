"""The court that calls one of the list's routes."""

from starlette.requests import Request

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.listings.operations.carrying_out import Court
from blacklist_service.listings.preparing import Tools


def court_of(request: Request, caller: Principal, actor: Actor, operator: str | None) -> Court:
    """The court comes from the key alone; the operator is the person that the court's system names."""
    state = request.app.state
    return Court(
        code=caller.court_code or "",
        actor=actor.by(operator),
        secrecy=state.secrecy,
        tools=Tools(state.digester, state.secrecy.cipher("listing")),
    )
