"""The filters by which ledger entries are searched and exported: each is declared once, in `EntryFilters`.

The routes, the statements (`selects`), `audit export` and the console's two forms use these declarations.
"""

from collections.abc import Callable, Iterator
from operator import eq, ge, le, lt
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import Field, StringConstraints

from blacklist_service.checks.rules import Decision
from blacklist_service.ledger.actions import Action
from blacklist_service.web.wire import Instant, Parameters, text


class Compares(NamedTuple):
    """What a filter compares: a column of the entry, and how it must relate to the value. `hint` is shown in the help of the
    command line.
    """

    column: str
    comparison: Callable[[Any, Any], Any] = eq
    hint: str = ""


class EntryFilters(Parameters):
    """All filters that are given must match. `from` is inclusive, `to` exclusive."""

    from_: Annotated[Instant | None, Compares("at", ge, "instant, inclusive: 2018-04-01T00:00:00Z")] = Field(
        None, alias="from"
    )
    to: Annotated[Instant | None, Compares("at", lt, "instant, exclusive")] = None
    agency: Annotated[Annotated[str, *text(64)] | None, Compares("agency", hint="member code")] = None
    operator: Annotated[Annotated[str, *text(100)] | None, Compares("operator")] = None
    matter: Annotated[Annotated[str, *text(64)] | None, Compares("matter")] = None
    decision: Annotated[Decision | None, Compares("decision", hint="block, flag or clear")] = None
    action: Annotated[Action | None, Compares("action")] = None
    reference: Annotated[Annotated[str, *text(200)] | None, Compares("reference")] = None
    list_version_from: Annotated[Annotated[int, Field(ge=0, lt=2**63)] | None, Compares("list_version", ge)] = None
    list_version_to: Annotated[Annotated[int, Field(ge=0, lt=2**63)] | None, Compares("list_version", le)] = None


class Filter(NamedTuple):
    """A declared filter: the name of its field, its name on the wire, its type, and its comparison.

    `longest` is the maximum length of a text.
    """

    field: str
    name: str
    type: Any
    compares: Compares
    longest: int | None


def _declared() -> Iterator[Filter]:
    for name, field in EntryFilters.model_fields.items():
        [compares] = [one for one in field.metadata if isinstance(one, Compares)]
        given = next(one for one in get_args(field.annotation) if one is not NoneType)
        type_, *bounds = get_args(given) if get_origin(given) is Annotated else (given,)
        longest = next((one.max_length for one in bounds if isinstance(one, StringConstraints)), None)
        yield Filter(name, field.alias or name, type_, compares, longest)


FILTERS = tuple(_declared())
"""The filters of `EntryFilters`, in its order."""
