"""An unforeseen error ends the load it happened in and no other: reported by its row and its kind, never with a value."""

from concurrent.futures import BrokenExecutor

from blacklist_service.database.connections import PASSING

PASSED_OVER = (*PASSING, BrokenExecutor)
"""No fault of the file: its load goes on from where it was. Each time counts (`imports.attempts`)."""


class RowFault(Exception):  # noqa: N818 - what was found, not what kind of error
    """A row that could not be read, stored or take effect; `kind` is the name of the error that said so."""

    def __init__(self, row: int, kind: str, applied_through: int | None = None) -> None:
        super().__init__(row, kind, applied_through)
        self.row = row
        self.kind = kind
        self.applied_through = applied_through
        """The last row before it that has taken effect; None where nothing had begun to."""


def explain(error: Exception) -> str:
    """One sentence for the court, which can mend the row and send the file again."""
    if not isinstance(error, RowFault):
        return f"The import ended with a fault of this service ({type(error).__name__}); tell its operator."
    effect = (
        f"The rows up to {error.applied_through} have taken effect."
        if error.applied_through
        else "Nothing of the file has taken effect."
    )
    return f"Row {error.row} could not be loaded ({error.kind}). {effect}"
