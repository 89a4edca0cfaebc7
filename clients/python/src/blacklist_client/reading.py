"""Parses JSON into the generated classes, and writes them. Strict where an answer could be mistaken, open to new fields.

A missing value, one of another type, or an unknown word of a closed vocabulary raises `NotUnderstood`. The message names the
location and not the value.
"""

import json
import keyword
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from blacklist_client.errors import NotUnderstood

T = TypeVar("T")
Read = Callable[[Any], Any]

_MARK = object()
OTHERS = "others"
"""The field that collects what a class does not define."""


class Mismatch(Exception):  # noqa: N818 - what it is; it never leaves this module
    """A value has the wrong type; the location is added on the way out, innermost first."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.places: list[str] = []


def parse(content: bytes) -> Any:
    """Parse JSON in UTF-8 without duplicate keys and NaN; raise `NotUnderstood` otherwise."""
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NotUnderstood("the answer is not whole JSON") from None


def read(kind: type[T], value: Any) -> T:
    """Parsed JSON `value` as `kind`; raise `NotUnderstood` if it does not fit."""
    of_kind: Any = kind
    try:
        found: T = reader(of_kind)(value)
    except Mismatch as mismatch:
        place = "/" + "/".join(reversed(mismatch.places))
        raise NotUnderstood(f"the answer's {place} is not {mismatch.wanted}") from None
    return found


def write(value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
    """A request's dataclass as JSON: optional values that are None are left out."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if is_dataclass(kind):
        written = {}
        for name, wire, is_always_there in _written(kind):
            held = getattr(value, name)
            if held is not None or is_always_there:
                written[wire] = write(held)
        return written
    if isinstance(value, dict):
        return {name: write(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [write(one) for one in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant says its offset from UTC")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def dump(value: Any) -> bytes:
    """The bytes of a body; serialised once, and the same in every retry."""
    return json.dumps(write(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


@cache
def _written(kind: Any) -> list[tuple[str, str, bool]]:
    """For each field: its name, its name on the wire, and whether it is written even if None."""
    return [(one.name, _wire(one.name), one.default is MISSING) for one in fields(kind)]


@cache
def reader(kind: Any) -> Read:  # noqa: PLR0911 - one for each kind of type
    """The function that parses a value of this type."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if is_dataclass(kind):
        return _object(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _member({one.value: one for one in kind})
    origin = get_origin(kind)
    if origin is Literal:
        return _member({one: one for one in get_args(kind)})
    if origin is list:
        return _list(reader(get_args(kind)[0]))
    if origin in {Union, types.UnionType}:
        return _union([one for one in get_args(kind) if one is not type(None)], type(None) in get_args(kind))
    if kind is Any:
        return _any
    assert kind is dict or origin is dict, kind  # noqa: S101 - no other type is in a generated class
    return _of_type(dict, "an object")


def _object(kind: Any) -> Read:
    hints = get_type_hints(kind)
    known = [
        (_wire(one.name), one.name, reader(hints[one.name]), one.default is MISSING and one.default_factory is MISSING)
        for one in fields(kind)
        if one.name != OTHERS
    ]
    keeps_others = any(one.name == OTHERS for one in fields(kind))
    wires = frozenset(wire for wire, *_ in known)

    def read_object(value: Any) -> Any:
        if type(value) is not dict:
            raise Mismatch("an object")
        made = {}
        get = value.get
        for wire, name, read_field, is_required in known:
            found = get(wire, _MARK)
            if found is _MARK:
                if is_required:
                    raise _at(wire, Mismatch("there"))
                continue
            try:
                made[name] = read_field(found)
            except Mismatch as mismatch:
                raise _at(wire, mismatch) from None
        if keeps_others:
            made[OTHERS] = {name: found for name, found in value.items() if name not in wires}
        return kind(**made)

    return read_object


def _list(read_item: Read) -> Read:
    def read_list(value: Any) -> Any:
        if type(value) is not list:
            raise Mismatch("a list")
        made = []
        for place, item in enumerate(value):
            try:
                made.append(read_item(item))
            except Mismatch as mismatch:
                raise _at(str(place), mismatch) from None
        return made

    return read_list


def _union(kinds: list[Any], is_optional: bool) -> Read:
    readers = [reader(one) for one in kinds]
    if len(readers) == 1:
        [only] = readers
        return lambda value: None if value is None else only(value)

    def read_either(value: Any) -> Any:
        if value is None and is_optional:
            return None
        for one in readers[:-1]:
            try:
                return one(value)
            except Mismatch:
                continue
        return readers[-1](value)

    return read_either


def _member(known: Mapping[str, Any]) -> Read:
    def read_member(value: Any) -> Any:
        found = known.get(value, _MARK) if type(value) is str else _MARK
        if found is _MARK:
            raise Mismatch("a word that is known here")
        return found

    return read_member


def _of_type(kind: type, wanted: str) -> Read:
    def read_plain(value: Any) -> Any:
        if type(value) is not kind:  # not isinstance: True must not count as a number
            raise Mismatch(wanted)
        return value

    return read_plain


def _number(value: Any) -> float:
    if type(value) not in {int, float}:
        raise Mismatch("a number")
    return float(value)


def _made(make: Callable[[str], Any], wanted: str) -> Read:
    def read_text(value: Any) -> Any:
        if type(value) is not str:
            raise Mismatch(wanted)
        try:
            return make(value)
        except ValueError:
            raise Mismatch(wanted) from None

    return read_text


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError
    return at


def _any(value: Any) -> Any:
    return value


def _wire(name: str) -> str:
    bare = name.rstrip("_")
    return bare if keyword.iskeyword(bare) else name


def _at(place: str, mismatch: Mismatch) -> Mismatch:
    mismatch.places.append(place)
    return mismatch


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _refuse_constant(_name: str) -> Any:
    raise ValueError


_PLAIN: dict[Any, Read] = {
    str: _of_type(str, "a text"),
    int: _of_type(int, "a whole number"),
    bool: _of_type(bool, "true or false"),
    float: _number,
    type(None): _of_type(type(None), "null"),
    UUID: _made(UUID, "an id"),
    date: _made(date.fromisoformat, "a date"),
    datetime: _made(_instant, "an instant"),
}
