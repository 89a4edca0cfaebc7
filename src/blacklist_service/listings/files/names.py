"""What a column's name means, by itself and together with the others (`data/vocabularies.toml`)."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from blacklist_service.listings.columns import Field


class Special(Enum):
    """A known column that is not a field."""

    PEOPLE = "people"
    NOTE = "note"
    """Not used here: kept as a note and not reported as unknown."""


Meaning = Field | Special

_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("\ufeff"): None}
_BESIDE_A_NAME = re.compile(
    r"^['\"*]+|^[0-9]{1,2}[.、)]|['\":*]+$|\([2-9]\)$|[(\[【](?:非?必填项?|必录项?|选填项?|可选|可空|不可空|required|optional|格式.*|yyyy.*)[)\]】]$"
)


class Meanings:
    """The meanings of the columns of one file, by the vocabulary they belong to."""

    def __init__(self, names: Iterable[str]) -> None:
        folded = {fold(name) for name in names}
        self._special: dict[str, Meaning] = {}
        for vocabulary in sorted(_tables().vocabularies, key=lambda one: len(folded & one.known_by)):
            if len(folded & vocabulary.known_by) >= vocabulary.company:
                self._special |= vocabulary.headers

    def of(self, name: str) -> Meaning | None:
        """The meaning of a header or a JSON name: case, width, underscores, whitespace and marks around it are ignored."""
        folded = fold(name)
        return self._special.get(folded) or _tables().headers.get(folded) or _tables().second_choice.get(folded)

    def is_second_choice(self, name: str) -> bool:
        """Whether the column counts only where no other column with its meaning has a value."""
        folded = fold(name)
        return folded in _tables().second_choice and folded not in self._special


def meaning_of(name: str) -> Meaning | None:
    """The meaning of a name regardless of the other columns."""
    return Meanings(()).of(name)


def fold(name: str) -> str:
    folded = "".join(name.translate(_HALF_WIDTH).replace("_", "").split()).lower()
    while (bare := _BESIDE_A_NAME.sub("", folded)) != folded:
        folded = bare
    return folded


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    company: int
    known_by: frozenset[str]
    headers: Mapping[str, Meaning]


@dataclass(frozen=True, slots=True)
class _Tables:
    headers: Mapping[str, Meaning]
    second_choice: Mapping[str, Meaning]
    vocabularies: tuple[_Vocabulary, ...]


@cache
def _tables() -> _Tables:
    text = files("blacklist_service.listings").joinpath("data/vocabularies.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return _Tables(
        headers={fold(field): field for field in Field if field is not Field.PEOPLE} | _by_header(data["headers"]),
        second_choice=_by_header(data["second_choice"]),
        vocabularies=tuple(
            _Vocabulary(
                one["company"],
                frozenset(map(fold, one["known_by"])),
                {fold(name): _meaning(word) for name, word in one.get("headers", {}).items()},
            )
            for one in data["vocabularies"]
        ),
    )


def _by_header(table: Mapping[str, list[str]]) -> dict[str, Meaning]:
    return {fold(name): _meaning(word) for word, names in table.items() for name in names}


def _meaning(word: str) -> Meaning:
    if word in ("note", "notes"):
        return Special.NOTE
    return Special.PEOPLE if word == "people" else Field(word)
