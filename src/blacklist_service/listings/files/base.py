"""What the three formats have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self

from blacklist_service.listings.files.rows import RawRow


class ListFile(ABC):
    """A file that looks like a list. Close it, or use it as a context, for an XLSX has a process behind it."""

    format: Literal["csv", "xlsx", "jsonl"]
    encoding: str
    """`utf-8`, `utf-8-sig`, `gb18030`, or nothing for an XLSX."""

    @abstractmethod
    def rows(self) -> Iterator[RawRow]:
        """Stream the rows that are not blank; raises `UnreadableFile` where the file stops being readable."""

    @property
    @abstractmethod
    def unknown_columns(self) -> tuple[str, ...]:
        """Name the columns without a meaning here; of JSON Lines, those seen in the rows read so far."""

    @property
    @abstractmethod
    def fraction(self) -> float:
        """How much has been read, from 0.0 to 1.0."""

    def close(self) -> None:  # noqa: B027 - two of three formats hold nothing between calls
        """Let go of what is behind the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
