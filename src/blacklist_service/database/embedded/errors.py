"""The exception of the embedded database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class EmbeddedDatabaseError(Exception):
    """The embedded database cannot run; the message is one sentence for the operator."""


@contextmanager
def telling_the_operator(data_dir: Path) -> Iterator[None]:
    """Report an operating-system error (missing right, full disk, read-only mount) as one sentence."""
    try:
        yield
    except OSError as error:
        path = error.filename or data_dir
        raise EmbeddedDatabaseError(
            f"the data directory {data_dir} cannot be used: {path}: {error.strerror}"
        ) from error
