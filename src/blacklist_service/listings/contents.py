"""The content of a listing, parsed in one place for every source. Pure.

A file's row (`intake`) and a publication over HTTP (`publish_requests`) only fill in `Particulars`. What those mean, whom
they name, what refuses them and what warns a court is decided here alone. To add

- something that a listing may say and no rule reads: a line of `columns.KEPT`, and nothing here;
- something that a rule reads: a field of `Particulars` (with the default for its absence), one of `rules.Content`, its line
in `_content`, and one in `preparing.said_later`, where an absent value leaves the digest of the content unchanged;
- a warning: a member of `rules.Warn`, and a line in the function that detects it (`_naming_warnings`, `_content_warnings`);
- a refusal: a member of `rules.Refusal`, at its place in the order, and `self._refuse` with the part it concerns.

Values may be the code or its Chinese word. Only a `Refusal` refuses a listing; everything else that is odd is a warning,
because what a court wrote must not be lost.
"""

from collections.abc import Mapping
from datetime import date
from operator import attrgetter
from typing import NamedTuple
from unicodedata import normalize

from blacklist_service.listings.columns import KEPT, KEPT_TEXTS
from blacklist_service.listings.files.values import split_circumstances
from blacklist_service.listings.kinds import find_kind
from blacklist_service.listings.lengths import LONGEST_NAME, LONGEST_NUMBER, overlong
from blacklist_service.listings.rules import (
    NOTHING_KEPT,
    Content,
    Naming,
    Person,
    Refusal,
    Warn,
    content_warnings,
    is_minor,
)
from blacklist_service.listings.wording import (
    ABSENT_NAMES,
    IDENTIFIER_TYPES,
    PERFORMANCES,
    RELATIONS,
    fold,
    read_circumstance,
)
from blacklist_service.subjects.case_numbers import CaseNumber, read_case_number
from blacklist_service.subjects.cells import Cell, read_cell
from blacklist_service.subjects.free_texts import holds_number
from blacklist_service.subjects.identifiers import Identifier, IdentifierQuality, SubjectKind, birth_date, looks_damaged
from blacklist_service.subjects.names import is_suspect_name, name_key

MOST_SEQUENCE = 1_000_000

TEXTS = (
    *("name", "case_number", "identifier_number", "party_sequence", "legal_representative", "circumstances"),
    *("record_id", "decision_number"),
)
"""The particulars that are free texts; the others are words of a vocabulary, days, kept columns, or the court's own."""
_texts_of = attrgetter(*TEXTS)


class PersonParticulars(NamedTuple):
    """One of an organisation's people, as written; without a relation it is the legal representative."""

    name: str
    relation: str = ""
    identifier_type: str = ""
    identifier_number: str = ""
    since: date | None = None
    until: date | None = None


class Particulars(NamedTuple):
    """What a court says about one listing: words as written, days parsed. What it does not say is empty."""

    court_code: str
    court_name: str
    name: str = ""
    case_number: str = ""
    kind: str = ""
    identifier_type: str = ""
    identifier_number: str = ""
    other_numbers: tuple[str, ...] = ()
    """The contents of further columns with the debtor's number: each number is verified, and each finds the listing."""
    party_sequence: str = ""
    legal_representative: str = ""
    people: tuple[PersonParticulars, ...] = ()
    circumstances: str = ""
    record_id: str = ""
    decision_number: str | None = None
    decided_on: date | None = None
    on_application_of: str | None = None
    published_on: date | None = None
    expires_on: date | None = None
    grace_until: date | None = None
    filed_on: date | None = None
    performance: str = ""
    kept: Mapping[str, str | date] = NOTHING_KEPT
    """The values of `columns.KEPT`: texts and words as written, days parsed."""


class Refused(NamedTuple):
    """Why particulars are not a listing. `part` is one of their fields; `place` the index of the person."""

    code: Refusal
    part: str
    place: int | None = None


class Reading(NamedTuple):
    """The result: `refused`, or the naming of the listing; and its content, if requested."""

    refused: tuple[Refused, ...] = ()
    naming: Naming | None = None
    content: Content | None = None
    warnings: tuple[Warn, ...] = ()


def read_content(particulars: Particulars, *, today: date) -> Reading:
    """Parse a publication or a correction. `today` is the legal date of loading: a later birth date is invalid."""
    return _Reading(particulars, today).content()


def read_naming(particulars: Particulars, *, today: date) -> Reading:
    """Parse what names a listing, for an act that ends it; the other particulars are ignored."""
    return _Reading(particulars, today).naming()


