"""The sealing process: the sequencer and nothing else, so that nothing else can end or delay it. Run by `serve`.

Loading files, keeping the calendar and making exports happen in another process (`worker.py`): a receipt is available within
moments, whatever a court's file does to that process. There is one sealer at a time: the log's lock ends with its connection.
"""

import asyncio
import os

from blacklist_service.database.children import run_child, told_to_stop
from blacklist_service.database.embedded.child import die_with_parent
from blacklist_service.database.installation import require_fitting
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.ledger.sealing import keep_sealing
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
