"""Templates: values are escaped, a missing value is an error, and only our own text is marked safe."""

import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from blacklist_service.clock import SHANGHAI
from blacklist_service.console import court_words, wording, wording_officers, wording_supervision
from blacklist_service.console.assets import hashed_name
from blacklist_service.listings.differences import at
from blacklist_service.listings.findings import sentence_of
from blacklist_service.web.courtesy import Courtesy

SLICE_SECONDS = 0.001


@cache
def environment() -> Environment:
    found = Environment(
        loader=PackageLoader("blacklist_service.console", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.globals |= {
        "asset": lambda name: f"/console/static/{hashed_name(name)}",
        "words": wording,
        "figures": wording_supervision,
        "officers": wording_officers,
    }
    found.globals |= {"court": court_words, "at": at, "sentence": sentence_of}
    found.filters |= {"beijing": beijing, "day": day, "code_points": code_points}
    return found


class Rendered(HTMLResponse):
    """A page rendered while it is sent: in slices of a millisecond, giving way to checks between them."""

    def __init__(
        self, template: str, status: int, courtesy: Callable[[], Courtesy], context: Mapping[str, Any]
    ) -> None:
        super().__init__(status_code=status)
        self._pieces = environment().get_template(template).generate(context)
        self._courtesy = courtesy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing is sent before the page is complete: a failure half-way becomes a refusal."""
        self.body = await self._put_together()
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)

    async def _put_together(self) -> bytes:
        written: list[str] = []
        work, begun = self._courtesy().begin(), time.perf_counter()
        for piece in self._pieces:
            written.append(piece)
            if time.perf_counter() - begun > SLICE_SECONDS:
                await work.give_way()
                begun = time.perf_counter()
        return "".join(written).encode()


def beijing(instant: str | datetime | None, seconds: bool = True) -> str:
    """`2026-11-27 14:05:09`, in Beijing time."""
    if instant is None:
        return ""
    moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return f"{moment.astimezone(SHANGHAI):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}}"


def day(value: str | date | None) -> str:
    return "" if value is None else str(value)


def code_points(name: str) -> str:
    """The code points of characters that a clerk's font may lack, so that she can tell which characters they are."""
    rare = [character for character in name if ord(character) > 0x9FFF or 0x3400 <= ord(character) < 0x4E00]
    return " ".join(f"{character} U+{ord(character):04X}" for character in rare)
