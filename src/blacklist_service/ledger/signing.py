"""What signs the log: private keys in a file or the environment; and the anchor. Neither is ever in the database."""

import base64
import binascii
import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.ledger.notes import Checkpoint, Note, NoteError, Signature, VerifierKey, public_of, sign
from blacklist_service.secrecy import SecretKeyError, read_private_text
from blacklist_service.settings import Settings

LOCK_SECONDS, LOCK_PAUSE_SECONDS = 10.0, 0.02
OPEN_TO_OTHERS = 0o077


class SigningKeyError(SecretKeyError):
    """The log's signing key is missing, malformed, or open to others."""


class AnchorAheadError(Exception):
    """The anchor already holds a larger checkpoint, and must never go back."""


@dataclass(frozen=True, slots=True)
class SealingPlace:
    """Where the keys and the newest checkpoint are kept, outside the database."""

    anchor: Path
    key_file: Path
    key: str | None = None
    """The keys themselves, from the environment; the file is then ignored."""
    log_name: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "SealingPlace":
        return cls(
            anchor=settings.anchor or settings.data_dir / "checkpoint",
            key_file=settings.signing_key_file or settings.data_dir / "signing.key",
            key=settings.signing_key.get_secret_value() if settings.signing_key else None,
            log_name=settings.log_name,
        )

    @property
    def has_keys(self) -> bool:
        return self.key is not None or self.key_file.exists()

    def require_private(self) -> None:
        """Raise `SigningKeyError` if others can read the key. A missing key is reported by the sequencer: checks continue."""
        if self.key is None and self.key_file.exists():
            read_key_file(self.key_file)

    def load_keys(self) -> tuple[Ed25519PrivateKey, ...]:
        """The private keys at hand, newest first."""
        return _parse_keys(self.key) if self.key is not None else read_key_file(self.key_file)


def sign_checkpoint(checkpoint: Checkpoint, keys: Sequence[tuple[VerifierKey, Ed25519PrivateKey]]) -> Note:
    signatures: tuple[Signature, ...] = tuple(sign(checkpoint.text, key, private) for key, private in keys)
    return Note(checkpoint.text, signatures)


def pair(origin: str, keys: Sequence[Ed25519PrivateKey]) -> list[tuple[VerifierKey, Ed25519PrivateKey]]:
    return [(VerifierKey(origin, public_of(private)), private) for private in keys]


def write_key_file(path: Path, keys: Sequence[Ed25519PrivateKey]) -> None:
    """Replace the file atomically: a reader finds either the old keys or the new."""
    lines = [base64.b64encode(private.private_bytes_raw()) for private in keys]
    _replace(path, b"\n".join(lines) + b"\n")


def read_anchor(path: Path) -> Note | None:
    """The newest checkpoint kept outside the database; raise `NoteError` if the file holds anything else."""
    try:
        return Note.parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise NoteError("not a signed note") from None


def write_anchor(path: Path, note: Note) -> None:
    """Durably write `note` to the anchor, unless it holds a newer one: a late process must not set it back."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(path):
        held = read_anchor(path)
        if held is not None and Checkpoint.parse(held.text).size > Checkpoint.parse(note.text).size:
            raise AnchorAheadError
        _replace(path, note.content.encode())


def replace_anchor(path: Path, held: Note, note: Note) -> None:
    """Replace `held`, the checkpoint of the previous log, by one of the new log; the old one is kept as evidence under a name
    with its size. Do nothing if another process did it. Raise `OSError` if it cannot be done.
    """
    with _alone(path):
        if read_anchor(path) != held:
            return
        size = Checkpoint.parse(held.text).size
        os.link(path, path.with_name(f"{path.name}.given-up-{size}.{os.urandom(4).hex()}"))
        _replace(path, note.content.encode())


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lock the anchor. Anybody who may open the lock file could hold it for ever, so only its owner may, even if an earlier
    version left it readable; and the wait is limited.
    """
    descriptor = _open_lock(path.with_name(path.name + ".lock"))
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _open_lock(lock_file: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        if (
            lock_file.lstat().st_mode & OPEN_TO_OTHERS
        ):  # left by an earlier version: a lock on it no longer has any effect
            lock_file.unlink()
    return os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _lock(descriptor: int) -> None:
    """Raise `OSError` if somebody holds it for longer than writing a checkpoint can take."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return


def _replace(path: Path, content: bytes) -> None:
    """Write, fsync, rename, fsync the directory."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _parse_keys(text: str) -> tuple[Ed25519PrivateKey, ...]:
    try:
        keys = tuple(
            Ed25519PrivateKey.from_private_bytes(base64.b64decode(part, validate=True)) for part in text.split()
        )
    except (binascii.Error, ValueError):
        keys = ()
    if not keys:
        raise SigningKeyError("a signing key must be 32 bytes in base64, one a line, the newest first")
    return keys


def read_key_file(path: Path) -> tuple[Ed25519PrivateKey, ...]:
    try:
        return _parse_keys(read_private_text(path))
    except FileNotFoundError:
        raise SigningKeyError(f"the signing key file {path} is missing: put it back from its backup") from None
    except SigningKeyError:
        raise
    except SecretKeyError as error:
        raise SigningKeyError(str(error)) from None
    except (OSError, UnicodeDecodeError):
        raise SigningKeyError(f"the signing key file {path} cannot be read") from None
