"""What all acts of a court on a listing share: the acting court, the version to change, and the answer."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.listings.acting_court import court_of
from blacklist_service.listings.deadlines import working_days_after
from blacklist_service.listings.operations.carrying_out import Court, Done
from blacklist_service.listings.queries import known_courts
from blacklist_service.listings.schemas import ActResponse
from blacklist_service.members.second_person.marking import act_of
from blacklist_service.members.second_person.operations import owe_review
from blacklist_service.members.second_person.queries import require_alone
from blacklist_service.members.second_person.rules import RULES, WORKING_DAYS_TO_REVIEW, CourtAct, Look, SoloAct
from blacklist_service.problems import PreconditionRequired
from blacklist_service.web.documented import problems
from blacklist_service.web.idempotency import Replay, Replayable
from blacklist_service.web.routing import Acting, Caller
from blacklist_service.web.transactions import Writes
from blacklist_service.web.versions import version_in

WRITES = problems(401, 403, 404, 409, 412, 413, 415, 422, 428, 503)
READS = problems(401, 403, 404, 422, 503)

ListingId = Annotated[UUID, Field(description="the listing's id")]


@dataclass(frozen=True, slots=True)
class Bench:
    """A court in one request: its act, key, transaction, `Idempotency-Key` and `If-Match`."""

    act: CourtAct | SoloAct
    request: Request
    connection: Connection
    caller: Principal
    actor: Actor
    replay: Replay
    if_match: str | None

    def court(self, operator: str | None) -> Court:
        return court_of(self.request, self.caller, self.actor, operator)

    @property
    def expected_version(self) -> int:
        """The version in `If-Match`; raise `PreconditionRequired` if there is none.

        Read only when the act needs it, so that an invalid body is refused first.
        """
        if self.if_match is None:
            raise PreconditionRequired
        return version_in(self.if_match)

    async def court_name(self) -> str:
        """The court's name as a member; a name sent by the client is ignored."""
        code = self.caller.court_code or ""
        return (await known_courts(self.connection)).name_of(code) or code

    async def answer(
        self, done: Done, *, status: int = 200, kind: type[ActResponse] = ActResponse, **more: Any
    ) -> Response:
        """The answer to an act, stored for replays. Requests a review if the act needs one."""
        await self._owe_review(done)
        body = kind(
            listing_id=done.listing_id,
            version=done.version,
            list_version=done.list_version,
            state=done.state,
            warnings=done.warnings,
            other_listings=list(done.others),
            **more,
        )
        headers = {"ETag": f'"{done.version}"', "Location": f"/v1/listings/{done.listing_id}"}
        return await self.replay.keep(self.connection, status, body, headers=headers)

    async def _owe_review(self, done: Done) -> None:
        """For acts of one person that took effect at once; not if nothing changed."""
        if RULES[self.act].look is not Look.AFTERWARDS or done.version == self.expected_version:
            return
        due_on = working_days_after(legal_date(now()), WORKING_DAYS_TO_REVIEW).on
        await owe_review(
            self.connection, self.caller, self.actor, self.act, done.listing_id, version=done.version, due_on=due_on
        )


async def _bench(
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    # Documented as required by `VERSIONED_ACT`; a missing header is answered here, with 428.
    if_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Bench:
    """Raise `SecondPersonNeeded` if the court wants two people for this route's act."""
    act = act_of(request)
    await require_alone(connection, caller, act)
    return Bench(act, request, connection, caller, actor, replay, if_match)


AtBench = Annotated[Bench, Depends(_bench, scope="function")]
