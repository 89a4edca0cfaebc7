"""What the formats have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, NamedTuple, Self

from blacklist_service.listings.files.cells import tidy
from blacklist_service.listings.files.header import DIGITS_OF_A_NUMBER, LONGEST_NAME
from blacklist_service.listings.files.rows import RawRow


class Sheet(NamedTuple):
    """A worksheet that was read. Its rows are numbered from `after` + 1 in the file, see `RawRow.number`."""

    name: str
    after: int


class UnreadSheet(NamedTuple):
    """A worksheet that is not empty and was not read, and why."""

    name: str
    why: Literal["no-header", "too-large", "damaged"]


class Column(NamedTuple):
    """A column by its name, or a field without a column, and its worksheet."""

    name: str
    sheet: str | None = None


class ListFile(ABC):
    """A file that looks like a list. Close it, or use it as a context, for a workbook has a process behind it.

    What is known of the file's columns and sheets is complete when its rows have been read to the end.
    """

    format: Literal["csv", "xlsx", "xls", "jsonl"]
    encoding: str
    """`utf-8`, `utf-8-sig`, `gb18030`, or nothing for a workbook."""
    sheets: tuple[Sheet, ...] = ()
    unread_sheets: tuple[UnreadSheet, ...] = ()
    hidden_rows: int = 0
    """Hidden rows of a workbook that were read."""
    first_hidden_row: int | None = None

    @abstractmethod
    def rows(self) -> Iterator[RawRow]:
        """Stream the rows that are not blank; raises `UnreadableFile` where the file stops being readable."""

    @property
    @abstractmethod
    def unknown_columns(self) -> tuple[str, ...]:
        """Names of the columns that mean nothing here; for JSON Lines, those seen in the rows read so far."""

    @property
    @abstractmethod
    def doubtful_columns(self) -> tuple[Column, ...]:
        """Names of unknown columns that may tell of a state, an end or a removal, and have a value in some row."""

    @property
    @abstractmethod
    def gaps(self) -> tuple[Column, ...]:
        """The fields needed to find a person, the name and the number, for which no column was recognised."""

    @property
    @abstractmethod
    def fraction(self) -> float:
        """How much has been read, from 0.0 to 1.0."""

    def close(self) -> None:  # noqa: B027 - two of the formats hold nothing between calls
        """Release what is behind the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def sheet_name(name: str, place: int | None) -> str:
    """A worksheet's name for reports: if the name may contain somebody's number, its position instead."""
    shown = tidy(name).strip()[:LONGEST_NAME]
    if shown and sum(character.isdigit() for character in shown) < DIGITS_OF_A_NUMBER:
        return shown
    return "a sheet" if place is None else f"sheet {place + 1}"
