"""Reads a file from a multipart body as a stream: its size is counted, and it is neither spooled to disk nor whole in
memory.
"""

from collections.abc import AsyncIterator
from email.message import Message

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from blacklist_service.problems import FieldError, InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from blacklist_service.web.bodies import require_as_it_stands
from blacklist_service.web.wire import FORBIDDEN_IN_A_LINE

FILE_FIELD = "file"
MOST_HEADER_BYTES = 8192
MOST_NAME_CHARACTERS = 200


class UploadedFile:
    """The file of a multipart request. `name` is known once the first part of `content` was read."""

    def __init__(self, request: Request, *, most_bytes: int) -> None:
        self._request = request
        self._most_bytes = most_bytes
        require_as_it_stands(request.headers.get("content-encoding", ""))
        self._boundary = _boundary(request)
        self._ready = bytearray()
        self._header = Message()
        self._field, self._value = b"", b""
        self._files = 0
        self._is_ended = False
        self.name = ""

    async def content(self, *, part_bytes: int) -> AsyncIterator[bytes]:
        """Yield the file's bytes in parts of `part_bytes`, the last one smaller; raise if the body is not one complete
        file.
        """
        parser = MultipartParser(
            self._boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_data,
                "on_end": self._on_end,
            },
        )
        taken = 0
        try:
            async for chunk in self._request.stream():
                taken += len(chunk)
                if taken > self._most_bytes:
                    raise PayloadTooLarge(f"at most {self._most_bytes} bytes are taken here")
                parser.write(chunk)
                while len(self._ready) >= part_bytes:
                    yield self._take(part_bytes)
        except ClientDisconnect:
            raise _refusal("the file was not sent to its end") from None
        except ValueError:  # errors of python_multipart have them; their messages may quote the body
            raise _refusal("not a well-formed multipart body") from None
        if not self._is_ended or not self._files:
            raise _refusal(f"send one file in the field {FILE_FIELD}, to its end")
        if self._ready:
            yield self._take(part_bytes)

    def _take(self, size: int) -> bytes:
        content = bytes(self._ready[:size])
        del self._ready[:size]
        return content

    def _begin_part(self) -> None:
        self._header = Message()
        self._field, self._value = b"", b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        _limit(self._field)

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        _limit(self._value)

    def _on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._header["field"] = options.get(b"name", b"").decode("utf-8", "replace")
            self.name = _shown(options.get(b"filename", b"").decode("utf-8", "replace"))
        self._field, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        if self._header["field"] != FILE_FIELD:
            raise _refusal(f"only the field {FILE_FIELD} is taken")
        self._files += 1
        if self._files > 1:
            raise _refusal("one file at a time")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._ready += data[start:end]

    def _on_end(self) -> None:
        self._is_ended = True


def _boundary(request: Request) -> bytes:
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if media_type != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise UnsupportedMediaType("send multipart/form-data with one file")
    return boundary


def _shown(name: str) -> str:
    """The file's name for display: without characters that no file name has, and shortened."""
    return FORBIDDEN_IN_A_LINE.sub("", name)[:MOST_NAME_CHARACTERS]


def _limit(text: bytes) -> None:
    if len(text) > MOST_HEADER_BYTES:
        raise _refusal("a part's header is too long")


def _refusal(message: str) -> InvalidRequest:
    return InvalidRequest(errors=[FieldError("/file", "upload", message)])
