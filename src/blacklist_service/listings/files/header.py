"""The header of a table: which column means what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from blacklist_service.listings.columns import Field
from blacklist_service.listings.files.cells import tidy, unwrap
from blacklist_service.listings.files.lookalikes import is_word_of_an_end, speaks_of_an_end
from blacklist_service.listings.files.names import Meanings, Special
from blacklist_service.listings.files.problems import UnreadableFile

MOST_COLUMNS = 500  # a list has 24; with more than this the file is not a list, and a row is no longer small
ROWS_BEFORE_HEADER = 10  # a printed list has a title and a date above its header
MOST_UNKNOWN_NAMES = 50  # how many characters a person still reads in an answer
LONGEST_NAME = 64
DIGITS_OF_A_NUMBER = 8  # digits as long as a birth date in a resident number, or as an organisation code

EXPECTED = (
    "expected a column for the debtor's name (被执行人姓名/名称, name or iname) "
    "or for the case number (案号, case_number or caseCode)"
)
_DECIDING = (Field.NAME, Field.CASE_NUMBER)


@dataclass(frozen=True, slots=True)
class Header:
    """Column indices start from 0; `width` counts all columns, also those without a name."""

    width: int
    fields: tuple[tuple[int, Field], ...]
    second_choices: tuple[tuple[int, Field], ...]
    """Columns that count only in rows where no other column with their meaning has a value."""
    notes: tuple[tuple[int, str], ...]
    people_at: int | None
    unknown: tuple[str, ...]
    doubtful: frozenset[str]
    """The unknown columns whose name may tell of an end."""
    harmless: frozenset[str]
    """Columns whose meaning is known, and that are not used here."""

    @property
    def is_plain(self) -> bool:
        """Whether each field has one column."""
        return not self.second_choices and len({field for _, field in self.fields}) == len(self.fields)

    def doubts(self, notes: Mapping[str, str]) -> list[str]:
        """Unknown columns by which a row may say that its listing has ended: they make the file wait for a person."""
        return [
            name
            for name, text in notes.items()
            if name in self.doubtful or (name not in self.harmless and is_word_of_an_end(text))
        ]

    @property
    def meanings(self) -> frozenset[Field]:
        return frozenset(field for _, field in (*self.fields, *self.second_choices))

    @property
    def gaps(self) -> tuple[Field, ...]:
        """The name and the number, if they have no column."""
        return tuple(field for field in (Field.NAME, Field.IDENTIFIER_NUMBER) if field not in self.meanings)


def find_header(records: Iterable[tuple[int, Sequence[str]]]) -> tuple[int, Header] | None:
    """Find the header among a table's first records: the one with the most known columns."""
    best, best_score = None, 0
    for number, cells in records:
        if (score := score_header(cells)) > best_score:
            best, best_score = (number, cells), score
    return (best[0], read_header(best[1])) if best else None


def score_header(cells: Sequence[str]) -> int:
    """How many fields a record names as a header; 0 without the name and the case number."""
    names = [cell for cell in cells[:MOST_COLUMNS] if cell]
    of = Meanings(names).of
    fields = {meaning for name in names if isinstance(meaning := of(name), Field)}
    return len(fields) if any(field in fields for field in _DECIDING) else 0


def read_header(cells: Sequence[str]) -> Header:
    """Parse the header. Several columns may have one meaning; whether they agree is checked in each row."""
    if len(cells) > MOST_COLUMNS:
        raise UnreadableFile(f"The header has more than {MOST_COLUMNS} columns.")
    cells = [unwrap(cell) for cell in cells]
    meant = Meanings(cells)
    meanings = [meant.of(cell) if cell else None for cell in cells]
    fields = [(place, meaning) for place, meaning in enumerate(meanings) if isinstance(meaning, Field)]
    second = [(place, field) for place, field in fields if meant.is_second_choice(cells[place])]
    people = [place for place, meaning in enumerate(meanings) if meaning is Special.PEOPLE]
    notes = [(place, name) for place, name in enumerate(cells) if meanings[place] in (None, Special.NOTE)]
    notes += [(place, cells[place]) for place in people[1:]]
    unknown = [place for place, name in notes if meanings[place] is None and name.strip()]
    labelled = _labelled(notes)
    return Header(
        width=len(cells),
        fields=tuple(one for one in fields if one not in second),
        second_choices=tuple(second),
        notes=labelled,
        people_at=people[0] if people else None,
        unknown=tuple(label(cells[place], place) for place in unknown[:MOST_UNKNOWN_NAMES]),
        doubtful=frozenset(shown for place, shown in labelled if place in unknown and speaks_of_an_end(cells[place])),
        harmless=frozenset(shown for place, shown in labelled if meanings[place] is not None),
    )


def label(name: str, place: int) -> str:
    """The label of an unknown column: its name, or its position if the name is empty or may contain somebody's number."""
    shown = tidy(name).strip()
    if not shown or sum(character.isdigit() for character in shown) >= DIGITS_OF_A_NUMBER:
        return nameless(place)
    return shown[:LONGEST_NAME]


def nameless(place: int) -> str:
    return f"column {place + 1}"


def _labelled(notes: Iterable[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    labels: dict[str, int] = {}
    for place, name in sorted(notes):
        shown = label(name, place)
        labels[f"{shown} ({nameless(place)})" if shown in labels else shown] = place
    return tuple((place, shown) for shown, place in labels.items())
