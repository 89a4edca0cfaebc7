"""JSON Lines: one object on each line, with field names or those of the official site."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import jiter
import orjson

from blacklist_service.listings.columns import Field
from blacklist_service.listings.files.base import Column, ListFile
from blacklist_service.listings.files.cells import clean, identifier_text, number_text, tidy, unwrap
from blacklist_service.listings.files.encodings import errors_of, scan_text
from blacklist_service.listings.files.header import EXPECTED, LONGEST_NAME, MOST_UNKNOWN_NAMES, label
from blacklist_service.listings.files.lookalikes import is_word_of_an_end, speaks_of_an_end
from blacklist_service.listings.files.names import Meaning, Meanings, Special
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.records import PEOPLE_NOTE, Gathering, read_people
from blacklist_service.listings.files.rows import DATES, CellFault, RawRow, RelatedPerson

MOST_KEYS = 500  # fields of one object, like the columns of a table
MOST_LEARNT = 1000  # names whose meaning is cached, so that a file of ever new names cannot fill the memory
OBJECTS_TO_JUDGE = 100  # at least one of this many objects must name a debtor or a case, or the file is not a list

LONGEST_WHOLE = 1000  # digits; Python converts at most 4,300 into a number, and no number of ours has fifty

_LISTS = {Field.BASIS_NUMBER, Field.BASIS_ISSUER, Field.CIRCUMSTANCES}  # elsewhere a second value is an error

_WORDS = frozenset(
    {
        *(Field.ACTION, Field.OPERATION, Field.KIND, Field.IDENTIFIER_TYPE, Field.STATE),
        *(Field.IS_REMOVED, Field.IS_WITHHELD, Field.IS_WITHDRAWN, Field.IS_IN_FORCE),
    }
)
"""In these fields an object counts as an unknown word, or as an invalid day, and is reported as such."""
_WRAPPINGS = ("'", "=")
_LABELLED = ({"title", "value"}, {"label", "value"}, {"name", "value"}, {"key", "value"})

_Pairs = Sequence[tuple[str, Any]]


class JsonLinesFile(ListFile):
    format = "jsonl"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = max(path.stat().st_size, 1)
        self._position = 0
        self.encoding = scan_text(path).encoding
        self._unknown: dict[str, None] = {}
        self._doubtful: dict[str, None] = {}
        self._met: set[Field] = set()
        self._meant = Meanings(())
        self._meanings: dict[str, Meaning | None] = {}
        self._second_choices: set[str] = set()
        self._labels: dict[str, str] = {}
        self._refuse_foreign()

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        return tuple(self._unknown)

    @property
    def doubtful_columns(self) -> tuple[Column, ...]:
        return tuple(map(Column, self._doubtful))

    @property
    def gaps(self) -> tuple[Column, ...]:
        needed = (Field.NAME, Field.IDENTIFIER_NUMBER)
        return tuple(Column(field.value) for field in needed if field not in self._met)

    @property
    def fraction(self) -> float:
        return min(self._position / self._size, 1.0)

    def rows(self) -> Iterator[RawRow]:
        for number, pairs in self._objects():
            row = self._row(number, pairs)
            if row is not None:
                yield row

    def _refuse_foreign(self) -> None:
        judged = [pairs for _, pairs in islice(self._objects(), OBJECTS_TO_JUDGE)]
        if not judged:
            raise UnreadableFile("The file is empty.")
        self._meant = Meanings({key for pairs in judged for key, _ in pairs if len(key) <= LONGEST_NAME})
        meanings = {self._meaning(key) for pairs in judged for key, _ in pairs}
        if not meanings & {Field.NAME, Field.CASE_NUMBER}:
            raise UnreadableFile(f"The file's objects are no list: {EXPECTED}.")

    def _objects(self) -> Iterator[tuple[int, _Pairs]]:
        self._position = 0
        for number, line in enumerate(self._lines(), 1):
            self._position += len(line)
            if line.strip():
                yield number, _read_object(number, line)

    def _lines(self) -> Iterator[bytes]:
        if self.encoding == "gb18030":
            with self._path.open(encoding=self.encoding, errors=errors_of(self.encoding), newline="\n") as text:
                yield from (line.removeprefix("\ufeff").encode() for line in text)
            return
        with self._path.open("rb") as file:
            for line in file:
                yield line.removeprefix(b"\xef\xbb\xbf")

    def _row(self, number: int, pairs: _Pairs) -> RawRow | None:
        row, later = Gathering(), []
        notes: dict[str, str] = {}
        people: tuple[RelatedPerson, ...] = ()
        for place, (key, value) in enumerate(pairs):
            meaning = self._meaning(key)
            if isinstance(meaning, Field):
                if (text := _field_text(value, meaning)) is None:
                    row.miss(meaning, CellFault.NO_TEXT)
                    notes[f"{label(key, place)} (unread)"] = _note_text(value)
                elif text and key in self._second_choices:
                    later.append((meaning, text))
                elif text:
                    row.add(meaning, text)
            elif meaning is Special.PEOPLE and (found := _find_people(value)) is not None:
                people += found
            elif text := _note_text(value):
                name = self._note_name(key, place, meaning)
                notes[name] = text
                if meaning is None and is_word_of_an_end(text) and len(self._doubtful) < MOST_UNKNOWN_NAMES:
                    self._doubtful[name] = None
                if meaning is Special.PEOPLE and not isinstance(value, str):
                    row.faults[Field.PEOPLE] = CellFault.NO_TEXT
        for field, text in later:
            row.add_if_missing(field, text)
        row.finish()
        notes |= row.other_values
        is_blank = not (row.values or notes or people or row.faults)
        return None if is_blank else RawRow(number, row.values, notes, people, tuple(row.faults.items()))

    def _meaning(self, key: str) -> Meaning | None:
        try:
            return self._meanings[key]
        except KeyError:
            meaning = self._meant.of(key) if len(key) <= LONGEST_NAME else None
            if isinstance(meaning, Field):
                self._met.add(meaning)
            if len(self._meanings) < MOST_LEARNT:
                self._meanings[key] = meaning
                if meaning is not None and self._meant.is_second_choice(key):
                    self._second_choices.add(key)
            return meaning

    def _note_name(self, key: str, place: int, meaning: Meaning | None) -> str:
        if meaning is Special.PEOPLE:
            return PEOPLE_NOTE
        if (name := self._labels.get(key)) is not None:
            return name
        name = label(key, place)
        if meaning is None and len(self._unknown) < MOST_UNKNOWN_NAMES:
            self._unknown[name] = None
        if meaning is None and len(self._doubtful) < MOST_UNKNOWN_NAMES and speaks_of_an_end(key[:LONGEST_NAME]):
            self._doubtful[name] = None
        if len(self._labels) < MOST_LEARNT:
            self._labels[key] = name
        return name


def _read_object(number: int, line: bytes) -> _Pairs:
    try:
        value = jiter.from_json(line, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError:
        value = _read_odd(number, line)
    if isinstance(value, list) and not isinstance(value, _Object) and (labelled := _labelled(value)) is not None:
        value = labelled
    if isinstance(value, list) and not isinstance(value, _Object):
        raise UnreadableFile(f"Line {number} begins a JSON array; expected one object on each line.")
    if not isinstance(value, (dict, _Object)):
        raise UnreadableFile(f"Line {number} is no JSON object.")
    pairs = tuple(value.items()) if isinstance(value, dict) else value
    if len(pairs) > MOST_KEYS:
        raise UnreadableFile(f"Line {number} has more than {MOST_KEYS} names.")
    return pairs


def _labelled(value: list[Any]) -> "_Object | None":
    """A record given as a list of its labels and values (`[{"title": …, "value": …}, …]`); None for any other list."""
    if not value or any(not isinstance(item, dict) for item in value):
        return None
    names = next((names for names in _LABELLED if all(item.keys() >= names for item in value)), None)
    if names is None:
        return None
    name = next(iter(names - {"value"}))
    return _Object((item[name], item["value"]) for item in value if isinstance(item[name], str))


class _Object(list[tuple[str, Any]]):
    """An object that records which names occur twice."""


def _read_odd(number: int, line: bytes) -> Any:
    """Parse what the strict parser refuses although it is JSON: duplicate names, lone surrogates."""
    try:
        return _inner_plain(json.loads(line, object_pairs_hook=_Object, parse_int=_whole))
    except RecursionError:
        raise UnreadableFile(f"Line {number} is nested too deeply.") from None
    except ValueError:
        raise UnreadableFile(
            f"Line {number} is no JSON; expected one whole object on each line, without line ends in it."
        ) from None


def _inner_plain(value: Any) -> Any:
    return _Object((key, _plain(item)) for key, item in value) if isinstance(value, _Object) else value


def _plain(value: Any) -> Any:
    if isinstance(value, _Object):
        return {key: _plain(item) for key, item in value}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < LONGEST_WHOLE else float(digits)


def _field_text(value: Any, field: Field) -> str | None:
    """The text of a field's value; None if it is not text. An invalid word or day is returned as it is, to be reported."""
    if isinstance(value, str):
        if value[:1] in _WRAPPINGS:
            return clean(unwrap(value))
        cleaned = clean(value)
        return tidy(value) if cleaned and field is Field.NAME else cleaned
    if field in DATES and isinstance(value, (list, dict)):
        return _dump(value) if value else ""
    text: str | None
    if isinstance(value, list) and (field in _LISTS or len(value) < 2):
        texts = [_text_in(item, field) for item in value]
        text = None if None in texts else ",".join(filter(None, texts))
    else:
        text = _text_in(value, field)
    return _dump(value) if text is None and field in _WORDS else text


def _text_in(value: Any, field: Field) -> str | None:
    is_identifier = field in (Field.IDENTIFIER_NUMBER, Field.REPRESENTATIVE_NUMBER) and type(value) is int
    return identifier_text(value) if is_identifier else _scalar_text(value)


def _scalar_text(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int):
        return str(value)
    return number_text(value) if isinstance(value, float) else None


def _note_text(value: Any) -> str:
    text = _scalar_text(value)
    return text if text is not None else clean(_dump(value))


def _dump(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # lone surrogates, or numbers beyond 64 bits
        return json.dumps(value, ensure_ascii=True)


def _find_people(value: Any) -> tuple[RelatedPerson, ...] | None:
    if value is None or value == "":
        return ()
    try:
        return read_people(value)
    except ValueError:
        return None