class _Reading:
    def __init__(self, particulars: Particulars, today: date) -> None:
        self._said = particulars
        self._today = today
        self._cell = Cell()
        self._warnings: list[Warn] = []
        self._refused: list[Refused] = []

    def naming(self) -> Reading:
        if self._is_overlong():
            return Reading(tuple(self._refused))
        naming = self._naming()
        if naming is None or self._refused:
            return Reading(tuple(self._refused))
        return Reading(naming=naming, warnings=tuple(dict.fromkeys(self._warnings)))

    def content(self) -> Reading:
        if self._is_overlong():
            return Reading(tuple(self._refused))
        naming = self._naming()
        people = self._people(naming.kind) if naming is not None else ()
        if naming is not None:
            self._refuse_minor(naming)
        if naming is None or self._refused:
            return Reading(tuple(self._refused))
        content = self._content(naming, people)
        self._warnings += content_warnings(content)
        if any(holds_number(content.kept[one.field]) for one in KEPT if one.is_narrative and one.field in content.kept):
            self._warnings.append(Warn.NUMBER_IN_TEXT)
        if self._said.performance and content.performance is None:
            self._warnings.append(Warn.PERFORMANCE_UNKNOWN)
        self._warnings += [
            one.unknown
            for one in KEPT
            if one.unknown and one.field in self._said.kept and one.field not in content.kept
        ]
        return Reading(naming=naming, content=content, warnings=tuple(dict.fromkeys(self._warnings)))

    def _is_overlong(self) -> bool:
        """Checked before anything is parsed: nothing else of an overlong listing is examined."""
        said = self._said
        texts = [*_texts_of(said), *map(said.kept.get, KEPT_TEXTS)]
        # If no text is longer than the smallest limit, as in nearly every listing, all are within their limits.
        if max(map(len, filter(None, texts)), default=0) > LONGEST_NUMBER and (
            part := overlong([(name, text) for name, text in zip((*TEXTS, *KEPT_TEXTS), texts, strict=True) if text])
        ):
            self._refuse(Refusal.TEXT_TOO_LONG, part)
        for place, person in enumerate(said.people):
            if len(person.name) > LONGEST_NAME or len(person.identifier_number) > LONGEST_NUMBER:
                self._refused.append(Refused(Refusal.TEXT_TOO_LONG, "people", place))
        return bool(self._refused)

    def _naming(self) -> Naming | None:
        """Return None if something that names the listing is missing; the refusal is noted."""
        said, today = self._said, self._today
        name, number = said.name.strip(), said.identifier_number
        if not name_key(name):
            self._refuse(Refusal.NAME_MISSING, "name")
        case_number = read_case_number(said.case_number)
        if case_number is None:
            self._refuse(Refusal.CASE_NUMBER_MISSING, "case_number")
        if looks_damaged(number) or any(map(looks_damaged, said.other_numbers)):
            self._refuse(Refusal.IDENTIFIER_DAMAGED, "identifier_number")
        declared = IDENTIFIER_TYPES.get(fold(said.identifier_type)) if said.identifier_type else None
        kind = find_kind(said.kind, name, declared, number, has_people=self._has_people(), today=today)
        if kind is None:
            self._refuse(Refusal.KIND_UNKNOWN, "kind")
        if self._refused or case_number is None or kind is None:
            return None
        cell = read_cell(kind, declared, number, today=today)
        for written in said.other_numbers:
            cell = cell.beside(read_cell(kind, None, written, today=today))
        self._cell = cell
        self._warnings += _naming_warnings(kind, name, cell, case_number)
        naming = (said.court_code, said.court_name, case_number.text, self._sequence(), kind, name)
        record_id = "".join(normalize("NFKC", said.record_id).split()).upper() if said.record_id else None
        return Naming(*naming, cell.identifier, record_id=record_id, decision_number=said.decision_number)

    def _has_people(self) -> bool:
        return bool(self._said.people or _is_name(self._said.legal_representative))

    def _sequence(self) -> int:
        """A missing one is 1; one that is not a number counts as missing, with a warning."""
        if not self._said.party_sequence:
            return 1
        text = normalize("NFKC", self._said.party_sequence).strip().removesuffix(".0")
        if text.isascii() and text.isdigit() and 1 <= (number := int(text)) <= MOST_SEQUENCE:
            return number
        if text:
            self._warnings.append(Warn.PARTY_SEQUENCE_UNUSUAL)
        return 1

    def _refuse_minor(self, naming: Naming) -> None:
        """Art. 4; a mask shows no birth date, whatever its digits look like."""
        identifier = naming.identifier
        if naming.kind is not SubjectKind.PERSON or identifier is None:
            return
        if identifier.quality is IdentifierQuality.MASKED:
            return
        days = (self._said.decided_on, self._said.published_on)
        if is_minor(birth_date(identifier), days, today=self._today):
            self._refuse(Refusal.MINOR, "identifier_number")

    def _content(self, naming: Naming, people: tuple[Person, ...]) -> Content:
        said = self._said
        circumstances = split_circumstances(said.circumstances)
        return Content(
            court_code=naming.court_code,
            court_name=naming.court_name,
            case_number=naming.case_number,
            kind=naming.kind,
            name=naming.name,
            party_sequence=naming.party_sequence,
            identifier=naming.identifier,
            further_identifiers=self._cell.identifiers[1:],
            people=people,
            circumstances=tuple(sorted({read_circumstance(text).value for text in circumstances})),
            circumstances_text=said.circumstances or None,
            record_id=naming.record_id,
            decision_number=said.decision_number,
            decided_on=said.decided_on,
            on_application_of=said.on_application_of,
            published_on=said.published_on,
            expires_on=said.expires_on,
            grace_until=said.grace_until,
            filed_on=said.filed_on,
            performance=PERFORMANCES.get(fold(said.performance)) if said.performance else None,
            kept=_kept(said.kept),
        )

    def _people(self, kind: SubjectKind) -> tuple[Person, ...]:
        """An organisation's people. Names are shared, so a name alone finds nobody: the court gets a warning."""
        if kind is not SubjectKind.ORGANISATION:
            return ()
        people = [self._person(place, said) for place, said in enumerate(self._said.people) if _is_name(said.name)]
        representative = self._said.legal_representative.strip()
        if _is_name(representative) and all(name_key(one.name) != name_key(representative) for one in people):
            people.append(Person("legal_representative", representative, None))
        if not all(_is_usable(person.identifier) for person in people):
            self._warnings.append(Warn.PERSON_UNIDENTIFIED)
        return tuple(people)

    def _person(self, place: int, said: PersonParticulars) -> Person:
        if looks_damaged(said.identifier_number):
            self._refused.append(Refused(Refusal.IDENTIFIER_DAMAGED, "people", place))
        declared = IDENTIFIER_TYPES.get(fold(said.identifier_type)) if said.identifier_type else None
        identifier = read_cell(SubjectKind.PERSON, declared, said.identifier_number, today=self._today).identifier
        relation = RELATIONS.get(fold(said.relation), "legal_representative")
        return Person(relation, said.name.strip(), identifier, said.since, said.until)

    def _refuse(self, code: Refusal, part: str) -> None:
        self._refused.append(Refused(code, part))


