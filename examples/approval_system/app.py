"""The application, and what goes on behind its pages for as long as it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI

from blacklist_client import AsyncBlacklist
from examples.approval_system.asking import Desk
from examples.approval_system.following import follow
from examples.approval_system.routes import router
from examples.approval_system.store import Store

ROUND_SECONDS = 0.5

log = structlog.get_logger()


def create_app(office: AsyncBlacklist, store: Store) -> FastAPI:
    desk = Desk(office, store)

    async def follow_events() -> None:
        await follow(office, store)

    steps = (desk.ask_what_waits, desk.tell_what_was_done, desk.keep_receipts, follow_events)

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        work = [asyncio.create_task(again_and_again(step)) for step in steps]
        yield
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    app = FastAPI(title="招录审批（示例）", lifespan=running)
    app.state.store, app.state.desk = store, desk
    app.include_router(router)
    return app


async def again_and_again(step: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A fault of one round is logged, and is not the end of all of them: whoever waits must not wait for ever."""
    while True:
        try:
            await step()
        except Exception:
            log.exception("round_failed", step=step.__name__)
        await asyncio.sleep(ROUND_SECONDS)
