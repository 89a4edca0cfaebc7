"""Reads that are composed for each request: written as SQLAlchemy Core, sent to asyncpg as the text they compile to.

The text follows from the shape of what is asked (which filters are given), never from a value, so it is compiled once for
each shape. What is always the same statement stays SQL in plain sight, where it is used.

SQLAlchemy takes a third of a second to load, and 14 MB: a process that only checks never pays for it, and one that searches
loads it in a thread, for checks do not wait. So the rooms keep their `select()`s in a module of their own, `selects.py`,
and name it as `Deferred`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ParamSpec

import asyncpg

from blacklist_service.database.connections import Connection

if TYPE_CHECKING:
    from sqlalchemy import Select

Shape = ParamSpec("Shape")


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled read: its text, and the names of its values in the order of $1, $2, …"""

    text: str
    names: tuple[str, ...]

    async def fetch(self, connection: Connection, **values: Any) -> list[asyncpg.Record]:
        """Raise `KeyError` for a value that is not given; what the shape has no use for is left out."""
        return await connection.fetch(self.text, *[values[name] for name in self.names])


_statements: dict[tuple[Any, ...], Statement] = {}


async def composed(compose: Callable[Shape, "Select[Any]"], *shape: Shape.args, **more: Shape.kwargs) -> Statement:
    """The statement of this shape, whose parts are hashable; composed and compiled where it is the first of them."""
    key = (compose, shape, *more.items())
    if (found := _statements.get(key)) is None:
        found = _statements[key] = await asyncio.to_thread(lambda: compiled(compose(*shape, **more)))
    return found


def compiled(select: "Select[Any]") -> Statement:
    """Raise `ValueError` for one that holds a value: it would be of one request, and served to all of its shape."""
    from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect  # noqa: PLC0415 - see above

    made = select.compile(dialect=asyncpg_dialect.dialect())  # type: ignore[no-untyped-call]
    if held := [name for name, bind in made.binds.items() if not bind.required]:
        raise ValueError(f"these hold values, where a shape has but names: {', '.join(sorted(held))}")
    return Statement(made.string, tuple(made.positiontup or ()))


class Deferred:
    """A module as it is named before it is loaded: by the first call of one of its functions."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> "_Later":
        later = self.__dict__[name] = _Later(self._module, name)  # the same one next time: it is looked up by
        return later


class _Later:
    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __call__(self, *shape: Any, **more: Any) -> Any:
        return getattr(import_module(self._module), self._name)(*shape, **more)
