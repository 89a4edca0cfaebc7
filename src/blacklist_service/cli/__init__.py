"""The command line: `blacklist-service …`. It composes the other packages and holds no rules; it works beside a running
`serve`.
"""

import sys
from importlib import import_module

from blacklist_service.cli.commandline import prepare


def main() -> None:
    """Run the command line. `serve` must start quickly after a restart, so it imports none of the other commands."""
    prepare(sys.argv)
    chosen = "serve_command" if sys.argv[1:2] == ["serve"] else "commands"
    import_module(f"{__name__}.{chosen}").app()
