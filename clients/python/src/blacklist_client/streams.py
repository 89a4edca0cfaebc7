"""Parses a stream of server-sent events. Without I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

MOST_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of a stream. `data` is its text, `id` the last one received."""

    name: str
    data: str
    id: str | None


class EventReader:
    """Takes a stream in pieces of any size and returns its events (HTML Living Standard §9.2.6)."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, piece: bytes) -> Iterator[ServerSentEvent]:
        """Raise `ValueError` if it is not such a stream."""
        self._rest += piece
        *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > MOST_LINE_BYTES:
            raise ValueError("a line does not end")
        for line in lines:
            yield from self._take(line.rstrip(b"\r").decode("utf-8"))

    def _take(self, line: str) -> Iterator[ServerSentEvent]:
        if not line:
            if self._data:
                yield ServerSentEvent(self._name or "message", "\n".join(self._data), self._id)
            self._name, self._data = "", []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id":
            self._id = value
