"""The command line: `blacklist-client screen`, `listen`.

Exit status: 0 success; 1 some rows were refused; 2 wrong configuration; 3 some rows have no answer.
"""

import argparse
import sys
from collections.abc import Sequence

from blacklist_client.cli import listening, screening
from blacklist_client.errors import BlacklistError
from blacklist_client.journal import JournalError
from blacklist_client.rosters import RosterError
from blacklist_client.transport import VERSION

CONFIGURATION_ERROR = 2


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="blacklist-client",
        description="Asks a blacklist-service. BLACKLIST_URL and BLACKLIST_KEY say which, and with which key.",
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (screening, listening):
        command.add_to(commands)
    typed = parser.parse_args(words)
    try:
        status: int = typed.run(typed)
    except (RosterError, JournalError, BlacklistError, ValueError, OSError) as error:
        sys.stderr.write(f"blacklist-client: {error}\n")
        return CONFIGURATION_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("\nblacklist-client: interrupted; the same command goes on where this ended\n")
        return 130
    return status
