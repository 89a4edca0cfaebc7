"""The caller's trace (W3C Trace Context): its id stands in the log, where a caller finds its request by it."""

import re

TRACEPARENT = b"traceparent"
FORM = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_id(traceparent: bytes | None) -> str | None:
    """Of a header of its form (§3.2.2). One of decimal digits alone is drawn by no tracer, and may be somebody's number."""
    if traceparent is None or not (found := FORM.fullmatch(traceparent)) or found[1].isdigit():
        return None
    return found[1].decode("ascii")
