"""A listing as everybody except its own court may see it: persons' numbers in free texts are masked too. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from blacklist_service.listings.columns import KEPT
from blacklist_service.listings.lengths import shown
from blacklist_service.subjects.free_texts import mask_numbers

TEXTS = ("case_number", "circumstances_text", "decision.document_number", *(one.path for one in KEPT if one.is_text))


def as_public(wire: Mapping[str, Any]) -> dict[str, Any]:
    return _with_texts(wire, mask_numbers)


def as_published(wire: Mapping[str, Any]) -> dict[str, Any]:
    """The same for the list of all listings: a long text is shortened; reading the single listing returns it whole."""
    return _with_texts(wire, lambda text: shown(mask_numbers(text)) or "")


def _with_texts(wire: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    changed = dict(wire)
    for path in TEXTS:
        group, _, name = path.rpartition(".")
        held = changed if not group else changed.get(group) or {}
        if text := held.get(name):
            changed |= {name: change(text)} if not group else {group: held | {name: change(text)}}
    if debtor := changed.get("debtor"):
        people = [{**one, "name": change(one["name"])} for one in debtor.get("people") or ()]
        changed["debtor"] = debtor | {"name": change(debtor["name"])} | ({"people": people} if people else {})
    return changed
