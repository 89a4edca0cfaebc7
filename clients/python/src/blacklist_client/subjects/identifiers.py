# Copied from src/blacklist_service/subjects/identifiers.py by clients/python/generate.py: change nothing here.
"""Identifiers: normalised, verified as far as their standard allows, masked.

A number that fails its check is kept with that quality. What follows depends on the source: a court's number is listed with a
warning, an agency's question is refused. No function here raises, whatever the text.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from operator import mul
from typing import NamedTuple

from blacklist_client.subjects.characters import DASHES, FULL_WIDTH, INVISIBLE


class SubjectKind(StrEnum):
    PERSON = "person"
    ORGANISATION = "organisation"


class IdentifierType(StrEnum):
    RESIDENT_ID = "resident_id"
    USCC = "uscc"
    ORGANISATION_CODE = "organisation_code"
    BUSINESS_REGISTRATION_NUMBER = "business_registration_number"
    PASSPORT = "passport"
    HK_MACAO_PERMIT = "hk_macao_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    HMT_RESIDENCE_PERMIT = "hmt_residence_permit"
    FOREIGN_PERMANENT_RESIDENT_ID = "foreign_permanent_resident_id"
    MILITARY_ID = "military_id"
    OTHER = "other"


class IdentifierQuality(StrEnum):
    VALID = "valid"  # form and check hold, or the type has no check
    CHECK_FAILED = "check_failed"  # full form, but the check character, the birth date or the province is invalid
    MASKED = "masked"  # one of the known public masks
    UNUSABLE = "unusable"  # an unknown mask, or not of any form of its type


class Identifier(NamedTuple):
    """An identifier. `number` is in its normal form: half-width, upper-case, 15 digits extended to 18, no hyphens, masks with
    '*'.
    """

    type: IdentifierType
    number: str
    quality: IdentifierQuality
    is_unusual: bool = False


# Numbers of the GB 11643 form: one number space, one check (ISO 7064 MOD 11-2), three names for the card.
RESIDENT_FORM_TYPES = frozenset(
    {
        IdentifierType.RESIDENT_ID,
        IdentifierType.HMT_RESIDENCE_PERMIT,
        IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID,
    }
)
ORGANISATION_TYPES = frozenset(
    {IdentifierType.USCC, IdentifierType.ORGANISATION_CODE, IdentifierType.BUSINESS_REGISTRATION_NUMBER}
)
PROVINCES = frozenset(
    map(
        str,
        [
            *range(11, 16),
            *range(21, 24),
            *range(31, 38),
            *range(41, 47),
            *range(50, 55),
            *range(61, 66),
            71,
            81,
            82,
            83,
        ],
    )
)
EARLIEST_BIRTH = date(1850, 1, 1)

_CLEAN = re.compile(r"[0-9A-Z]+")
_EIGHTEEN = re.compile(r"[0-9]{17}[0-9X]")
_FIFTEEN = re.compile(r"[0-9]{15}")
_OLD_FOREIGN_RESIDENT = re.compile(r"[A-Z]{3}[0-9]{12}")
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
_ORGANISATION_CODE = re.compile(r"[0-9A-Z]{8}[0-9X]")
_REGISTRATION_NUMBER = re.compile(r"[0-9]{13}(?:[0-9]{2})?")
_LETTERS_DIGITS_CJK = re.compile("[0-9A-Z\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]{1,40}")
_CHINESE_PASSPORT = re.compile(r"[EGDSP][A-Z]?[0-9]{7,8}")
_FOREIGN_PASSPORT = re.compile(r"(?=[0-9]*[A-Z])[A-Z0-9]{5,17}")
_HK_MACAO_PERMIT = re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?")
_ODD_DIGITS = re.compile(r"[0-9]{11,}X?")

# Not yet confirmed by the issuers, so a number outside these ranges is unusual, not refused.
_DOCUMENT_FORMS: Mapping[IdentifierType, re.Pattern[str]] = {
    IdentifierType.PASSPORT: re.compile(r"[A-Z0-9]{5,17}"),
    IdentifierType.HK_MACAO_PERMIT: _HK_MACAO_PERMIT,
    IdentifierType.TAIWAN_PERMIT: re.compile(r"[0-9]{8}(?:[0-9]{2})?"),
    IdentifierType.BUSINESS_REGISTRATION_NUMBER: _REGISTRATION_NUMBER,
}

# Masks: the official list's, that of its mirror of 2015–18 (19 characters: four stars for three digits), and that of
# provincial tables.
_KNOWN_MASK = re.compile(r"[0-9]{10}\*{4}[0-9]{3}[0-9X]|[0-9]{11}\*{4}[0-9]{3}[0-9X]|[0-9]{6}\*{12}")
_MASK_OF_X = re.compile(r"([0-9]+)(X{4,})([0-9]*X?)")

# Placeholders that clerks write into a column that must not be empty.
_PLACEHOLDER = re.compile(
    r"([0-9])\1*X?|X+|[?]+|[/.]+|N/?A|NULL|NONE|无|暂无|没有|空|不详|不明|未知|未提供|未查明|无证件|无号码"
)
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]*)?E\+[0-9]{1,3}|[0-9][.,][0-9]+E[0-9]{1,3}")
_ROUNDED = re.compile(r"([0-9]{15}000)(?:\.0+)?")

_CLEANED: Mapping[int, str | int | None] = {
    **FULL_WIDTH,
    **INVISIBLE,
    **dict.fromkeys(map(ord, DASHES + "'\"=`‘’“”＇＂＝｀()（）")),
    **dict.fromkeys(map(ord, "×ХхΧχ"), "X"),
    **dict.fromkeys(map(ord, "＊∗﹡⁎※"), "*"),
}

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_DEPARTMENTS = frozenset("123456789ANY")  # the registering authority (GB 32100, first character)
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_DIGIT_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_USCC_VALUES = bytes.maketrans(_USCC_ALPHABET.encode(), bytes(range(31)))
_ORGANISATION_VALUES = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", bytes(range(36)))


def read_identifier(
    kind: SubjectKind,
    type: IdentifierType | None,  # noqa: A002 -- the word on the wire
    text: str,
    *,
    today: date,
) -> Identifier | None:
    """Parse a number. Return None if nothing is left after cleaning, or only a placeholder such as 无; without a type, see
    `infer_type`.

    The check digit decides: a number that passes as a resident ID or a credit code is one, whatever type is given.
    """
    number = text if _CLEAN.fullmatch(text) else clean_number(text)
    if not number or _PLACEHOLDER.fullmatch(number):
        return None
    if type is _OTHER:
        identifier = _read_other(kind, number, today)
    else:
        found = infer_type(kind, number) if type is None else type
        identifier = _READERS[found](found, number, today)
    is_checked = identifier.quality is _VALID and identifier.type in _CHECKED_TYPES
    if is_checked and (identifier.type in ORGANISATION_TYPES) is (kind is SubjectKind.ORGANISATION):
        return identifier
    return (len(number) == 18 and read_by_check(number, today)) or identifier


def read_by_check(number: str, today: date) -> Identifier | None:
    """The type of 18 characters by their own check, whatever the card is called: a number of the GB 11643 form, or a credit
    code (GB 32100); None if neither check holds.
    """
    if _EIGHTEEN.fullmatch(number) and _resident_check(number) == number[17]:
        born = _date_in(number)
        # The permanent residence card of 2023: 9, the province of issue, the country of birth, then the date (domain §3.3).
        is_issued = number[:2] in PROVINCES or (number[0] == "9" and number[1:3] in PROVINCES)
        if is_issued and born is not None and EARLIEST_BIRTH <= born <= today:
            return Identifier(_infer_card(number), number, _VALID)
    return Identifier(IdentifierType.USCC, number, _VALID) if _is_plainly_uscc(number) else None


def is_of_kind(type: IdentifierType, kind: SubjectKind) -> bool:  # noqa: A002 -- the word on the wire
    """Whether numbers of this type are given to this kind of subject, person or organisation."""
    return (type in ORGANISATION_TYPES) == (kind is SubjectKind.ORGANISATION)


def clean_number(text: str) -> str:
    """Half-width and upper-case, without separators and invisible characters; ×, Х and Χ become X, every kind of star becomes
    '*'.
    """
    if text.isascii() and text.isalnum():
        return text.upper()
    return text.translate(_CLEANED).upper()


def infer_type(kind: SubjectKind, number: str) -> IdentifierType:
    """Infer the type of a cleaned number.

    Never by length alone: 15 digits can be an old resident ID of a person or a registration number of an organisation.
    """
    return _infer_for_person(number) if kind is SubjectKind.PERSON else _infer_for_organisation(number)


def birth_date(identifier: Identifier) -> date | None:
    """The birth date in the number, even if its check failed, as long as the date is real; never of a mask."""
    if identifier.type not in _DATED_TYPES or not _EIGHTEEN.fullmatch(identifier.number):
        return None
    return _date_in(identifier.number)


def mask_identifier(number: str) -> str:
    """The form that may be shown or logged: four characters at each end, or two if fewer than four would stay hidden."""
    length = len(number)
    if length <= 8:
        shown = min(2, length // 3)
        return number[:shown] + "*" * (length - shown)
    shown = 4 if length >= 12 else 2
    return number[:shown] + "*" * (length - 2 * shown) + number[-shown:]


def looks_damaged(text: str) -> bool:
    """Whether a spreadsheet rounded the number: 5.30111E+17, or 18 digits that end in 000 and fail every check."""
    if text.isascii() and text.isalnum() and not text.endswith("000"):
        return False
    number = clean_number(text)
    if rounded := _ROUNDED.fullmatch(number):
        is_nothing = _PLACEHOLDER.fullmatch(rounded[1]) is not None
        return not (is_nothing or _resident_check(rounded[1]) == "0" or _is_plainly_uscc(rounded[1]))
    return _SCIENTIFIC.fullmatch(number) is not None


def _infer_for_person(number: str) -> IdentifierType:  # noqa: PLR0911 -- one line for each form
    if _EIGHTEEN.fullmatch(number):
        return _infer_card(number)
    if "*" in number or _FIFTEEN.fullmatch(number) or _MASK_OF_X.fullmatch(number):
        return IdentifierType.RESIDENT_ID
    if _OLD_FOREIGN_RESIDENT.fullmatch(number):
        return IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID
    if _HK_MACAO_PERMIT.fullmatch(number):
        return IdentifierType.HK_MACAO_PERMIT
    # A resident ID that lost a digit must become unusable, and so be found by name; it must not be read as another document.
    if _ODD_DIGITS.fullmatch(number):
        return IdentifierType.RESIDENT_ID
    if _CHINESE_PASSPORT.fullmatch(number) or _FOREIGN_PASSPORT.fullmatch(number):
        return IdentifierType.PASSPORT
    return IdentifierType.OTHER


def _infer_card(number: str) -> IdentifierType:
    if number.startswith(("810000", "820000", "830000")):
        return IdentifierType.HMT_RESIDENCE_PERMIT
    if number[0] == "9":
        return IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID
    return IdentifierType.RESIDENT_ID


def _infer_for_organisation(number: str) -> IdentifierType:
    if _REGISTRATION_NUMBER.fullmatch(number):
        return IdentifierType.BUSINESS_REGISTRATION_NUMBER
    if _ORGANISATION_CODE.fullmatch(number):
        return IdentifierType.ORGANISATION_CODE
    # A sole trader is sometimes listed under the owner's number.
    if _KNOWN_MASK.fullmatch(number) or (_holds_as_resident_number(number) and not _holds_as_uscc(number)):
        return IdentifierType.RESIDENT_ID
    if len(number) in range(16, 21) and number.isascii() and number.isalnum():
        return IdentifierType.USCC
    return IdentifierType.OTHER


def _read_other(kind: SubjectKind, number: str, today: date) -> Identifier:
    """Under 'other', too, a number that plainly passes a check is read by its own type, so that both ways of asking agree."""
    inferred = infer_type(kind, number)
    if inferred in _CHECKED_TYPES:
        identifier = _READERS[inferred](inferred, number, today)
        if identifier.quality in {IdentifierQuality.VALID, IdentifierQuality.MASKED}:
            return identifier
    return _read_document(IdentifierType.OTHER, number, today)


def _read_resident_id(type_: IdentifierType, number: str, today: date) -> Identifier:
    return _read_resident_form(type_, _as_eighteen(number) if _FIFTEEN.fullmatch(number) else number, today)


def _read_resident_form(type_: IdentifierType, number: str, today: date) -> Identifier:
    if not _EIGHTEEN.fullmatch(number):
        return _read_mask(type_, number)
    born = _date_in(number)
    holds = (
        born is not None
        and EARLIEST_BIRTH <= born <= today
        and number[:2] in PROVINCES
        and _resident_check(number) == number[17]
    )
    quality = _VALID if holds else IdentifierQuality.CHECK_FAILED
    return tuple.__new__(Identifier, (type_, number, quality, False))  # half the time of its own constructor


def _read_foreign_resident(type_: IdentifierType, number: str, _today: date) -> Identifier:
    if _OLD_FOREIGN_RESIDENT.fullmatch(number):
        return Identifier(type_, number, IdentifierQuality.VALID)
    if not _EIGHTEEN.fullmatch(number):
        return _read_mask(type_, number)
    holds = _resident_check(number) == number[17]
    return Identifier(type_, number, IdentifierQuality.VALID if holds else IdentifierQuality.CHECK_FAILED)


def _read_uscc(type_: IdentifierType, number: str, _today: date) -> Identifier:
    if not _USCC.fullmatch(number):
        return Identifier(type_, number, IdentifierQuality.UNUSABLE)
    holds = _uscc_check(number) == number[17]
    return Identifier(type_, number, IdentifierQuality.VALID if holds else IdentifierQuality.CHECK_FAILED)


def _read_organisation_code(type_: IdentifierType, number: str, _today: date) -> Identifier:
    if not _ORGANISATION_CODE.fullmatch(number):
        return Identifier(type_, number, IdentifierQuality.UNUSABLE)
    holds = _organisation_check(number) == number[8]
    return Identifier(type_, number, IdentifierQuality.VALID if holds else IdentifierQuality.CHECK_FAILED)


def _read_document(type_: IdentifierType, number: str, _today: date) -> Identifier:
    if not _LETTERS_DIGITS_CJK.fullmatch(number):
        return _read_mask(type_, number)
    form = _DOCUMENT_FORMS.get(type_)
    is_unusual = not form.fullmatch(number) if form else _EIGHTEEN.fullmatch(number) is not None
    return Identifier(type_, number, IdentifierQuality.VALID, is_unusual=is_unusual)


def _read_mask(type_: IdentifierType, number: str) -> Identifier:
    if run := _MASK_OF_X.fullmatch(number):
        number = f"{run[1]}{'*' * len(run[2])}{run[3]}"
    quality = IdentifierQuality.MASKED if _KNOWN_MASK.fullmatch(number) else IdentifierQuality.UNUSABLE
    return Identifier(type_, number, quality)


def _as_eighteen(number: str) -> str:
    # 996 to 999 were reserved for people who were at least a hundred years old when the numbers were issued.
    century = "18" if number[12:] in {"996", "997", "998", "999"} else "19"
    whole = f"{number[:6]}{century}{number[6:]}"
    return whole + _resident_check(whole)


def _date_in(number: str) -> date | None:
    try:
        return date.fromisoformat(number[6:14])
    except ValueError:
        return None


def _holds_as_resident_number(number: str) -> bool:
    return _EIGHTEEN.fullmatch(number) is not None and _resident_check(number) == number[17]


def _holds_as_uscc(number: str) -> bool:
    return _USCC.fullmatch(number) is not None and _uscc_check(number) == number[17]


def _is_plainly_uscc(number: str) -> bool:
    """Whether digits that might also be a resident ID are a credit code: its check holds, its department and region exist
    (GB/T 2260; 100000 is the state's), and it does not look like a mistyped resident ID.
    """
    is_of_a_region = number[:1] in _DEPARTMENTS and (number[2:4] in PROVINCES or number.startswith("100000", 2))
    return is_of_a_region and _holds_as_uscc(number) and not _is_like_a_resident_number(number)


def _is_like_a_resident_number(number: str) -> bool:
    """Whether it has a province at the start and a birth date at position seven, allowing for one mistyped digit, which can
    spoil the province, the century, or the month or day, but only one of them.
    """
    month, day = number[10:12], number[12:14]
    has_province = number[:2] in PROVINCES
    has_century = number[6:8] in {"18", "19", "20"}
    has_day = "01" <= month <= "12" and "01" <= day <= "31"
    return has_province + has_century + has_day >= 2


def _resident_check(number: str) -> str:
    return _RESIDENT_CHECKS[sum(map(mul, _RESIDENT_WEIGHTS, number.encode().translate(_DIGIT_VALUES))) % 11]


def _uscc_check(number: str) -> str:
    return _USCC_ALPHABET[-sum(map(mul, _USCC_WEIGHTS, number.encode().translate(_USCC_VALUES))) % 31]


def _organisation_check(number: str) -> str:
    values = number.encode().translate(_ORGANISATION_VALUES)
    return "0123456789X"[-sum(map(mul, _ORGANISATION_WEIGHTS, values)) % 11]


_OTHER, _VALID = IdentifierType.OTHER, IdentifierQuality.VALID
_DATED_TYPES = frozenset({IdentifierType.RESIDENT_ID, IdentifierType.HMT_RESIDENCE_PERMIT})
_CHECKED_TYPES = RESIDENT_FORM_TYPES | {IdentifierType.USCC}
_READERS: Mapping[IdentifierType, Callable[[IdentifierType, str, date], Identifier]] = {
    **dict.fromkeys(IdentifierType, _read_document),
    IdentifierType.RESIDENT_ID: _read_resident_id,
    IdentifierType.HMT_RESIDENCE_PERMIT: _read_resident_form,
    IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID: _read_foreign_resident,
    IdentifierType.USCC: _read_uscc,
    IdentifierType.ORGANISATION_CODE: _read_organisation_code,
}
