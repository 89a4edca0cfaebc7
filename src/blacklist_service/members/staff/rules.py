"""Rules for accounts, passwords and login attempts. Pure but for the randomness of new secrets."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from blacklist_service.members.rules import BASE62

LOGIN_FORM = re.compile(r"[a-z0-9](?:[a-z0-9._-]{1,30}[a-z0-9])")
EMPLOYEE_NUMBER_FORM = re.compile(r"[0-9A-Za-z-]{1,40}")
ACCOUNT_ID_CHARACTERS = 15
"""Longer than a key's id, after its 'u': no header in the form of a key can name an account."""

IDLE = timedelta(minutes=15)
WARNED_BEFORE_IDLE = timedelta(minutes=2)
LONGEST_SESSION = timedelta(hours=10)
STEP_UP = timedelta(minutes=5)
ENROLMENT = timedelta(hours=72)
BACKUP_CODES = 10
MOST_PASSKEYS = 10

FOR_EVER = datetime.max.replace(tzinfo=UTC)
MISSES_TO_LOCK = 5
LOCK = timedelta(minutes=30)
LOCKS_A_DAY = 3
"""The third lock within 24 hours lasts until an officer removes it."""
ADDRESS_MISSES, ADDRESS_WINDOW = 20, timedelta(minutes=15)
FACTOR_MISSES = ((5, timedelta(minutes=5)), (20, timedelta(hours=1)))

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
KINDS_IN_PASSWORD = 3
PASSWORDS_REMEMBERED = 5
PASSWORD_AGE = timedelta(days=90)
"""The age at which the person is reminded to change the password."""


class Factor(StrEnum):
    """The factor by which a session, or a step-up, was proved."""

    TOTP = "totp"
    PASSKEY = "passkey"
    BACKUP_CODE = "backup_code"


class PasswordFault(StrEnum):
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    TOO_FEW_KINDS = "too-few-kinds"
    HOLDS_LOGIN = "holds-login"
    COMMON = "common"
    USED_BEFORE = "used-before"


@dataclass(frozen=True, slots=True)
class Misses:
    """Failed attempts of an account since the last success, and its locks in the last 24 hours."""

    in_a_row: int
    locks_today: int


def next_lock(misses: Misses, now: datetime) -> datetime | None:
    """Until when this failure locks the account; None if it does not, `FOR_EVER` if until it is unlocked."""
    if misses.in_a_row < MISSES_TO_LOCK:
        return None
    if misses.locks_today + 1 >= LOCKS_A_DAY:
        return FOR_EVER
    return now + LOCK


def password_fault(password: str, *, login: str, name: str) -> PasswordFault | None:
    """What is wrong with a new password; `passwords` tells whether it was used before."""
    if len(password) < SHORTEST_PASSWORD:
        return PasswordFault.TOO_SHORT
    if len(password) > LONGEST_PASSWORD:
        return PasswordFault.TOO_LONG
    if _kinds_in(password) < KINDS_IN_PASSWORD:
        return PasswordFault.TOO_FEW_KINDS
    folded = password.casefold()
    if login in folded or (name and name.casefold() in folded):
        return PasswordFault.HOLDS_LOGIN
    if is_common(folded):
        return PasswordFault.COMMON
    return None


def is_common(folded: str) -> bool:
    """Whether the password consists only of well-known words, digits or keyboard sequences."""
    core = re.sub(r"^[^a-z\u3400-\u9fff]+|[^a-z\u3400-\u9fff]+$", "", folded)
    rest = re.sub(r"[\W\d_]", "", core.translate(_SUBSTITUTES))
    for word in COMMON_PARTS:
        rest = rest.replace(word, "")
    return len(re.sub(r"(.)\1+", r"\1", rest)) < 4


def new_account_id() -> str:
    return "u" + "".join(secrets.choice(BASE62) for _ in range(ACCOUNT_ID_CHARACTERS))


def new_code() -> str:
    """A code for enrolment, or to replace a lost second factor: 80 random bits, typed by hand, so without I, L, O and U."""
    drawn = "".join(secrets.choice(_TYPED) for _ in range(16))
    return "-".join(drawn[n : n + 4] for n in range(0, 16, 4))


def hash_code(typed: str) -> bytes:
    """The hash of a code as typed: case, spaces and hyphens do not matter. 80 random bits need no slow hash."""
    folded = re.sub(r"[\s-]", "", typed).upper()
    return hashlib.sha256(folded.translate(_MISREAD).encode()).digest()


def _kinds_in(password: str) -> int:
    kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    cased = sum(any(is_kind(one) for one in password) for is_kind in kinds)
    return cased + any(one.isalpha() and not one.isascii() for one in password)


_TYPED = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILOU", "110V")
_SUBSTITUTES = str.maketrans("@$!013457", "asioieast")
COMMON_PARTS = (
    *("password", "passwort", "mima", "admin", "administrator", "welcome", "letmein", "iloveyou", "woaini", "guandu"),
    *("kunming", "fayuan", "qwertyuiop", "qwerty", "asdfgh", "zxcvbn", "qazwsx", "abcdef", "abc", "test", "root"),
    *("dragon", "monkey", "hello", "nihao", "user", "changeme", "secret", "company", "court"),
)
"""Words as they read once look-alike digits are replaced by letters; the rest of the password must be strong enough by
itself.
"""
