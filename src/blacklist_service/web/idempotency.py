"""Retries: the same Idempotency-Key and body get the same stored answer, for 24 hours, within one member."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.principals import Principal
from blacklist_service.database.connections import Connection
from blacklist_service.problems import FieldError, IdempotencyKeyReused, InvalidRequest
from blacklist_service.secrecy import Cipher
from blacklist_service.web.stored_answers import find_stored, store
from blacklist_service.web.transactions import Writes

HEADER = "idempotency-key"
FORM = re.compile(r"[\x21-\x7e]{1,128}")
FORM_ON_THE_WIRE = re.compile(FORM.pattern.encode())


def idempotency_key(key: str | None) -> str | None:
    """The header's value, if it has the form of a key."""
    if key is not None and not FORM.fullmatch(key):
        raise InvalidRequest(errors=[FieldError("Idempotency-Key", "form", "1 to 128 visible ASCII characters")])
    return key


def item_key(key: str | None, place: int) -> str | None:
    """The key of an item of a batch: each item is answered, and replayed, separately."""
    return key and f"{key}#{place}"


class Replayed(Exception):  # noqa: N818 - not an error: the answer was given before
    """The request was already carried out under its key; `response` is the stored answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


@dataclass(frozen=True, slots=True)
class Replay:
    """Stores an act's answer, sealed, in the act's own transaction."""

    member: str
    key: str | None
    request_digest: bytes
    cipher: Cipher

    async def keep(
        self,
        connection: Connection,
        status: int,
        answer: BaseModel,
        *,
        headers: Mapping[str, str] | None = None,
        repeated: BaseModel | None = None,
    ) -> Response:
        """`repeated` is what a replay shows if the answer holds a secret that is shown only once."""
        content = answer.model_dump_json(by_alias=True).encode()
        if self.key is not None:
            shown = content if repeated is None else repeated.model_dump_json(by_alias=True).encode()
            kept = orjson.dumps([shown.decode(), dict(headers or {})])
            sealed = self.cipher.seal(kept, self._context())
            await store(connection, (self.member, self.key), self.request_digest, status, sealed)
        return Response(content, status, headers=dict(headers or {}), media_type="application/json")

    async def look(self, connection: Connection) -> None:
        """Raise `Replayed` if this was carried out before. Two concurrent requests with one key take turns."""
        if self.key is None:
            return
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{self.member} {self.key}")
        row = await find_stored(connection, (self.member, self.key))
        if row is None:
            return
        if row["request_digest"] != self.request_digest:
            raise IdempotencyKeyReused
        content, headers = orjson.loads(self.cipher.open(row["answer"], self._context()))
        raise Replayed(Response(content, row["status"], headers=headers, media_type="application/json"))

    def _context(self) -> bytes:
        return f"{self.member} {self.key}".encode()


def replay_of(request: Request, body: bytes | None = None) -> Replay:
    """`body` represents the request, by default its bytes: the same key with another body is refused."""
    if body is None:
        body = getattr(request, "raw", b"")
    principal: Principal = request.scope["principal"]
    state = request.app.state
    where = f"{request.method} {request.url.path}?{request.url.query} {request.headers.get('if-match', '')}"
    return Replay(
        member=principal.member,
        key=idempotency_key(request.headers.get(HEADER)),
        request_digest=state.digester.of("request", where, body.hex()),
        cipher=state.secrecy.cipher("idempotency"),
    )


async def _replay(request: Request, connection: Writes) -> Replay:
    replay = replay_of(request)
    await replay.look(connection)
    return replay


Replayable = Annotated[Replay, Depends(_replay, scope="function")]
