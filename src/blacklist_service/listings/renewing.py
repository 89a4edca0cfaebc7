"""The names of a listing under the current digest rules, derived from what is stored of it. Pure.

Of a number, its normal form is sealed and its declared type is shown; before rules 2, words around it were part of the
number. So a number that was stored as some other document is parsed as a cell is parsed now. Whether its type had been
declared is no longer known: where that matters, both readings are returned.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from blacklist_service.ledger.entries import canonical
from blacklist_service.listings.preparing import (
    NamingKeys,
    PreparedKey,
    content_digest,
    identifier_wire,
    naming_keys,
    numbers_of,
    said_later,
    subject_keys_of,
)
from blacklist_service.listings.rules import Content, Person
from blacklist_service.subjects.cells import read_cell
from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind

_CHINESE_PASSPORT = re.compile(r"[EGDSP][A-Z]?[0-9]{7,8}")


@dataclass(frozen=True, slots=True)
class Renewed:
    """One reading of a content by the current rules."""

    naming: NamingKeys
    content_digest: bytes
    keys: list[PreparedKey]


def renew(
    document: Mapping[str, Any], numbers: Mapping[str, Any], digester: Digester, *, today: date
) -> Iterator[Renewed]:
    """`document` is as shown and stored, `numbers` are as sealed (`preparing`)."""
    shown = document["debtor"]["identifier"]
    for declared in declared_types(document["debtor"]["kind"], shown, numbers["identifier"]):
        content = naming_content(document, numbers, declared, today)
        renewed = _document(document, content)
        yield Renewed(
            naming=naming_keys(content, digester),
            content_digest=content_digest(canonical(renewed), numbers_of(content), digester),
            keys=subject_keys_of(content, digester),
        )


def declared_types(kind: str, shown: Mapping[str, Any] | None, number: str | None) -> list[IdentifierType | None]:
    """The types that may have been declared beside the number."""
    if shown is None:
        return [None]
    type_ = IdentifierType(shown["type"])
    may_be_anything = type_ is IdentifierType.OTHER or (
        type_ is IdentifierType.PASSPORT and not _CHINESE_PASSPORT.fullmatch(number or "")
    )
    return [type_, None] if may_be_anything and kind == SubjectKind.PERSON else [type_]


def naming_content(
    document: Mapping[str, Any], numbers: Mapping[str, Any], declared: IdentifierType | None, today: date
) -> Content:
    """The content that names and finds the listing; the rest is not parsed again."""
    debtor = document["debtor"]
    kind = SubjectKind(debtor["kind"])
    written = "、".join([numbers["identifier"] or "", *numbers.get("further", ())])
    cell = read_cell(kind, declared, written, today=today)
    return Content(
        court_code=document["court"]["code"],
        court_name="",
        case_number=document["case_number"],
        kind=kind,
        name=debtor["name"],
        party_sequence=document["party_sequence"],
        identifier=cell.identifier,
        further_identifiers=cell.identifiers[1:],
        people=tuple(
            _person(person, number, today) for person, number in zip(debtor["people"], numbers["people"], strict=True)
        ),
    )


def _person(shown: Mapping[str, Any], number: str | None, today: date) -> Person:
    declared = IdentifierType(shown["identifier"]["type"]) if shown["identifier"] else None
    declared = None if declared is IdentifierType.OTHER else declared
    identifier = read_cell(SubjectKind.PERSON, declared, number or "", today=today).identifier
    return Person(shown["relation"], shown["name"], identifier)


def _document(document: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """The document with its identifiers as they are parsed now."""
    people = [
        shown | {"identifier": identifier_wire(person.identifier)}
        for shown, person in zip(document["debtor"]["people"], content.people, strict=True)
    ]
    debtor = document["debtor"] | {"identifier": identifier_wire(content.identifier), "people": people}
    later = {"further_identifiers": None} | said_later(content)
    renewed = {**document, "debtor": debtor, **later}
    return renewed if later["further_identifiers"] else {k: v for k, v in renewed.items() if k != "further_identifiers"}
