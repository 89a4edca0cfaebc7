"""Reconstructs a listing's content from what another installation shows and seals of it. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from blacklist_service.ledger.entries import canonical
from blacklist_service.listings.columns import KEPT, KeptColumn
from blacklist_service.listings.preparing import document_of
from blacklist_service.listings.renewing import declared_types, naming_content
from blacklist_service.listings.rules import Content


class Unreadable(ValueError):  # noqa: N818 - what it is
    """It cannot be parsed so that the same would be shown: it comes from another version of the service."""


def content_of(document: Mapping[str, Any], numbers: Mapping[str, Any], *, court_name: str, today: date) -> Content:
    """Raise `Unreadable` unless the content would be shown exactly as it is shown there."""
    try:
        shown = document["debtor"]["identifier"]
        for declared in declared_types(document["debtor"]["kind"], shown, numbers["identifier"]):
            content = _whole(naming_content(document, numbers, declared, today), document)._replace(
                court_name=court_name
            )
            if canonical(document_of(content)) == canonical(dict(document)):
                return content
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreadable("a listing of the other installation is not of this version's form") from None
    raise Unreadable("a listing of the other installation would be shown otherwise here")


def _whole(content: Content, document: Mapping[str, Any]) -> Content:
    """Add the fields that neither name the debtor nor find it."""
    decision = document["decision"]
    people = tuple(
        replace(person, since=_day(shown["from"]), until=_day(shown["to"]))
        for person, shown in zip(content.people, document["debtor"]["people"], strict=True)
    )
    return content._replace(
        people=people,
        circumstances=tuple(document["circumstances"]),
        circumstances_text=document["circumstances_text"],
        record_id=document.get("record_id"),
        decision_number=decision["document_number"],
        decided_on=_day(decision["decided_on"]),
        on_application_of=decision["on_application_of"],
        published_on=_day(document["published_on"]),
        expires_on=_day(document["expires_on"]),
        grace_until=_day(document["grace_until"]),
        filed_on=_day(document["filed_on"]),
        performance=document["performance"],
        kept={one.field.value: said for one in KEPT if (said := _kept(one, document)) is not None},
    )


def _kept(one: KeptColumn, document: Mapping[str, Any]) -> str | date | None:
    said: Any = document
    for part in one.path.split("."):
        said = said.get(part, {})
    said = None if said == {} else said
    return _day(said) if one.is_day else said


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
