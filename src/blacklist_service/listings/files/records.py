"""From the cells of a table's record to a raw row."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from blacklist_service.listings.files.cells import PLAIN_SPACE, clean, identifier_text, tidy, unwrap
from blacklist_service.listings.files.header import MOST_COLUMNS, Header, nameless
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.rows import Field, RawRow, RelatedPerson

MOST_PEOPLE = 200  # a large company's officers; a row with more is an attack on memory
PEOPLE_NOTE = "qysler"


class RecordReader:
    """Reads any record with all care; the CSV reader has a shorter way for records that need none."""

    def __init__(self, header: Header) -> None:
        self._header = header

    def read(self, number: int, cells: Sequence[str]) -> RawRow | None:
        """Read a record; None for a blank one."""
        header = self._header
        if len(cells) > MOST_COLUMNS:
            raise UnreadableFile(f"Record {number} has more than {MOST_COLUMNS} cells.")
        cells = [unwrap(cell) if cell and cell.lstrip(PLAIN_SPACE)[:1] in ("=", "'") else cell for cell in cells]
        last = len(cells)
        values = {field: text for place, field in header.fields if place < last and (text := clean(cells[place]))}
        if Field.NAME in values:
            values[Field.NAME] = tidy(cells[self._name_at()])
        notes = {name: text for place, name in header.notes if place < last and (text := clean(cells[place]))}
        notes |= {nameless(at): text for at in range(header.width, last) if (text := clean(cells[at]))}
        people = self._people(cells, notes)
        return RawRow(number, values, notes, people) if values or notes or people else None

    def _name_at(self) -> int:
        return next(place for place, field in self._header.fields if field is Field.NAME)

    def _people(self, cells: Sequence[str], notes: dict[str, str]) -> tuple[RelatedPerson, ...]:
        place = self._header.people_at
        if place is None or place >= len(cells) or not (text := clean(cells[place])):
            return ()
        try:
            return read_people(orjson.loads(text))
        except ValueError:
            notes[PEOPLE_NOTE] = text
            return ()


def read_people(value: Any) -> tuple[RelatedPerson, ...]:
    """Read `qysler`; raises ValueError when it is not a list of objects with names."""
    if not isinstance(value, list) or len(value) > MOST_PEOPLE:
        raise ValueError("no list of people")
    return tuple(_person(item) for item in value)


def _person(item: Any) -> RelatedPerson:
    if not isinstance(item, Mapping):
        raise ValueError("no object")  # noqa: TRY004 - the one error of all that is malformed
    texts = {str(key).lower(): value for key, value in item.items()}
    relation, name, number = (texts.get(key) for key in ("corporationtypename", "iname", "cardnum"))
    if not isinstance(name, str) or not clean(name):
        raise ValueError("no name")
    return RelatedPerson(_text(relation), tidy(name), _text(number))


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else identifier_text(value) if type(value) is int else ""
