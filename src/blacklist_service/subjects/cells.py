"""Parses the number cell of a list row: numbers, a mask, a document, words, or nothing. Pure.

Courts write more into it than a number: 身份证530111…, …（已核实）, =T("…"), two numbers, a number typed with the letter O, a
mask of any sign, 待补充. A number with a check digit is extracted from the surrounding words. Content that cannot be
identified is `unusable`, so its listing is found by the name. No content is ever stored as a number that nobody could ask
for.

Questions are parsed by `identifiers.read_identifier` only: the person who asks can type the number again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple
from unicodedata import decimal, normalize

from blacklist_service.subjects.characters import DASHES, INVISIBLE
from blacklist_service.subjects.identifiers import (
    RESIDENT_FORM_TYPES,
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    is_of_kind,
    read_by_check,
    read_identifier,
)


class Cell(NamedTuple):
    """The result: the identifier that names the listing first, the others in their order."""

    identifiers: tuple[Identifier, ...] = ()
    is_extracted: bool = False
    """Whether a number was extracted from words, or letters in it were read as digits."""
    is_of_another_type: bool = False
    """Whether the number's own check contradicts the type, or the kind of debtor, given beside it."""

    @property
    def identifier(self) -> Identifier | None:
        return self.identifiers[0] if self.identifiers else None

    def beside(self, other: "Cell") -> "Cell":
        """Combine this cell with another cell of the same record; the first valid number names the listing."""
        codes = {one.number[8:17] for one in (*self.identifiers, *other.identifiers) if one.type is IdentifierType.USCC}
        found = {one.number: one for one in (*self.identifiers, *other.identifiers) if one.number not in codes}
        holding_first = sorted(found.values(), key=lambda one: one.quality is not IdentifierQuality.VALID)
        return Cell(
            tuple(holding_first),
            is_extracted=self.is_extracted or other.is_extracted,
            is_of_another_type=self.is_of_another_type or other.is_of_another_type,
        )


def read_cell(kind: SubjectKind, declared: IdentifierType | None, text: str, *, today: date) -> Cell:
    """`declared` is the type given beside the number, None if there is none."""
    cell = _read(kind, declared, text, today)
    first = cell.identifier
    if first is None or (first.number == text and first.type in _CHECKED):  # nearly every cell
        return cell
    soft = _soften(text)
    return _as_parts(cell, _SEPARATORS.sub("", soft.upper())) if _HIDING.search(soft) else cell


def _as_parts(cell: Cell, written: str) -> Cell:
    """The numbers of a cell with signs that may hide digits. What is left of a masked number can have the form of an old one,
    or of a document, and signs read as zeros pass the check once in eleven, as somebody else's number. Unless the whole
    number stands there, its listing is found by the name as well.
    """
    return cell._replace(
        identifiers=tuple(
            one
            if one.quality is not _VALID or (len(one.number) == 18 and one.type in _CHECKED and one.number in written)
            else one._replace(is_unusual=True)
            for one in cell.identifiers
        )
    )


def _read(kind: SubjectKind, declared: IdentifierType | None, text: str, today: date) -> Cell:
    if text[-2:] in _DECIMAL_TAILS and (number := _DECIMAL.fullmatch(text.strip())):
        text = number[1]
    plain = read_identifier(kind, declared, text, today=today)
    if plain is not None and plain.quality is IdentifierQuality.MASKED:
        return Cell((plain,))
    if plain is not None and plain.quality is _VALID and plain.type in _CHECKED and _has_check(plain, declared):
        also = read_by_check(plain.number, today) if plain.type is IdentifierType.USCC else None
        numbers = (plain,) if also is None or also.type is plain.type else (plain, also)
        return Cell(numbers, is_of_another_type=disagrees(plain, kind, declared))
    if not text:
        return _NOTHING
    soft = _soften(text)
    may_be_old = kind is SubjectKind.PERSON and declared not in _DOCUMENTS
    # A credit code of full form that fails its check is mistyped: its letters are real letters, not look-alikes of digits.
    alphabets = _LOOK_ALIKES[:1] if _is_mistyped_code(plain) else _LOOK_ALIKES
    if found := tuple(_find_numbers(soft, today, alphabets, may_be_old=may_be_old)):
        return Cell(found, is_extracted=True, is_of_another_type=any(disagrees(one, kind, declared) for one in found))
    return _read_uncertain(kind, declared, plain, soft, today)


def _is_mistyped_code(plain: Identifier | None) -> bool:
    return plain is not None and plain.type is IdentifierType.USCC and plain.quality is IdentifierQuality.CHECK_FAILED


def _has_check(found: Identifier, declared: IdentifierType | None) -> bool:
    """The permanent residence cards before 2017 have no check digit, so their type must be declared."""
    return (
        found.type is not IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID
        or len(found.number) == 18
        or declared is not None
    )


