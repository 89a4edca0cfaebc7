"""Reads composed for each request: built with SQLAlchemy Core, compiled, and sent to asyncpg as text.

The text depends only on the shape of the request (which filters are given), never on a value, so it is compiled once for each
shape. A statement that is always the same is plain SQL in the module that uses it.

SQLAlchemy takes a third of a second to load, and 14 MB. A process that only answers checks never loads it; one that searches
loads it in a thread, because checks must not wait. So each package keeps its `select()`s in a module of its own,
`selects.py`, and refers to it by `Deferred`.
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
    """A compiled read: its text, and the parameter names in the order of $1, $2, …"""

    text: str
    names: tuple[str, ...]

    async def fetch(self, connection: Connection, **values: Any) -> list[asyncpg.Record]:
        """Raise `KeyError` for a missing value; values that this shape does not use are ignored."""
        return await connection.fetch(self.text, *[values[name] for name in self.names])


_statements: dict[tuple[Any, ...], Statement] = {}


async def composed(compose: Callable[Shape, "Select[Any]"], *shape: Shape.args, **more: Shape.kwargs) -> Statement:
    """The statement of this shape, whose parts must be hashable; composed and compiled on first use."""
    key = (compose, shape, *more.items())
    if (found := _statements.get(key)) is None:
        found = _statements[key] = await asyncio.to_thread(lambda: compiled(compose(*shape, **more)))
    return found


def compiled(select: "Select[Any]") -> Statement:
    """Raise `ValueError` if the statement contains a literal value: it belongs to one request, but would be used for all of
    its shape.
    """
    from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect  # noqa: PLC0415 - see above

    made = select.compile(dialect=asyncpg_dialect.dialect())  # type: ignore[no-untyped-call]
    if held := [name for name, bind in made.binds.items() if not bind.required]:
        raise ValueError(f"these hold values, where a shape has but names: {', '.join(sorted(held))}")
    return Statement(made.string, tuple(made.positiontup or ()))


class Deferred:
    """A module that is loaded by the first call of one of its functions."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> "_Later":
        later = self.__dict__[name] = _Later(self._module, name)  # the same object next time: it is in cache keys
        return later


class _Later:
    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __call__(self, *shape: Any, **more: Any) -> Any:
        return getattr(import_module(self._module), self._name)(*shape, **more)
