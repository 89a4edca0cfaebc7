"""`python -m examples.approval_system`: the example, beside a running service (`make demo`)."""

import json
import os
import sys
from pathlib import Path

import uvicorn

from blacklist_client import AsyncBlacklist
from examples.approval_system.app import create_app
from examples.approval_system.store import Store

DEMO = Path(".demo/demo.json")


def main() -> int:
    office = find_service()
    if office is None:
        sys.stderr.write("set BLACKLIST_URL and BLACKLIST_KEY, or run 'make demo' first\n")
        return 2
    store = Store(Path(os.environ.get("APPROVAL_DATA", ".demo/approval")))
    uvicorn.run(create_app(office, store), port=int(os.environ.get("APPROVAL_PORT", "8100")))
    return 0


def find_service() -> AsyncBlacklist | None:
    """By the environment, else the one that `make demo` serves."""
    if os.environ.get("BLACKLIST_URL"):
        return AsyncBlacklist.from_environment()
    if not DEMO.exists():
        return None
    demo = json.loads(DEMO.read_text("utf-8"))
    return AsyncBlacklist(demo["url"], demo["keys"]["agency"])


if __name__ == "__main__":
    sys.exit(main())