def _read_uncertain(
    kind: SubjectKind, declared: IdentifierType | None, plain: Identifier | None, soft: str, today: date
) -> Cell:
    """A cell without a number whose check holds."""
    mask = None if declared in _DOCUMENTS else _find_mask(soft, today)
    if mask is not None and (kind is SubjectKind.PERSON or mask[0].quality is IdentifierQuality.MASKED):
        return Cell((mask[0],), is_extracted=mask[1])
    digits = sum(character.isdigit() for character in soft)
    if plain is None or not digits or (digits < _FEWEST_DIGITS and not _LATIN.search(soft)):
        return _NOTHING
    is_doubtful = plain.type is IdentifierType.OTHER or plain.quality is IdentifierQuality.UNUSABLE or plain.is_unusual
    if is_doubtful and (taken := _take_out(kind, declared, soft, today)) is not None:
        return Cell((taken,), is_extracted=True)
    if kind is SubjectKind.PERSON and declared is None:
        return Cell((_undeclared(plain),))
    return Cell((plain,))


def _undeclared(plain: Identifier) -> Identifier:
    """A person's number without a known check and without a type: perhaps a passport, perhaps anything."""
    if plain.quality is not _VALID or plain.type is IdentifierType.RESIDENT_ID:
        return plain
    if plain.type is IdentifierType.OTHER or _X_MASK.search(plain.number):
        return plain._replace(quality=IdentifierQuality.UNUSABLE)
    return plain._replace(is_unusual=True)


def disagrees(found: Identifier, kind: SubjectKind, declared: IdentifierType | None) -> bool:
    """Whether a number has another type, or belongs to another kind of debtor, than declared."""
    if not is_of_kind(found.type, kind):
        return declared is not found.type or found.type is IdentifierType.USCC
    if declared is None or declared is IdentifierType.OTHER or declared is found.type:
        return False
    return (
        found.type is IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID or not {declared, found.type} <= RESIDENT_FORM_TYPES
    )


# --- numbers within words


def _soften(text: str) -> str:
    """Normalise signs one by one; words, spaces and signs between numbers stay in place."""
    plain = normalize("NFKC", text.translate(_MEANT)).translate(_UNSEEN)
    return plain if plain.isascii() else "".join(map(_digit, plain))


def _digit(character: str) -> str:
    value = None if character.isascii() else decimal(character, None)
    return character if value is None else str(int(value))


def _find_numbers(
    soft: str, today: date, alphabets: Iterable[Mapping[int, str]], *, may_be_old: bool
) -> Iterator[Identifier]:
    """All valid numbers, as written and without separators; then with letters read as digits."""
    upper = soft.upper()
    found = dict.fromkeys(_in_runs(upper, today, may_be_old=may_be_old))
    found |= dict.fromkeys(_in_runs(_SEPARATORS.sub("", upper), today, may_be_old=may_be_old))
    is_as_written = bool(found)
    for alphabet in alphabets:
        if is_as_written or any(one.type in RESIDENT_FORM_TYPES for one in found):
            break
        alike = _in_runs(_SEPARATORS.sub("", soft.translate(alphabet).upper()), today)
        # A credit code has letters of its own, so reading letters as digits may pass its check by accident: keep looking for
        # a resident ID.
        found |= dict.fromkeys(
            one._replace(is_unusual=one.is_unusual or one.type is IdentifierType.USCC)
            for one in alike
            if not found or one.type in RESIDENT_FORM_TYPES
        )
    seen: set[str] = set()
    for one in sorted(found, key=lambda one: one.is_unusual and one.type is IdentifierType.USCC):
        if one.number not in seen:
            seen.add(one.number)
            yield one


def _in_runs(text: str, today: date, *, may_be_old: bool = False) -> Iterator[Identifier]:
    for match in _RUN.finditer(text):
        run = match[0]
        if may_be_old and len(run) == 15 and run.isdigit():
            # Types without a check digit: a run of characters of its own, with a birth date where the type has one.
            old = read_identifier(SubjectKind.PERSON, IdentifierType.RESIDENT_ID, run, today=today)
            if old is not None and old.quality is _VALID:
                yield old
        yield from _in_run(run, today)


def _in_run(run: str, today: date) -> Iterator[Identifier]:
    """Every number in a run whose check holds, at any offset. The end of a preceding word can make a second valid number by
    accident, and nobody can know which is the debtor's. The listing of such a number, or of one within more digits, is found
    by its name as well.
    """
    starts = range(len(run) - 17)
    held = {at: found for at in starts if (found := read_by_check(run[at : at + 18], today)) is not None}
    for at, found in held.items():
        before, after = run[at - 1 : at] if at else "", run[at + 18 : at + 19]
        is_among_digits = (before.isdigit() or after.isdigit()) and len(run) % 18 != 0
        has_a_rival = any(other != at and abs(other - at) < 18 for other in held)
        yield found._replace(is_unusual=is_among_digits or has_a_rival)


def _take_out(kind: SubjectKind, declared: IdentifierType | None, soft: str, today: date) -> Identifier | None:
    """The only part of the words that has the form of the declared type, or of a type of this kind of debtor."""
    runs = [run for run in _TOKEN.findall(soft.upper()) if any(map(str.isdigit, run))]
    if len(runs) != 1 or runs[0] == soft.strip():
        return None
    identifier = read_identifier(kind, declared, runs[0], today=today)
    if identifier is None or identifier.is_unusual or identifier.quality is IdentifierQuality.UNUSABLE:
        return None
    if identifier.type is IdentifierType.OTHER or (declared is None and kind is SubjectKind.PERSON):
        return None if identifier.quality is _VALID else identifier
    return identifier


