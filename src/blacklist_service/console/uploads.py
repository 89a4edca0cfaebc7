"""Passes an upload on to the API, part by part, never whole in memory."""

import secrets
from collections.abc import AsyncIterator, Mapping

from starlette.datastructures import UploadFile

from blacklist_service.console.calls import Reply, call_with
from blacklist_service.console.visits import Visit
from blacklist_service.problems import NotFound, TooManyRequests, Undetermined

PART_BYTES = 1 << 20


async def send_file(
    visit: Visit, path: str, file: UploadFile, *, query: Mapping[str, object], headers: Mapping[str, str]
) -> Reply:
    """Send it as the multipart field `file`, in the name of the person; raise as `Visit.call` does."""
    boundary = secrets.token_hex(16)
    name = "".join(one for one in (file.filename or "list") if one.isprintable() and one not in '"\\')
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )

    async def content() -> AsyncIterator[bytes]:
        yield head.encode()
        while part := await file.read(PART_BYTES):
            yield part
        yield f"\r\n--{boundary}--\r\n".encode()

    reply = await call_with(
        visit.state.api,
        visit.request,
        visit.principal,
        "POST",
        path,
        content=content(),
        query=query,
        headers={**headers, "Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    if reply.status >= 500:
        raise Undetermined
    if reply.status == NotFound.status:
        raise NotFound
    if reply.status == TooManyRequests.status:
        raise TooManyRequests
    return reply
