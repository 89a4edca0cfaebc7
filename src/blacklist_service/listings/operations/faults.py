"""An unforeseen error ends only the import it happened in: reported by its row and its exception type, never with a value."""

from concurrent.futures import BrokenExecutor

from blacklist_service.database.connections import PASSING

PASSED_OVER = (*PASSING, BrokenExecutor)
"""Not faults of the file: its import continues where it was. Each occurrence counts (`imports.attempts`)."""


class RowFault(Exception):  # noqa: N818 - what was found, not what kind of error
    """A row that could not be parsed, stored or applied; `kind` is the name of the exception."""

    def __init__(self, row: int, kind: str, applied_through: int | None = None) -> None:
        super().__init__(row, kind, applied_through)
        self.row = row
        self.kind = kind
        self.applied_through = applied_through
        """The last row before it that has taken effect; None if none had."""


def explain(error: Exception) -> str:
    """One sentence for the court, which can correct the row and send the file again."""
    if not isinstance(error, RowFault):
        return f"The import ended with a fault of this service ({type(error).__name__}); tell its operator."
    effect = (
        f"The rows up to {error.applied_through} have taken effect."
        if error.applied_through
        else "Nothing of the file has taken effect."
    )
    return f"Row {error.row} could not be loaded ({error.kind}). {effect}"
