"""The one refusal of the embedded database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class EmbeddedDatabaseError(Exception):
    """The embedded database cannot run; the message is one sentence for the operator."""


@contextmanager
def telling_the_operator(data_dir: Path) -> Iterator[None]:
    """Say an operating-system error (a right, a full disk, a read-only mount) as one sentence."""
    try:
        yield
    except OSError as error:
        place = error.filename or data_dir
        raise EmbeddedDatabaseError(f"the data directory {data_dir} is of no use: {place}: {error.strerror}") from error
