"""Parses the published list as it arrives, one line for each listing. Without I/O."""

from dataclasses import dataclass, field

from blacklist_client.conversation import Reply, media_type
from blacklist_client.errors import NotUnderstood
from blacklist_client.models import Json
from blacklist_client.reading import parse

MOST_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FeedPart:
    """Some listings of the list at `list_version`, in the order they came."""

    list_version: int
    listings: list[Json]


@dataclass(slots=True)
class FeedReader:
    """Assembles pieces of bytes into lines."""

    list_version: int
    _rest: bytearray = field(default_factory=bytearray)

    @classmethod
    def of(cls, reply: Reply) -> "FeedReader":
        """Raise `NotUnderstood` for another document."""
        version = reply.headers.get("list-version", "")
        if media_type(reply) != "application/x-ndjson" or not (version.isascii() and version.isdigit()):
            raise NotUnderstood(f"not the list of the feed (status {reply.status})")
        return cls(int(version))

    def feed(self, piece: bytes) -> FeedPart:
        """The listings that are complete with this piece."""
        self._rest += piece
        *lines, rest = bytes(self._rest).split(b"\n")
        if len(rest) > MOST_LINE_BYTES:
            raise NotUnderstood("a line of the list does not end")
        self._rest = bytearray(rest)
        listings = [parse(line) for line in lines]
        if not all(isinstance(one, dict) for one in listings):
            raise NotUnderstood("a line of the list is no listing")
        return FeedPart(self.list_version, listings)

    def end(self) -> None:
        if self._rest:
            raise NotUnderstood("the list ends in the middle of a line")
