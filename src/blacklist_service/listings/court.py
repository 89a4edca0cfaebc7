"""What the list's routes share: the court that calls, and the place where a page went on."""

from uuid import UUID

from starlette.requests import Request

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.listings.operations.acts import Court
from blacklist_service.listings.preparing import Tools
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.paging import read_cursor

LARGEST_ID = UUID(int=2**128 - 1)


def court_of(request: Request, caller: Principal, actor: Actor, operator: str | None) -> Court:
    """The court comes from the key alone; the operator is whom the court's system names."""
    state = request.app.state
    return Court(
        code=caller.court_code or "",
        actor=Actor(actor.member, actor.key_id, operator, actor.request_id, actor.source_ip),
        secrecy=state.secrecy,
        tools=Tools(state.digester, state.secrecy.cipher("listing")),
    )


def read_place(cursor: str, filters: object) -> UUID:
    try:
        [place] = read_cursor(cursor, filters)
        return UUID(place)
    except (ValueError, TypeError, AttributeError):
        raise InvalidRequest(errors=[FieldError("cursor", "cursor", "not a cursor of this service")]) from None
