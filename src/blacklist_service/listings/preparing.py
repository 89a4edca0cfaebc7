"""What is stored of a listing's content: digests that find and compare it, masks for display, and the sealed rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from blacklist_service.ledger.entries import canonical
from blacklist_service.listings.columns import KEPT
from blacklist_service.listings.rules import Content, LegalDates, Naming, legal_dates
from blacklist_service.secrecy import Cipher
from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import Identifier, IdentifierQuality, SubjectKind, mask_identifier
from blacklist_service.subjects.keys import Subject, listed_keys, related_keys
from blacklist_service.subjects.names import comparison_key
from blacklist_service.subjects.relations import RELATION_NUMBERS, Relation


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools that turn a person's number into something that may be stored."""

    digester: Digester
    cipher: Cipher


@dataclass(frozen=True, slots=True)
class NamingKeys:
    """The digests by which a row and a listing are recognised as the same (16 bytes each)."""

    natural_key: bytes
    loose_key: bytes


@dataclass(frozen=True, slots=True)
class PreparedKey:
    """A row to be inserted into `subject_keys`; `person` is the index in `people`, None for the debtor."""

    digest: bytes
    kind: int
    relation: int
    person: int | None


@dataclass(frozen=True, slots=True)
class Prepared:
    content: Content
    dates: LegalDates
    content_digest: bytes
    identifier_masked: str | None
    people: list[dict[str, Any]] | None
    document: bytes
    secret: bytes
    keys: list[PreparedKey]


def naming_keys(naming: Naming | Content, digester: Digester) -> NamingKeys:
    """The party of the natural key is its identifier, or its name if it has none (design §2)."""
    court, case, sequence = naming.court_code, naming.case_number, str(naming.party_sequence)
    name = comparison_key(naming.kind, naming.name)
    party = f"number {naming.identifier.number}" if naming.identifier else f"name {name}"
    return NamingKeys(
        natural_key=digester.of("listing", court, case, party, sequence),
        loose_key=digester.of("loose", court, case, sequence, name),
    )


def prepare(content: Content, tools: Tools, *, loaded_on: date, notes: Mapping[str, str] | None = None) -> Prepared:
    """`notes` are a file's unknown columns: kept, sealed, and not part of the content."""
    document, numbers = canonical(document_of(content)), numbers_of(content)
    digest = content_digest(document, numbers, tools.digester)
    secret = canonical(numbers | ({"notes": dict(notes)} if notes else {}))
    return Prepared(
        content=content,
        dates=legal_dates(content.published_on, content.grace_until, loaded_on=loaded_on),
        content_digest=digest,
        identifier_masked=_masked(content.identifier),
        people=_people(content),
        document=document,
        secret=tools.cipher.seal(secret, digest),
        keys=subject_keys_of(content, tools.digester),
    )


def content_digest(document: bytes, numbers: Mapping[str, Any], digester: Digester) -> bytes:
    """The digest by which content is recognised: of the canonical document and the complete numbers, without a file's
    notes.
    """
    complete = [number or "" for number in (numbers["identifier"], *numbers["people"], *numbers.get("further", ()))]
    return digester.of("content", document.decode(), *complete)


def document_of(content: Content) -> dict[str, Any]:
    """The content as it is shown and stored."""
    document = _document(content) | said_later(content)
    for one, parents, name in _KEPT:
        value = content.kept.get(one.field)
        if value or one.is_shown_empty:
            group = document
            for parent in parents:
                group = group.setdefault(parent, {})
            group[name] = value.isoformat() if isinstance(value, date) else value
    return document


def _document(content: Content) -> dict[str, Any]:
    """The part of the content that rules read, as it may be shown: in the form of a publication, numbers masked."""
    return {
        "case_number": content.case_number,
        "court": {"code": content.court_code},
        "party_sequence": content.party_sequence,
        "debtor": {
            "kind": content.kind.value,
            "name": content.name,
            "identifier": identifier_wire(content.identifier),
            "people": [
                {
                    "relation": person.relation,
                    "name": person.name,
                    "identifier": identifier_wire(person.identifier),
                    "from": _day(person.since),
                    "to": _day(person.until),
                }
                for person in content.people
            ],
        },
        "circumstances": list(content.circumstances),
        "circumstances_text": content.circumstances_text if "CX" in content.circumstances else None,
        "decision": {
            "document_number": content.decision_number,
            "decided_on": _day(content.decided_on),
            "on_application_of": content.on_application_of,
        },
        "published_on": _day(content.published_on),
        "expires_on": _day(content.expires_on),
        "grace_until": _day(content.grace_until),
        "filed_on": _day(content.filed_on),
        "performance": content.performance,
    }


def said_later(content: Content) -> dict[str, Any]:
    """Fields that were added after the first listings were digested: each is included only if it has a value.

    `_document` has null for absent values, and its digests are stored: an additional null would change every existing
    listing's digest, and the next load of its file would correct all of them.
    """
    later = {
        "further_identifiers": [identifier_wire(one) for one in content.further_identifiers],
        "record_id": content.record_id,
    }
    return {name: value for name, value in later.items() if value}


def numbers_of(content: Content) -> dict[str, Any]:
    """What is sealed: the complete numbers."""
    numbers: dict[str, Any] = {
        "identifier": content.identifier.number if content.identifier else None,
        "people": [person.identifier.number if person.identifier else None for person in content.people],
    }
    if content.further_identifiers:
        numbers["further"] = [one.number for one in content.further_identifiers]
    return numbers


def _people(content: Content) -> list[dict[str, Any]] | None:
    """What a check needs of an organisation's people: who held which relation, and when."""
    return [
        {"name": person.name, "from": _day(person.since), "to": _day(person.until)} for person in content.people
    ] or None


def subject_keys_of(content: Content, digester: Digester) -> list[PreparedKey]:
    """The keys by which a listing with this content is found."""
    debtor = Subject(content.kind, content.name, content.identifier)
    debtors = [debtor, *(debtor._replace(identifier=one) for one in content.further_identifiers)]
    found_by = dict.fromkeys(key for one in debtors for key in listed_keys(one, digester))
    keys = [PreparedKey(key.digest, int(key.kind), RELATION_NUMBERS[Relation.DEBTOR], None) for key in found_by]
    for place, person in enumerate(content.people):
        related = Subject(SubjectKind.PERSON, person.name, person.identifier)
        relation = RELATION_NUMBERS[Relation(person.relation)]
        keys += [PreparedKey(key.digest, int(key.kind), relation, place) for key in related_keys(related, digester)]
    return keys


def _place(path: str) -> tuple[list[str], str]:
    *parents, name = path.split(".")
    return parents, name


def identifier_wire(identifier: Identifier | None) -> dict[str, str] | None:
    if identifier is None:
        return None
    shown = {"type": identifier.type.value, "number_masked": mask_identifier(identifier.number)}
    return shown if identifier.quality is IdentifierQuality.VALID else shown | {"quality": identifier.quality.value}


def _masked(identifier: Identifier | None) -> str | None:
    return mask_identifier(identifier.number) if identifier else None


_KEPT = [(one, *_place(one.path)) for one in KEPT]


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
