"""The command line: `blacklist-service …`. Composes, holds no rules; works beside a running `serve`."""

import sys
from importlib import import_module

from blacklist_service.cli.commandline import prepare


def main() -> None:
    """`serve` must be up soonest after a restart, so it loads none of the other commands."""
    prepare(sys.argv)
    chosen = "serve_command" if sys.argv[1:2] == ["serve"] else "commands"
    import_module(f"{__name__}.{chosen}").app()
