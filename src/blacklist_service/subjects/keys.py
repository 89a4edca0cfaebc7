"""The keys under which a listing is found, the keys a question asks for, and what a hit on one proves.

What is digested, by tag (the parts follow in this order; raise `DIGEST_RULES` with any change):

- `resident`: numbers of the GB 11643 form, whatever card they are on: courts write 居民身份证 for all of them;
- `uscc`, `organisation_code`, `business_registration_number`: each under its own tag;
- `document`: passports, permits, military and other numbers under one tag, because the list often says 'other' where
  the question names the card. Two papers of different persons may then share a number; the name must still agree;
- `code`: the organisation code, given as such or within a USCC; `masked`: a person's mask and name, whatever kind the
  list says;
- `name`, `name_only`: kind, name; `name_unregistered`: the same for an organisation without a registration number, for
  questions by a number: under another registration number it is another company, under a credit code it may be the same.
"""

import re
from enum import IntEnum, StrEnum
from typing import NamedTuple

from blacklist_service.subjects.digests import Digester, measured
from blacklist_service.subjects.former import former_comparison_key
from blacklist_service.subjects.identifiers import (
    ORGANISATION_TYPES,
    RESIDENT_FORM_TYPES,
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    is_of_kind,
)
from blacklist_service.subjects.names import comparison_key, names_agree


class KeyKind(IntEnum):
    """Values are stored: append, never renumber."""

    IDENTIFIER = 1
    ORGANISATION_CODE = 2
    MASKED = 3
    NAME = 4
    NAME_ONLY = 5


class Identity(StrEnum):
    """How far a hit proves that the subject is the one listed, strongest first."""

    EXACT = "exact"
    NAME_DIFFERS = "name_differs"
    MASKED = "masked"
    NAME_ONLY = "name_only"


class Subject(NamedTuple):
    kind: SubjectKind
    name: str
    identifier: Identifier | None


class SubjectKey(NamedTuple):
    kind: KeyKind
    digest: bytes


# Module-level names, because a member of an enum is looked up in Python code, and these are used for every check.
_IDENTIFIER, _MASKED, _NAME_ONLY, _VALID, _PERSON = (
    KeyKind.IDENTIFIER,
    KeyKind.MASKED,
    KeyKind.NAME_ONLY,
    IdentifierQuality.VALID,
    SubjectKind.PERSON,
)
_new = tuple.__new__  # half the time of the named tuple's own constructor
_WITH_CODE = frozenset({IdentifierType.USCC, IdentifierType.ORGANISATION_CODE})


def listed_keys(subject: Subject, digester: Digester) -> list[SubjectKey]:
    """The keys of the debtor. The name alone finds it only if the question has no number, or if no number could find it.

    If the number contradicts the kind, the listing is also found by its name as the other kind.
    """
    name = comparison_key(subject.kind, subject.name)
    keys = _listed_keys(subject, name, digester)
    if name is not subject.name and (former := former_comparison_key(subject.kind, subject.name)) != name:
        # Workers of the previous version ask by these keys, until the last of them has stopped.
        keys += [key for key in _listed_keys(subject, former, digester) if key not in keys]
    return keys


def _listed_keys(subject: Subject, name: str, digester: Digester) -> list[SubjectKey]:
    keys = _number_keys(subject, name, digester)
    is_found_by_number = bool(keys) and not _is_beyond_reach(subject)
    if not is_found_by_number:
        keys.append(SubjectKey(KeyKind.NAME_ONLY, digester.of("name_only", subject.kind, name)))
    keys.append(SubjectKey(KeyKind.NAME, digester.of("name", subject.kind, name)))
    if subject.kind is not _PERSON and not is_found_by_number and not _is_registered(subject.identifier):
        keys.append(SubjectKey(KeyKind.NAME_ONLY, digester.of("name_unregistered", name)))
    if _is_of_the_other_kind(subject.identifier, subject.kind):
        other = SubjectKind.ORGANISATION if subject.kind is _PERSON else _PERSON
        keys.append(SubjectKey(KeyKind.NAME, digester.of("name", other, comparison_key(other, subject.name))))
    elif subject.kind is _PERSON and _COMPANY in subject.name:
        as_company = comparison_key(SubjectKind.ORGANISATION, subject.name)
        tags = (
            [(KeyKind.NAME, "name")]
            if is_found_by_number
            else [(KeyKind.NAME_ONLY, "name_only"), (KeyKind.NAME, "name")]
        )
        keys += [SubjectKey(kind, digester.of(tag, SubjectKind.ORGANISATION, as_company)) for kind, tag in tags]
    return keys


def related_keys(subject: Subject, digester: Digester) -> list[SubjectKey]:
    """The keys of the people of a listed organisation; a name alone would match every namesake."""
    keys = _number_keys(subject, comparison_key(subject.kind, subject.name), digester)
    return [key for key in keys if key.kind is not KeyKind.ORGANISATION_CODE]


def asked_keys(subject: Subject, digester: Digester, *, also_former: bool = False) -> list[SubjectKey]:
    """All keys under which this subject could be listed. With a number that proves who it is, a namesake is no match.

    `also_former`: also by the previous rules, for a list that is being digested again.
    """
    name = comparison_key(subject.kind, subject.name)
    keys = _asked_keys(subject, name, digester)
    if also_former:
        former = former_comparison_key(subject.kind, subject.name)
        if former != name:
            keys += [key for key in _asked_keys(subject, former, digester) if key not in keys]
    return keys


