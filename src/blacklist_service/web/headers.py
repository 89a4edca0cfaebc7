"""Headers of every answer: nobody may cache personal data, frame a page, or guess another media type."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

GUARDING: Headers = [(b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY")]
NO_STORE = (b"cache-control", b"no-store")
PERSONAL: Headers = [NO_STORE, *GUARDING]
WRITTEN_PERSONAL = b"".join(b"%b: %b\r\n" % header for header in PERSONAL)


def guarded(headers: Iterable[tuple[bytes, bytes]], *, is_personal: bool) -> Headers:
    """Add the guarding headers; an answer that sets its own Cache-Control keeps it."""
    given = list(headers)
    if is_personal and not any(name == b"cache-control" for name, _ in given):
        given.append(NO_STORE)
    return given + GUARDING
