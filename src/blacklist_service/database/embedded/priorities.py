"""How much of the processors a session of the embedded server may have beside others."""

import os
from contextlib import suppress

NICENESS = 10
"""Where processors are short, a session that answers checks has nine times the share of one that reads much."""


def give_way(backend: int) -> None:
    """Have the process of that number give way to all others; of this machine, and this user's or root's to tell."""
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PROCESS, backend, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
