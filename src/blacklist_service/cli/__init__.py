"""The command line: `blacklist-service …`. Composes, holds no rules; works beside a running `serve`."""

from blacklist_service.cli.commands import app


def main() -> None:
    app()
