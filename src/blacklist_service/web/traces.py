"""The caller's trace (W3C Trace Context): its id is in the log, so that a caller can find its request."""

import re

TRACEPARENT = b"traceparent"
FORM = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_id(traceparent: bytes | None) -> str | None:
    """The trace id of a well-formed header (§3.2.2). An id of decimal digits only is refused: no tracer generates one, and it
    may be a person's number.
    """
    if traceparent is None or not (found := FORM.fullmatch(traceparent)) or found[1].isdigit():
        return None
    return found[1].decode("ascii")
