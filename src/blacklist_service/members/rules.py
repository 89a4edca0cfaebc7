"""Members, and the form of an API key. Pure but for the randomness of a new key.

A key is `sxd_{live|test}_{key id}_{secret}_{crc}`: scanners find a leaked key by its prefix, and a mistyped one fails its
CRC-32 without a database look-up. The secret has 256 random bits, so its plain SHA-256 is stored: a slow hash would protect
nothing more and could be used to overload the service (trust.md §3).
"""

import hashlib
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from blacklist_service.access.scopes import SCOPES_OF_ROLE, Role, Scope

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY_ID_CHARACTERS = 12
SECRET_CHARACTERS = 43  # 62^43 > 2^256
CRC_CHARACTERS = 6
KEY_FORM = re.compile(
    rf"(sxd_(?:live|test)_([0-9A-Za-z]{{{KEY_ID_CHARACTERS}}})_([0-9A-Za-z]{{{SECRET_CHARACTERS}}}))"
    rf"_([0-9A-Za-z]{{{CRC_CHARACTERS}}})"
)
MEMBER_CODE_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
COURT_CODE_FORM = re.compile(
    r"最高法|[京津冀晋内辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新兵军](?:[0-9]{2}(?:[0-9]{2})?)?"
)
LONGEST_KEY_DAYS = 365


class MemberKind(StrEnum):
    COURT = "court"
    AGENCY = "agency"
    AUDITOR = "auditor"


MEMBER_KIND_OF_ROLE: Mapping[Role, MemberKind | None] = {
    Role.COURT: MemberKind.COURT,
    Role.AGENCY: None,
    Role.AUDITOR: MemberKind.AUDITOR,
    Role.SECURITY: None,
    Role.SYSTEM: None,
    Role.FOLLOWER: None,
}
"""A court key writes its court's list, and an auditor key reads everyone's log: only such a member may hold one. None: a
member of any kind.
"""


def asks_about_matters(role: Role) -> bool:
    """Whether a key of this role is given matters: those it may ask about."""
    return Scope.CHECKS_WRITE in SCOPES_OF_ROLE[role]


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A well-formed key: the id it claims, and the hash of the secret that would prove it."""

    key_id: str
    secret_sha256: bytes


@dataclass(frozen=True, slots=True)
class NewKey:
    key_id: str
    text: str
    secret_sha256: bytes


def make_key(environment: str) -> NewKey:
    key_id = "".join(secrets.choice(BASE62) for _ in range(KEY_ID_CHARACTERS))
    secret = "".join(secrets.choice(BASE62) for _ in range(SECRET_CHARACTERS))
    body = f"sxd_{environment}_{key_id}_{secret}"
    return NewKey(key_id, f"{body}_{_crc(body)}", hash_secret(secret))


def read_key(text: str) -> PresentedKey | None:
    """Return None for anything that cannot be one of our keys."""
    found = KEY_FORM.fullmatch(text)
    if found is None or _crc(found[1]) != found[4]:
        return None
    return PresentedKey(found[2], hash_secret(found[3]))


def hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _crc(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CRC_CHARACTERS):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits
