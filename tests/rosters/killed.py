"""A worker that screens rosters, to be killed: `python -m tests.rosters.killed DSN`."""

import asyncio
import sys

from blacklist_service.rosters.tasks import screen_rosters
from blacklist_service.settings import Settings
from tests.conftest import SECRECY

if __name__ == "__main__":
    asyncio.run(screen_rosters(sys.argv[1], SECRECY, Settings()))
