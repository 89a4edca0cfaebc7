"""Templates: what is printed is escaped, what is missing is an error, and nothing is marked safe but what is ours."""

from datetime import date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from blacklist_service.clock import SHANGHAI
from blacklist_service.console import court_words, wording
from blacklist_service.console.assets import hashed_name
from blacklist_service.listings.differences import at
from blacklist_service.listings.findings import sentence_of


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
    found.globals |= {"asset": lambda name: f"/console/static/{hashed_name(name)}", "words": wording}
    found.globals |= {"court": court_words, "at": at, "sentence": lambda code: sentence_of(code).zh}
    found.filters |= {"beijing": beijing, "day": day, "code_points": code_points}
    return found


def render(template: str, **context: Any) -> str:
    return environment().get_template(template).render(**context)


def beijing(instant: str | datetime | None, seconds: bool = True) -> str:
    """`2026-11-27 14:05:09`, in Beijing time."""
    if instant is None:
        return ""
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return f"{at.astimezone(SHANGHAI):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}}"


def day(value: str | date | None) -> str:
    return "" if value is None else str(value)


def code_points(name: str) -> str:
    """The code points of characters that a clerk's font may lack, so that she can tell which are meant."""
    rare = [character for character in name if ord(character) > 0x9FFF or 0x3400 <= ord(character) < 0x4E00]
    return " ".join(f"{character} U+{ord(character):04X}" for character in rare)
