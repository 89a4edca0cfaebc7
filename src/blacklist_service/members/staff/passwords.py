"""Passwords: Argon2id (RFC 9106) with 19 MiB, two passes and one lane, in a thread and one at a time.

Checks have priority: a worker hashes one password at a time, and a login that would wait longer than a moment is told to
retry.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from blacklist_service.problems import Undetermined

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
HASH_BYTES = 32
SALT_BYTES = 16
WAIT_SECONDS = 2.0

T = TypeVar("T")

_turn = asyncio.Semaphore(1)


async def hash_password(password: str) -> str:
    """The PHC string (`$argon2id$v=19$…`), with a new salt."""
    return await _in_turn(partial(_hash, password))


async def is_password(password: str, kept: str | None) -> bool:
    """Whether this is the stored password; without a stored one it takes just as long."""
    return await _in_turn(partial(_verify, password, kept))


async def was_used(password: str, kept: Sequence[str]) -> bool:
    return any([await is_password(password, one) for one in kept])


async def _in_turn(work: Callable[[], T]) -> T:
    """Raise `Undetermined` if its turn does not come within a moment."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await _turn.acquire()
    except TimeoutError:
        raise Undetermined("too many people log in at this moment") from None
    try:
        return await asyncio.to_thread(work)
    finally:
        _turn.release()


def _hash(password: str) -> str:
    return _function(os.urandom(SALT_BYTES)).derive_phc_encoded(_bytes(password))


def _verify(password: str, kept: str | None) -> bool:
    try:
        Argon2id.verify_phc_encoded(_bytes(password), kept or _NOBODYS)
    except InvalidKey:
        return False
    return kept is not None


def _function(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=HASH_BYTES, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB)


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


_NOBODYS = _function(bytes(SALT_BYTES)).derive_phc_encoded(b"")
