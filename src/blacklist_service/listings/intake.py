"""Parses a raw row of a file: the particulars of a listing, and what is to become of it. Pure.

The particulars are interpreted in `contents`, as for a publication over HTTP. This module has what only files need: what
becomes of the listing (`standing`), dates in cells, the court of each row. The first refusal in the order of `Refusal`
becomes the row's fate.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from blacklist_service.listings.columns import KEPT_BESIDE_DAYS, KEPT_DAYS, Field
from blacklist_service.listings.contents import Particulars, PersonParticulars, Reading, read_content, read_naming
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.files import CellFault, RawRow
from blacklist_service.listings.files.rows import BETWEEN_NUMBERS, DATES
from blacklist_service.listings.files.values import read_date
from blacklist_service.listings.lengths import LONGEST_NUMBER, overlong
from blacklist_service.listings.rules import Content, Naming, Refusal, RowAction, Warn
from blacklist_service.listings.standing import read_standing
from blacklist_service.listings.wording import ABSENT_NAMES, fold
from blacklist_service.subjects.case_numbers import fold_court_code
from blacklist_service.subjects.names import name_key

DATE_FIELDS = (
    *(Field.FILED_ON, Field.PUBLISHED_ON, Field.DECIDED_ON, *KEPT_DAYS, Field.EXPIRES_ON, Field.GRACE_UNTIL),
)


@dataclass(frozen=True, slots=True)
class Importer:
    """Whose file it is, and on which day it is loaded."""

    court_code: str
    court_name: str
    courts: Courts
    today: date


@dataclass(frozen=True, slots=True)
class RefusedRow:
    number: int
    code: Refusal
    field: Field | None


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A parsed row. `content` is set for a publication or a correction, `ground` for a deletion."""

    number: int
    action: RowAction
    naming: Naming
    warnings: tuple[Warn, ...]
    content: Content | None = None
    ground: str | None = None
    decided_on: date | None = None
    is_stated: bool = True
    """Whether an action asks for it; otherwise the record's own columns say that it has ended."""
    notes: Mapping[str, str] | None = None


def read_row(raw: RawRow, importer: Importer) -> ReadRow | RefusedRow:
    """Parse one row; the first refusal in the order of `Refusal` becomes the row's fate."""
    return _RowReading(raw, importer).read()


