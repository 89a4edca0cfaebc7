"""Whether the service can answer: its database fits, entries can be recorded and are sealed, and there is room for them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import asyncpg

from blacklist_service.audit.stuck_jobs import count_stuck_jobs
from blacklist_service.checks.answers import DISPROVED
from blacklist_service.database.connections import Connection, Pool
from blacklist_service.database.installation import NotReadyError, verify_installation
from blacklist_service.database.lanes import Lane, LaneLost
from blacklist_service.database.room import free_share, months_ahead, require_room
from blacklist_service.database.servers import Server, server_of
from blacklist_service.database.sessions import UnfitSession
from blacklist_service.ledger.completeness import HEALED_AFTER, LOOK_SECONDS, SEEN_BY_PROBES, count_lost
from blacklist_service.ledger.log import SealingState, sealing_state
from blacklist_service.ledger.queries import require_recording
from blacklist_service.problems import Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from blacklist_service.web.fencing import note_reading
from blacklist_service.web.probes import Readiness
from blacklist_service.web.transactions import borrowed

READINESS_SECONDS = 2.0
BEHIND_SECONDS = 60.0


def readiness_of(lane: Lane, pool: Pool, secrecy: Secrecy, settings: Settings, draining: threading.Event) -> Readiness:
    async def look(connection: Connection) -> tuple[Server, SealingState, int]:
        await verify_installation(connection, secrecy)
        await require_recording(connection)
        free = free_share(settings.data_dir) if settings.is_embedded else None
        if fault := require_room(await months_ahead(connection), free):
            raise NotReadyError(fault)
        await complete(connection)
        return server_of(connection), await sealing_state(connection), await count_stuck_jobs(connection)

    complete = _completeness()

    async def check() -> dict[str, object]:
        if draining.is_set():
            raise Undetermined("the service is told to stop: ask another")
        try:
            server, sealing, stuck = await lane.run(look, timeout_seconds=READINESS_SECONDS)
            note_reading(server)
        except LaneLost as lost:
            cause = lost.__cause__
            raise Undetermined(
                str(cause) if isinstance(cause, UnfitSession) else "the database does not answer"
            ) from None
        except asyncpg.PostgresError as error:
            raise Undetermined(f"nothing can be recorded ({type(error).__name__})") from None
        except NotReadyError as error:
            raise Undetermined(str(error)) from None
        if sealing.disproof is not None:
            raise Undetermined(f"{DISPROVED}: {sealing.refusal}")
        if sealing.lag_seconds > settings.seal_limit:
            raise Undetermined(
                f"the ledger has not been sealed for too long: {sealing.refusal or 'no worker seals it'}"
            )
        async with borrowed(pool, within_seconds=READINESS_SECONDS):
            return {"ledger": _ledger_state(sealing), "jobs": {"stuck": stuck}}

    return check


def _completeness() -> Callable[[Connection], Awaitable[None]]:
    """Raise `NotReadyError` if entries were removed from the sealer's queue and not put back; examined now and then."""
    loop = asyncio.get_running_loop()
    looked, lost = -LOOK_SECONDS, 0

    async def look(connection: Connection) -> None:
        nonlocal looked, lost
        if loop.time() - looked >= LOOK_SECONDS:
            lost = await count_lost(connection, since=SEEN_BY_PROBES, until=HEALED_AFTER)
            looked = loop.time()
        if lost:
            raise NotReadyError(
                f"{lost} entries of the ledger are neither sealed nor waiting: ask who can alter tables"
            )

    return look


def _ledger_state(sealing: SealingState) -> dict[str, object]:
    """If sealing is behind, the service may still be used, but an operator must look into it before the limit is reached."""
    if sealing.refusal is None and sealing.lag_seconds < BEHIND_SECONDS:
        return {"state": "sealed"}
    state = "behind" if sealing.refusal is None else "refused"
    return {
        "state": state,
        "lag_seconds": int(sealing.lag_seconds),
        "detail": sealing.refusal,
        "host": sealing.host,
    }
