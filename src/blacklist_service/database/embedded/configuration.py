"""The server's settings, given on its command line, so that they follow this program's version and not the cluster's age."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PORT: Final = 5432  # only part of the socket's file name; nothing listens on TCP

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "100",
    # An answer may leave only when its evidence would survive a power failure.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "off",  # pages of random digests do not compress; a bulk load would waste its time trying
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",  # files of the log are used again rather than made anew
    # A commit that needs a new file of the log would otherwise wait until all of it is filled with zeros: 15 to 90 ms, and a
    # sent file needs several a second. Instead each commit in a new file also allocates its blocks: 0.1 ms.
    "wal_init_zero": "off",
    # Writes of a bulk load are flushed continuously, so that little is left to flush when a check commits.
    "wal_writer_delay": "20ms",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No personal value in a log: the message of an ERROR may quote one ("invalid input syntax …"), and so may its detail and
    # statement. The client, which knows what may be shown, gets all of them; the log keeps only the server's own messages.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
    # A client that vanished or left its transaction open must not hold locks, nor keep vacuum from its work.
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "2s",
}


def server_options(socket_folder: str) -> list[str]:
    """The settings as command-line arguments of `postgres`."""
    settings = {
        **SETTINGS,
        "unix_socket_directories": f'"{socket_folder}"',
        "shared_buffers": f"{_shared_buffers_megabytes()}MB",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _shared_buffers_megabytes() -> int:
    """An eighth of the memory, at most 1 GB, which holds the look-up indexes of a few million listings."""
    return max(32, min(1024, _memory_megabytes() // 8))


def _memory_megabytes() -> int:
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    try:
        return min(megabytes, int(Path("/sys/fs/cgroup/memory.max").read_text("ascii")) >> 20)
    except (OSError, ValueError):  # no control group, or "max"
        return megabytes