def _kept(said: Mapping[str, str | date]) -> dict[str, str | date]:
    """The values given, with the codes of words; unknown words are left out."""
    kept = dict(said)
    for field, codes in _CODES.items():
        if field in kept:
            code = codes.get(fold(str(kept.pop(field))))
            kept |= {} if code is None else {field: code}
    return kept


def _naming_warnings(kind: SubjectKind, name: str, cell: Cell, case_number: CaseNumber) -> list[Warn]:
    """What is odd about the debtor and the case that a listing names."""
    identifier = cell.identifier
    warnings = []
    if identifier is None:
        warnings.append(Warn.IDENTIFIER_MISSING)
    elif "*" in identifier.number:
        warnings.append(Warn.IDENTIFIER_MASKED)  # unknown masks too: such a listing is found by the name only
    elif (warning := _WARNING_OF_QUALITY.get(identifier.quality)) is not None:
        warnings.append(warning)
    elif identifier.is_unusual and not cell.is_extracted:
        warnings.append(Warn.IDENTIFIER_UNUSABLE)  # used as written; the listing is also found by the name
    if cell.is_extracted:
        warnings.append(Warn.IDENTIFIER_EXTRACTED)
    if cell.is_of_another_type:
        warnings.append(Warn.IDENTIFIER_TYPE_DIFFERS)
    if len(cell.identifiers) > 1:
        warnings.append(Warn.IDENTIFIERS_SEVERAL)
    if is_suspect_name(kind, name):
        warnings.append(Warn.NAME_SUSPECT)
    if case_number.is_legacy:
        warnings.append(Warn.CASE_NUMBER_LEGACY)
    return warnings


_CODES = {
    one.field: {fold(way): code for code, ways in one.words.items() for way in (code, *ways)}
    for one in KEPT
    if one.words is not None
}
_WARNING_OF_QUALITY = {
    IdentifierQuality.CHECK_FAILED: Warn.IDENTIFIER_CHECKSUM,
    IdentifierQuality.UNUSABLE: Warn.IDENTIFIER_UNUSABLE,
}


def _is_name(written: str) -> bool:
    """Whether it names somebody, and is not 无."""
    return bool(written) and fold(written.strip()) not in ABSENT_NAMES and bool(name_key(written))


def _is_usable(identifier: Identifier | None) -> bool:
    return identifier is not None and identifier.quality in (IdentifierQuality.VALID, IdentifierQuality.MASKED)
