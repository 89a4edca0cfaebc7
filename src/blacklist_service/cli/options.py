"""Options shared by many commands."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None, typer.Option(help="embedded database and key file; default BLACKLIST_DATA_DIR, else ./data")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]
