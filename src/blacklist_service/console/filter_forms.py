"""The filters of the ledger as the auditors' forms show and take them; they are declared in `audit/filters.py`."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import ge, lt
from typing import Any, NamedTuple

from blacklist_service.audit import verify_bundle
from blacklist_service.audit.filters import FILTERS, Filter
from blacklist_service.console import wording
from blacklist_service.console.forms import Form
from blacklist_service.console.home import matter_names, unit_names
from blacklist_service.console.times import end_of_day, start_of_day
from blacklist_service.console.visits import Visit
from blacklist_service.ledger.actions import Action

SHOWN_FILTERS = tuple(one for one in FILTERS if one.name in wording.FILTERS)
EXPORT_FILTERS = tuple(one for one in SHOWN_FILTERS if one.name in verify_bundle.ON_LEAF)
"""The filters for which an export proves that no row is missing."""


class FilterField(NamedTuple):
    """A filter as a form shows it: its label, and the options to choose from unless it is typed."""

    name: str
    label: str
    choices: Mapping[str, str] | None
    longest: int | None
    is_day: bool
    is_past: bool


async def filter_fields(visit: Visit, filters: Iterable[Filter]) -> list[FilterField]:
    known = {"agency": await unit_names(visit), "matter": await matter_names(visit)}
    return [
        FilterField(
            one.name,
            wording.FILTERS[one.name].label,
            known.get(one.name, wording.FILTERS[one.name].choices),
            one.longest,
            is_day=one.type is datetime,
            is_past=one.type is Action,
        )
        for one in filters
    ]


def filters_in(form: Form) -> dict[str, Any]:
    """The filters in the form, for a search or an export; a chosen day becomes an instant."""
    midnights = {ge: start_of_day, lt: end_of_day}
    given: dict[str, Any] = {}
    for one in SHOWN_FILTERS:
        value = form.given(one.name)
        given[one.name] = midnights[one.compares.comparison](value) if one.type is datetime else value
    return {name: value for name, value in given.items() if value}