def _asked_keys(subject: Subject, name: str, digester: Digester) -> list[SubjectKey]:
    identifier = subject.identifier
    keys = _number_keys(subject, name, digester)
    if not keys:
        return [SubjectKey(KeyKind.NAME, digester.of("name", subject.kind, name))]
    assert identifier is not None  # noqa: S101 - what has no number has no keys by it
    type_, _, quality, is_unusual = identifier
    named = measured(name)
    if masks := _masks(identifier):
        digest = digester.begun("masked", _PERSON)
        for mask in masks:
            keys.append(_new(SubjectKey, (_MASKED, digest(mask + named))))
    if type_ is _REGISTRATION_NUMBER and subject.kind is not _PERSON:
        keys.append(SubjectKey(KeyKind.NAME_ONLY, digester.of("name_unregistered", name)))
    else:
        keys.append(_new(SubjectKey, (_NAME_ONLY, digester.begun("name_only", subject.kind)(named))))
    if quality is not _VALID or is_unusual:
        keys.append(SubjectKey(KeyKind.NAME, digester.of("name", subject.kind, name)))
    return keys


def proves_who(identifier: Identifier | None) -> bool:
    """Whether a number tells namesakes apart; a mistyped number, or one of no known form, does not."""
    return identifier is not None and identifier.quality is _VALID and not identifier.is_unusual


def identity_of(key_kind: KeyKind, subject_kind: SubjectKind, asked_name: str, listed_name: str) -> Identity:
    """What a hit on a key of this kind proves."""
    if key_kind is KeyKind.MASKED:
        return Identity.MASKED
    if key_kind in {KeyKind.NAME, KeyKind.NAME_ONLY}:
        return Identity.NAME_ONLY
    return Identity.EXACT if names_agree(subject_kind, asked_name, listed_name) else Identity.NAME_DIFFERS


def _number_keys(subject: Subject, name: str, digester: Digester) -> list[SubjectKey]:
    """Empty for a number that can find nothing: a question with a resident ID that fails its check is never answered."""
    identifier = subject.identifier
    if identifier is None:
        return []
    type_, number, quality, _ = identifier
    if quality is not _VALID:
        if quality is IdentifierQuality.UNUSABLE:
            return []
        if quality is IdentifierQuality.MASKED:
            return [SubjectKey(_MASKED, digester.of("masked", _PERSON, number, name))]
        if quality is IdentifierQuality.CHECK_FAILED and type_ in RESIDENT_FORM_TYPES:
            return []
    digest = digester.begun(_tag(type_, number))(measured(_lasting_part(number)))
    keys = [_new(SubjectKey, (_IDENTIFIER, digest))]
    if type_ in _WITH_CODE:
        keys.append(SubjectKey(KeyKind.ORGANISATION_CODE, digester.of("code", _organisation_code(type_, number))))
    return keys


def _tag(type_: IdentifierType, number: str) -> str:
    if type_ in RESIDENT_FORM_TYPES:
        return "resident" if len(number) == 18 else "document"
    return type_ if type_ in ORGANISATION_TYPES else "document"


def _lasting_part(number: str) -> str:
    """The number without the last two digits of old permits for Hong Kong and Macao, which count the issues of the card."""
    return number[:9] if len(number) == _REISSUED_LENGTH and _REISSUED_PERMIT.fullmatch(number) else number


def _organisation_code(type_: IdentifierType, number: str) -> str:
    return number[8:17] if type_ is IdentifierType.USCC else number


def _masks(identifier: Identifier) -> tuple[str, ...]:
    """The public masks that could hide this number, `measured`: those of the official list, its mirror, and a province."""
    type_, number, quality, _ = identifier
    if quality is not _VALID or type_ not in RESIDENT_FORM_TYPES or len(number) != 18:
        return ()
    last = number[14:]
    return f"18:{number[:10]}****{last}", f"19:{number[:11]}****{last}", f"18:{number[:6]}************"


def _is_beyond_reach(subject: Subject) -> bool:
    """Whether the usual question about this subject never asks for any key of this listing's number."""
    identifier = subject.identifier
    if identifier is None or not is_of_kind(identifier.type, subject.kind):
        return True
    if identifier.quality is IdentifierQuality.MASKED:
        return False
    # Mistyped by the court, so the right number is another one; or a number that nobody else could know: only its author
    # knows what 'other' is, and old papers have numbers of no form at all (…字第002345号). A number of the old business
    # register is asked for less and less: companies have had a credit code since 2015.
    return not proves_who(identifier) or identifier.type in {IdentifierType.OTHER, _REGISTRATION_NUMBER}


def _is_registered(identifier: Identifier | None) -> bool:
    """Whether it is a number of the old business register."""
    return identifier is not None and identifier.type is _REGISTRATION_NUMBER


def _is_of_the_other_kind(identifier: Identifier | None, kind: SubjectKind) -> bool:
    """Whether the number shows that the list is wrong about the debtor's kind; a masked resident ID shows it too."""
    return (
        identifier is not None
        and identifier.type in _CERTAIN_TYPES
        and identifier.quality is not IdentifierQuality.UNUSABLE
        and not is_of_kind(identifier.type, kind)
    )


# By form only, whatever the type says; otherwise the two spellings of a type would not match.
_REISSUED_PERMIT = re.compile(r"[HM][0-9]{10}")
_REISSUED_LENGTH = 11
_REGISTRATION_NUMBER = IdentifierType.BUSINESS_REGISTRATION_NUMBER
_COMPANY = "公司"
"""No person has such a name: a table that says 自然人 beside it is wrong."""
_CERTAIN_TYPES = RESIDENT_FORM_TYPES | {IdentifierType.USCC, IdentifierType.ORGANISATION_CODE}