class _RowReading:
    def __init__(self, raw: RawRow, importer: Importer) -> None:
        self._raw = raw
        self._values = raw.values
        self._importer = importer
        self._warnings: list[Warn] = []
        self._refusals: list[tuple[Refusal, Field | None]] = []

    def read(self) -> ReadRow | RefusedRow:
        if (refused := self._overlong()) is not None:
            return refused
        standing = read_standing(self._values, today=self._importer.today)
        is_content = standing.action in (RowAction.PUBLISH, RowAction.CORRECT)
        self._refusals += standing.refusals
        if self._raw.faults:
            self._refuse_faults()
        dates = self._dates(DATE_FIELDS if is_content else (Field.DECIDED_ON,) if standing.is_stated else ())
        if standing.leaves_on is not None:
            dates.setdefault(Field.EXPIRES_ON, standing.leaves_on)
        self._check_court()
        reading = self._reading(dates, is_content=is_content)
        self._refusals += [(one.code, _FIELD_OF_PART.get(one.part)) for one in reading.refused]
        if self._refusals or reading.naming is None:
            code, field = min(self._refusals, key=lambda refusal: _PRECEDENCE[refusal[0]])
            return RefusedRow(self._raw.number, code, field)
        return ReadRow(
            number=self._raw.number,
            action=standing.action,
            naming=reading.naming,
            warnings=_unique(self._warnings, reading.warnings) if is_content else (),
            content=reading.content,
            ground=standing.ground,
            decided_on=standing.ended_on or dates.get(Field.DECIDED_ON),
            is_stated=standing.is_stated,
            notes=self._raw.notes or None,
        )

    def _overlong(self) -> RefusedRow | None:
        """The length of texts that only a file has: its notes, and words that are parsed and not kept."""
        values, notes = self._values, self._raw.notes
        if not notes and max(map(len, values.values()), default=0) <= LONGEST_NUMBER:
            return None
        name = overlong([*values.items(), *(("", text) for text in notes.values())])
        if name is None:
            return None
        return RefusedRow(self._raw.number, Refusal.TEXT_TOO_LONG, _FIELD_OF_PART.get(name))

    def _reading(self, dates: Mapping[Field, date], *, is_content: bool) -> Reading:
        today = self._importer.today
        particulars = self._particulars(dates)
        return read_content(particulars, today=today) if is_content else read_naming(particulars, today=today)

    def _particulars(self, dates: Mapping[Field, date]) -> Particulars:
        cell, day = self._values.get, dates.get
        return Particulars(
            court_code=self._importer.court_code,
            court_name=self._importer.court_name,
            name=cell(Field.NAME, ""),
            case_number=cell(Field.CASE_NUMBER, ""),
            kind=cell(Field.KIND, ""),
            identifier_type=cell(Field.IDENTIFIER_TYPE, ""),
            identifier_number=cell(Field.IDENTIFIER_NUMBER, ""),
            other_numbers=tuple(others.split(BETWEEN_NUMBERS)) if (others := cell(Field.OTHER_NUMBERS, "")) else (),
            party_sequence=cell(Field.PARTY_SEQUENCE, ""),
            legal_representative=cell(Field.LEGAL_REPRESENTATIVE, ""),
            people=self._people() if self._raw.people or Field.REPRESENTATIVE_NUMBER in self._values else (),
            circumstances=cell(Field.CIRCUMSTANCES, ""),
            record_id=cell(Field.RECORD_ID, ""),
            decision_number=cell(Field.DECISION_NUMBER) or None,
            decided_on=day(Field.DECIDED_ON),
            published_on=day(Field.PUBLISHED_ON),
            expires_on=day(Field.EXPIRES_ON),
            grace_until=day(Field.GRACE_UNTIL),
            filed_on=day(Field.FILED_ON),
            performance=cell(Field.PERFORMANCE, ""),
            kept=self._kept(dates),
        )

    def _kept(self, dates: Mapping[Field, date]) -> dict[str, str | date]:
        kept: dict[str, str | date] = {field: cell for field in KEPT_BESIDE_DAYS if (cell := self._values.get(field))}
        return kept | {field: dates[field] for field in KEPT_DAYS if field in dates}

    def _people(self) -> tuple[PersonParticulars, ...]:
        """The people of the record, and the legal representative if a column of its own has the number."""
        people = [
            PersonParticulars(name, relation, identifier_number=number) for relation, name, number in self._raw.people
        ]
        number = self._values.get(Field.REPRESENTATIVE_NUMBER, "")
        name = self._values.get(Field.LEGAL_REPRESENTATIVE, "")
        if not number or fold(number) in ABSENT_NAMES:
            return tuple(people)
        if not name_key(name):
            self._warnings.append(Warn.PERSON_UNIDENTIFIED)
            return tuple(people)
        named = [place for place, one in enumerate(people) if name_key(one.name) == name_key(name)]
        if not named:
            people.append(PersonParticulars(name, identifier_number=number))
        for place in named:
            if not people[place].identifier_number or "*" in people[place].identifier_number:
                people[place] = people[place]._replace(identifier_number=number)
        return tuple(people)

    def _refuse_faults(self) -> None:
        """An unreadable cell refuses its row, as an unknown word would."""
        for field, fault in self._raw.faults:
            if fault is CellFault.TWO_VALUES:
                self._refuse(Refusal.CELLS_DISAGREE, field)
            elif field in DATES and fault is CellFault.NO_TEXT:
                self._refuse(Refusal.DATE_INVALID, field)
            else:
                self._refuse(Refusal.CELL_UNREADABLE, field)

    def _check_court(self) -> None:
        """A row must be of the importer's court: by code, or else by name or alias, or because it names none."""
        importer, name = self._importer, self._values.get(Field.COURT_NAME, "").strip()
        code = fold_court_code(self._values.get(Field.COURT_CODE, ""))
        if code.isdigit():  # a platform's own number; if it is unknown, the name decides which court is meant
            code = importer.courts.find_number(code) or ("" if name else code)
        if not code and name:
            found = importer.court_code if fold(name) == fold(importer.court_name) else importer.courts.find_code(name)
            if found is None:
                self._warnings.append(Warn.COURT_UNKNOWN)
            code = found or ""
        if code and fold_court_code(code) != fold_court_code(importer.court_code):
            self._refuse(
                Refusal.COURT_MISMATCH, Field.COURT_CODE if Field.COURT_CODE in self._values else Field.COURT_NAME
            )

    def _dates(self, fields: Iterable[Field]) -> dict[Field, date]:
        """Each is judged separately; a text that is not a date refuses the row."""
        dates: dict[Field, date] = {}
        for field in fields:
            try:
                day = _read_day(self._values.get(field, ""))
            except ValueError:
                self._refuse(Refusal.DATE_INVALID, field)
            else:
                if day is not None:
                    dates[field] = day
        return dates

    def _refuse(self, code: Refusal, field: Field | None) -> None:
        self._refusals.append((code, field))


def _read_day(text: str) -> date | None:
    """Results are cached; a text that contains no date is not even parsed."""
    if len(text) > LONGEST_NUMBER:
        raise ValueError("no date")
    return read_date(text)


def _unique(*warnings: Iterable[Warn]) -> tuple[Warn, ...]:
    return tuple(dict.fromkeys(one for several in warnings for one in several))


_FIELD_OF_PART: Mapping[str, Field] = {field.value: field for field in Field}
_PRECEDENCE = {code: place for place, code in enumerate(Refusal)}
