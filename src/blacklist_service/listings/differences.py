"""The differences between two contents of a listing, field by field, for people to compare. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from blacklist_service.listings.columns import TITLES

FIELDS = tuple(TITLES)
"""In the order of a decision letter, as dotted paths."""


class Difference(NamedTuple):
    """`field` is a dotted path into the document of a listing; `before` and `after` are its values."""

    field: str
    before: Any
    after: Any


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, is_other_number: bool = False
) -> list[Difference]:
    """The differences of two documents; `is_other_number` says that the debtor's numbers differ even if their masks do
    not.
    """
    found = []
    for name in FIELDS:
        old, new = at(before, name), at(after, name)
        if old != new or (is_other_number and name == "debtor.identifier"):
            found.append(Difference(name, old, new))
    return found


def count_alike(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """How many fields are equal; a field that is empty in both does not count."""
    return sum(at(before, name) == at(after, name) and at(after, name) is not None for name in FIELDS)


def at(document: Mapping[str, Any], name: str) -> Any:
    """The value at a dotted path; None if it is absent."""
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value or None if isinstance(value, str | list) else value
