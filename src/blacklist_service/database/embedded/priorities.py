"""The processor priority of sessions of the embedded server."""

import os
from contextlib import suppress

NICENESS = 10
"""When processors are short, a session that answers checks gets nine times the share of one that reads much."""


def give_way(backend: int) -> None:
    """Lower the priority of the backend with that process id. Does nothing if it has ended or belongs to another user."""
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PROCESS, backend, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