# --- masks


def _find_mask(soft: str, today: date) -> tuple[Identifier, bool] | None:
    """A number with signs in place of digits, and whether other text surrounds it. A known mask can be searched for."""
    upper = _RUN_OF_SIGNS.sub(lambda run: "*" * len(run[0]), soft.upper().translate(_FILLERS))
    joined = _BETWEEN_DIGITS.sub("", upper)
    candidates = [one for one in _MASKED.findall(joined) if _is_mask(one)]
    if not candidates:
        return None
    number = max(candidates, key=len)
    stars = number[:-1].replace("X", "*") + (number[-1] if number[-2].isdigit() else number[-1].replace("X", "*"))
    identifier = read_identifier(SubjectKind.PERSON, IdentifierType.RESIDENT_ID, stars, today=today)
    if identifier is None:
        return None
    if identifier.quality is not IdentifierQuality.MASKED:
        identifier = identifier._replace(quality=IdentifierQuality.UNUSABLE)
    return identifier, identifier.quality is IdentifierQuality.MASKED and _NOT_OF_A_MASK.search(joined) is not None


def _is_mask(candidate: str) -> bool:
    hidden = candidate[:-1].count("X") + candidate.count("*")
    return hidden > 0 and sum(map(str.isdigit, candidate)) >= _FEWEST_DIGITS


_VALID = IdentifierQuality.VALID
_NOTHING = Cell()
_FEWEST_DIGITS = 4
"""A cell with fewer digits is no number and no part of one: TRUE, 1, 见附件2."""
_CHECKED = RESIDENT_FORM_TYPES | {IdentifierType.USCC, IdentifierType.ORGANISATION_CODE}
_DOCUMENTS = frozenset(
    {
        IdentifierType.PASSPORT,
        IdentifierType.HK_MACAO_PERMIT,
        IdentifierType.TAIWAN_PERMIT,
        IdentifierType.MILITARY_ID,
        IdentifierType.ORGANISATION_CODE,
        IdentifierType.BUSINESS_REGISTRATION_NUMBER,
    }
)
_MEANT = {**dict.fromkeys(map(ord, "×ХхΧχ"), "X"), **dict.fromkeys(map(ord, DASHES), "-")}
_UNSEEN: dict[int, str | None] = {code: " " if chr(code).isspace() else None for code in INVISIBLE}
_RUN = re.compile(r"[0-9A-Z]{15,}")
_TOKEN = re.compile(r"[0-9A-Z]+(?:[- ][0-9A-Z]+)*")
_LATIN = re.compile("[A-Za-z]")
_X_MASK = re.compile(r"X{2,}|\*")
_SEPARATORS = re.compile(r"(?<=[0-9A-Z])[\s,./_'\"`·:-]+(?=[0-9A-Z])")
_ZEROS = "〇○◯零"
_NUMERALS = dict(zip(map(ord, "一二三四五六七八九壹贰叁肆伍陆柒捌玖"), "123456789" * 2, strict=True))
_TO_DIGITS = {**dict.fromkeys(map(ord, "OoΟοОо" + _ZEROS), "0"), **dict.fromkeys(map(ord, "Il|ІΙ"), "1")}
_LOOK_ALIKES: tuple[dict[int, str], ...] = (
    {**_TO_DIGITS, **dict.fromkeys(map(ord, "SsЅ"), "5"), **dict.fromkeys(map(ord, "Zz"), "2")},
    {
        **_TO_DIGITS,
        **dict.fromkeys(map(ord, "SsЅ"), "5"),
        **dict.fromkeys(map(ord, "Zz"), "2"),
        **dict.fromkeys(map(ord, "BbВ"), "8"),
        **dict.fromkeys(map(ord, "Lℓ"), "1"),
        **_NUMERALS,
    },
)
_FILLERS = dict.fromkeys(map(ord, "#?某_~^&@+●○◯•◦■□▇█▓◆◇★☆※⁎∗﹡✱…。"), "*")
_DECIMAL_TAILS = frozenset({".0", "00"})
_DECIMAL = re.compile(r"([0-9]{13,18})\.0+")
_SIGN = f"[*{re.escape(''.join(map(chr, _FILLERS)))}]|[-.]{{2}}"
_HIDING = re.compile(f"(?:{_SIGN})[0-9A-Za-z]|[0-9A-Za-z](?:{_SIGN})|[〇零OoΟοОо]{{3}}|[Xx]{{3}}")
"""Signs beside a number that may stand for more of its digits; letters and numerals like zero, where there are three."""
_RUN_OF_SIGNS = re.compile(r"[-.]{2,}")
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9X*])[\s,./'\"-]+(?=[0-9X*])")
_MASKED = re.compile(r"[0-9X*]{6,}")
_NOT_OF_A_MASK = re.compile(r"[^0-9X*\s'\"=()-]")
