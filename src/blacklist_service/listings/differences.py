"""What differs between two contents of a listing, field by field, as people compare them. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from blacklist_service.listings.columns import TITLES

FIELDS = tuple(TITLES)
"""In the order of a decision letter, as paths with dots."""


class Difference(NamedTuple):
    """`field` is a path with dots into the document of a listing; `before` and `after` are as they stand there."""

    field: str
    before: Any
    after: Any


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, is_other_number: bool = False
) -> list[Difference]:
    """Of two documents; `is_other_number` tells that the debtor's numbers differ though their masks may not."""
    found = []
    for name in FIELDS:
        old, new = at(before, name), at(after, name)
        if old != new or (is_other_number and name == "debtor.identifier"):
            found.append(Difference(name, old, new))
    return found


def count_alike(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """How many fields say the same; what is said in neither does not count."""
    return sum(at(before, name) == at(after, name) and at(after, name) is not None for name in FIELDS)


def at(document: Mapping[str, Any], name: str) -> Any:
    """What stands in a field, given as a path with dots; None where nothing is said."""
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value or None if isinstance(value, str | list) else value
