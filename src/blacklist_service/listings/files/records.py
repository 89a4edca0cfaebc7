"""From the cells of a record to a raw row."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from blacklist_service.listings.columns import Field
from blacklist_service.listings.files.cells import PLAIN_SPACE, clean, identifier_text, tidy, unwrap
from blacklist_service.listings.files.header import MOST_COLUMNS, Header, nameless
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.rows import BETWEEN_NUMBERS, DATES, NAMING, CellFault, RawRow, RelatedPerson
from blacklist_service.listings.files.values import read_date

MOST_PEOPLE = 200  # as many officers as a large company has; a row with more is an attack on memory
PEOPLE_NOTE = "qysler"

UNREAD = "#VALUE!"

_ERROR = re.compile(
    r"#(?:N/A|VALUE!|REF!|DIV/0!|NUM!|NAME\?|NULL!|SPILL!|CALC!|ERROR!|FIELD!|BUSY!|GETTING_DATA|UNKNOWN!|CONNECT!|BLOCKED!)"
)
_NO_FAULTS: Mapping[int, CellFault] = {}


class Gathering:
    """Collects the values of one row; a field may get several."""

    def __init__(self) -> None:
        self.values: dict[Field, str] = {}
        self.faults: dict[Field, CellFault] = {}
        self.other_values: dict[str, str] = {}
        """Further values of a field, under names that have the same meaning when the row is sent again (`name (2)`)."""
        self._numbers: list[str] = []

    def add(self, field: Field, text: str) -> None:
        """Add a non-empty value. The debtor's numbers may differ; for any other field two values are an error."""
        if field is Field.IDENTIFIER_NUMBER:
            self._numbers.append(text)
        elif not _is_same(field, self.values.setdefault(field, text), text):
            self.faults[field] = CellFault.TWO_VALUES
            number = 1 + sum(name.startswith(f"{field} (") for name in self.other_values)
            self.other_values[f"{field} ({min(number + 1, 9)})"] = text

    def miss(self, field: Field, fault: CellFault) -> None:
        """Note a value that cannot be parsed, and replace it by text that cannot be parsed either if the row is sent
        again.
        """
        self.faults[field] = fault
        self.values.setdefault(field, UNREAD)

    def add_if_missing(self, field: Field, text: str) -> None:
        if field not in self.values:
            self.add(field, text)

    def finish(self) -> None:
        numbers = list(dict.fromkeys(self._numbers))
        if numbers:
            self.values[Field.IDENTIFIER_NUMBER] = numbers[0]
        if len(numbers) > 1:
            written = (self.values.get(Field.OTHER_NUMBERS, ""), *numbers[1:])
            self.values[Field.OTHER_NUMBERS] = BETWEEN_NUMBERS.join(filter(None, written))
        for field, text in self.values.items():
            if text[0] == "#" and field in NAMING and _ERROR.fullmatch(text):
                self.faults.setdefault(field, CellFault.ERROR)


class RecordReader:
    """Parses any record with all checks; the CSV reader has a faster path for records that need none."""

    def __init__(self, header: Header) -> None:
        self._header = header

    def read(self, number: int, cells: Sequence[str], faults: Mapping[int, CellFault] = _NO_FAULTS) -> RawRow | None:
        """Parse a record; None for a blank one. `faults` of cells, by column index: those of known columns become the
        row's.
        """
        header = self._header
        if len(cells) > MOST_COLUMNS:
            raise UnreadableFile(f"Record {number} has more than {MOST_COLUMNS} cells.")
        cells = [unwrap(cell) if cell and cell.lstrip(PLAIN_SPACE)[:1] in ("=", "'") else cell for cell in cells]
        last = len(cells)
        row = Gathering()
        for place, field in header.fields:
            if place < last and (text := _text_of(field, cells[place])):
                row.add(field, text)
        for place, field in header.second_choices:
            if place < last and (text := _text_of(field, cells[place])):
                row.add_if_missing(field, text)
        row.finish()
        for place, fault in faults.items():
            if (known := next((field for at, field in header.fields if at == place), None)) is not None:
                row.miss(known, fault)
        notes = {name: text for place, name in header.notes if place < last and (text := clean(cells[place]))}
        notes |= row.other_values
        notes |= {nameless(at): text for at in range(header.width, last) if (text := clean(cells[at]))}
        people = self._people(cells, notes, row.faults)
        is_blank = not (row.values or notes or people or row.faults)
        return None if is_blank else RawRow(number, row.values, notes, people, tuple(row.faults.items()))

    def _people(
        self, cells: Sequence[str], notes: dict[str, str], faults: dict[Field, CellFault]
    ) -> tuple[RelatedPerson, ...]:
        place = self._header.people_at
        if place is None or place >= len(cells) or not (text := clean(cells[place])):
            return ()
        try:
            return read_people(orjson.loads(text))
        except ValueError:
            notes[PEOPLE_NOTE] = text
            if text[0] in "[{":  # people were meant; a list of bare names would find nobody anyway
                faults[Field.PEOPLE] = CellFault.NO_TEXT
            return ()


def _text_of(field: Field, cell: str) -> str:
    text = clean(cell)
    return tidy(cell) if text and field is Field.NAME else text


def _is_same(field: Field, one: str, other: str) -> bool:
    if one == other:
        return True
    if field not in DATES:
        return one.strip() == other.strip()
    try:
        return read_date(one) == read_date(other)
    except ValueError:
        return False


def read_people(value: Any) -> tuple[RelatedPerson, ...]:
    """Parse `qysler`; raises ValueError unless it is a list of objects with names."""
    if not isinstance(value, list) or len(value) > MOST_PEOPLE:
        raise ValueError("no list of people")
    return tuple(_person(item) for item in value)


def people_text(people: Iterable[RelatedPerson]) -> str:
    """Format people so that a cell of `qysler` parses to the same."""
    written = [{"corporationtypename": one.relation, "iname": one.name, "cardNum": one.number} for one in people]
    return orjson.dumps(written).decode() if written else ""


def _person(item: Any) -> RelatedPerson:
    if not isinstance(item, Mapping):
        raise ValueError("no object")  # noqa: TRY004 - the one error of all that is malformed
    texts = {str(key).lower(): value for key, value in item.items()}
    relation = texts.get("corporationtypename", texts.get("role"))
    name = texts.get("iname", texts.get("name"))
    number = texts.get("cardnum", texts.get("code"))
    if not isinstance(name, str) or not clean(name):
        raise ValueError("no name")
    return RelatedPerson(_text(relation), tidy(name), _text(number))


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else identifier_text(value) if type(value) is int else ""
