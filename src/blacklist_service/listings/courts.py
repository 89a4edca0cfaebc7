"""The dictionary of courts: from a name or alias to the code. Data, extended by the courts that are members."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from blacklist_service.listings.wording import fold
from blacklist_service.subjects.case_numbers import fold_court_code


class Courts:
    def __init__(self, members: Iterable[tuple[str, str, str]] = ()) -> None:
        """`members` are (court code, name, member code) of the courts that are members; their names win."""
        self._names = {code: names[0] for code, names in _dictionary().items()}
        self._codes = {fold(name): code for code, names in _dictionary().items() for name in names}
        self._members: dict[str, str] = {}
        for code, name, member in members:
            self._members[code] = member
            self._names[code] = name
            self._codes[fold(name)] = code

    def find_code(self, name: str) -> str | None:
        return self._codes.get(fold(name))

    def find_number(self, number: str) -> str | None:
        """The code of a court from the number a sharing platform gives it: by its area (GB/T 2260), or by the platform's own
        table.
        """
        return _numbers().get(number)

    def member_of(self, code: str) -> str | None:
        return self._members.get(code)

    def code_of(self, written: str) -> str:
        """The code under which a court's listings are stored, whatever its spelling: a member's own, or else the folded
        one.
        """
        folded = fold_court_code(written)
        return next((code for code in self._members if fold_court_code(code) == folded), folded)

    def name_of(self, code: str) -> str | None:
        return self._names.get(code)


@cache
def _dictionary() -> Mapping[str, list[str]]:
    courts: Mapping[str, list[str]] = _data()["courts"]
    return courts


@cache
def _numbers() -> Mapping[str, str]:
    numbers: Mapping[str, str] = _data()["numbers"]
    return numbers


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads(files("blacklist_service.listings").joinpath("data/courts.toml").read_text("utf-8"))
