"""The process that seals: the sequencer and nothing else, so that nothing else can end it or keep it waiting. Run by `serve`.

What loads files, keeps the calendar or makes exports is in another process (`worker.py`): a receipt is there within
moments whatever a court's file does to that one. One sealer at a time: the log's lock goes with its connection.
"""

import asyncio
import os

from blacklist_service.database.children import run_child, told_to_stop
from blacklist_service.database.embedded.child import die_with_parent
from blacklist_service.database.installation import require_fitting
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.ledger.sequencer import keep_sealing
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.settings import DSN_VARIABLE, SEALER_DSN_VARIABLE, Settings
from blacklist_service.telemetry import configure_logging


async def _main(settings: Settings) -> None:
    stopping = told_to_stop()
    dsn = os.environ.get(SEALER_DSN_VARIABLE) or os.environ[DSN_VARIABLE]
    await require_fitting(dsn, settings.load_secrecy(), role=SEALER_ROLE)
    sealing = asyncio.create_task(keep_sealing(dsn, SealingPlace.of(settings)))
    await stopping.wait()
    sealing.cancel()
    await asyncio.gather(sealing, return_exceptions=True)


def main() -> None:
    die_with_parent()
    settings = Settings()
    configure_logging(settings.log_level)
    run_child(_main(settings))


if __name__ == "__main__":
    main()
