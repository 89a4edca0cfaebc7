"""`blacklist-service serve` as an application of its own."""

from typing import Annotated

import typer

from blacklist_service.cli import serving
from blacklist_service.cli.environment import load_settings, refusing
from blacklist_service.cli.options import DataDir

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def only() -> None:
    """Keep the command's name although it is the only one."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option()] = None,
    port: Annotated[int | None, typer.Option()] = None,
    workers: Annotated[int | None, typer.Option(help="web processes")] = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the HTTP API and the console, with an embedded database unless BLACKLIST_DATABASE_URL names another."""
    settings = load_settings(data_dir, host=host, port=port, workers=workers)
    with refusing():
        raise SystemExit(serving.serve(settings))
