# Copied from src/blacklist_service/subjects/completeness.py by clients/python/generate.py: change nothing here.
"""Whether two numbers can be the same one, and which of them says more. Pure.

Courts first send a debtor with a masked number, or none, and later with the whole one; first with an organisation code, later
with the credit code that contains it. Callers compare only entries of the same court, case and name.
"""

from enum import Enum

from blacklist_client.subjects.identifiers import Identifier, IdentifierQuality, IdentifierType, SubjectKind

STAR = "*"
MIRROR_LENGTH = 19
"""The mask used by the old mirror sites: 11 digits, four stars in place of three digits, 4 digits."""

_ORGANISATION_RANK = {
    IdentifierType.USCC: 3,
    IdentifierType.ORGANISATION_CODE: 2,
    IdentifierType.BUSINESS_REGISTRATION_NUMBER: 1,
}
_LEAST_DIGITS = 8
"""A shorter number may occur in any text by chance."""


class Likeness(Enum):
    """How one number relates to another."""

    SAME = "same"
    FULLER = "fuller"
    """The same number, but more complete; or a credit code for what an older code identified."""
    LESSER = "lesser"
    OTHER = "other"


def compare(kind: SubjectKind, one: Identifier | None, other: Identifier | None) -> Likeness:
    """How `one` relates to `other`, for a party of this kind."""
    if _is_fuller(kind, one, other):
        return Likeness.FULLER
    if _is_fuller(kind, other, one):
        return Likeness.LESSER
    return Likeness.SAME if _text(one) == _text(other) or (not one and not other) else Likeness.OTHER


def _is_fuller(kind: SubjectKind, fuller: Identifier | None, lesser: Identifier | None) -> bool:
    if fuller is None or _says_nothing(fuller):
        return False
    if lesser is None or lesser.number == fuller.number:
        return lesser is None
    if STAR in lesser.number:
        return _fits_mask(fuller.number, lesser.number)
    if STAR in fuller.number:
        return False
    if _says_nothing(lesser) or _stands_in_text(fuller, lesser):
        return True
    return kind is SubjectKind.ORGANISATION and _is_newer_code(fuller, lesser)


def _stands_in_text(number: Identifier, text: Identifier) -> bool:
    """Whether a text that was once stored as a number contains this number among other words."""
    is_text = text.type is IdentifierType.OTHER and number.type is not IdentifierType.OTHER
    return is_text and len(number.number) >= _LEAST_DIGITS and number.number in text.number


def _is_newer_code(newer: Identifier, older: Identifier) -> bool:
    """A credit code contains the organisation code; it does not reveal the registration number."""
    ranks = [_ORGANISATION_RANK.get(one.type, 0) for one in (newer, older)]
    if ranks[0] <= ranks[1]:
        return False
    if newer.type is IdentifierType.USCC and older.type is IdentifierType.ORGANISATION_CODE:
        return newer.number[8:17] == older.number
    return True


def _fits_mask(number: str, mask: str) -> bool:
    """Whether `number`, masked or whole, fits `mask` and is more complete."""
    number, mask = _plain(number), _plain(mask)
    if len(number) != len(mask):
        return STAR not in number and _fits_loosely(number, mask)
    is_compatible = all(STAR in pair or pair[0] == pair[1] for pair in zip(number, mask, strict=True))
    return is_compatible and number.count(STAR) < mask.count(STAR)


def _fits_loosely(number: str, mask: str) -> bool:
    """Some sources write a fixed number of stars for any number of digits: only the digits before and after them must
    agree.
    """
    before, after = mask[: mask.index(STAR)], mask[mask.rindex(STAR) + 1 :]
    if not before and not after:
        return True
    return len(before) + len(after) < len(number) and number.startswith(before) and number.endswith(after)


def _plain(text: str) -> str:
    """The old mirror sites' mask at its real length."""
    return text.replace(STAR, "", 1) if len(text) == MIRROR_LENGTH and text[11:15] == STAR * 4 else text


def _says_nothing(identifier: Identifier) -> bool:
    return identifier.quality is IdentifierQuality.UNUSABLE or not identifier.number.strip(STAR)


def _text(identifier: Identifier | None) -> str | None:
    return identifier.number if identifier else None
