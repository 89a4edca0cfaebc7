"""Headers that every answer has: nobody keeps a copy of what is personal, frames it, or guesses another type for it."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

GUARDING: Headers = [(b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY")]
NO_STORE = (b"cache-control", b"no-store")
PERSONAL: Headers = [NO_STORE, *GUARDING]
WRITTEN_PERSONAL = b"".join(b"%b: %b\r\n" % header for header in PERSONAL)


def guarded(headers: Iterable[tuple[bytes, bytes]], *, is_personal: bool) -> Headers:
    """With the guarding headers; an answer that says itself how it may be kept is left its word."""
    given = list(headers)
    if is_personal and not any(name == b"cache-control" for name, _ in given):
        given.append(NO_STORE)
    return given + GUARDING
