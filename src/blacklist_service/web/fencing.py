"""No answer that was read from the database leaves before the fence is passed (`database/fences.py`).

This is done here and not at each route, because a replay, "unchanged", a conflict that says "withdrawn already", the state of
a job and a page of the feed all confirm something by reading. A request that borrows a connection notes its server, and the
next part of its answer waits. Checks are exempt: an answer, and a refusal by the measures or an Idempotency-Key, follows a
commit on the connection that read. Their 401 and 429 confirm nothing.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blacklist_service.database.fences import Fence, FenceClosed
from blacklist_service.database.servers import Server
from blacklist_service.problems import Undetermined
from blacklist_service.web.refusals import problem_response

FENCE_SECONDS = 5.0
UNCERTAIN = 500
"""From this status on an answer confirms nothing."""

log = structlog.get_logger()


@dataclass(slots=True)
class UnfencedReads:
    """The servers that a request has read from since it last passed the fence."""

    servers: set[Server] = field(default_factory=set)

    def take(self) -> set[Server]:
        servers, self.servers = self.servers, set()
        return servers


_reading: ContextVar[UnfencedReads | None] = ContextVar("reading", default=None)


def note_reading(server: Server) -> None:
    """Say that the current request reads, or writes, on this server from here on."""
    if (reading := _reading.get()) is not None:
        reading.servers.add(server)


class Fenced:
    """Pure ASGI. The head of an answer is held back until its first part is there, because streams read as they are sent."""

    def __init__(self, app: ASGIApp, *, fence: Fence) -> None:
        self._app = app
        self._fence = fence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reading, head, is_refused, is_confirming = UnfencedReads(), None, False, True
        before = _reading.set(reading)

        async def send_fenced(message: Message) -> None:
            nonlocal head, is_refused, is_confirming
            if message["type"] == "http.response.start":
                head, is_confirming = message, message["status"] < UNCERTAIN
                return
            if is_refused:
                return
            if is_confirming and (servers := reading.take()):
                try:
                    await self._fence.passed(servers, within_seconds=FENCE_SECONDS)
                except FenceClosed as error:
                    log.warning("fence_closed", cause=str(error))
                    if (
                        head is None
                    ):  # a part has already been sent: cut the answer off, so that it does not look complete
                        raise
                    is_refused = True
                    refusal = Undetermined("what was read is not known to be on a replica")
                    await problem_response(refusal, scope.get("request_id"))(scope, receive, send)
                    return
            if head is not None:
                await send(head)
                head = None
            await send(message)

        try:
            await self._app(scope, receive, send_fenced)
        finally:
            _reading.reset(before)  # a page's own call of the API ends here, and the page reads on
