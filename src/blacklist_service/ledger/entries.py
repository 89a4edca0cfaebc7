"""Ledger entries and their leaves. Pure."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.ledger.actions import Action

LEAF_VERSION = 1
SALT_BYTES = 16


class EntrySubject(NamedTuple):
    """One person or organisation in an entry. `digest` makes it searchable; `private` is sealed."""

    digest: bytes
    name_masked: str
    identifier_masked: str | None
    role: str | None
    private: Mapping[str, Any]


NO_FACTS: Mapping[str, Any] = MappingProxyType({})


class Entry(NamedTuple):
    """One act. `facts` are in the leaf in clear text and must hold nothing personal; `private` is sealed, and the leaf
    commits to it.
    """

    action: Action
    actor: Actor
    matter: str | None = None
    reference: str | None = None
    check_id: UUID | None = None
    decision: str | None = None
    listing_ids: tuple[UUID, ...] = ()
    list_version: int | None = None
    measures_version: int | None = None
    notices_version: int | None = None
    subjects: tuple[EntrySubject, ...] = ()
    facts: Mapping[str, Any] = NO_FACTS
    private: Mapping[str, Any] = NO_FACTS
    request: bytes | None = None
    answer: bytes | None = None


def leaf_of(entry: Entry, *, entry_id: UUID, at: str, salt: bytes, private: bytes) -> bytes:
    """The canonical bytes (RFC 8785) that the log hashes; `at` is in the wire format.

    Personal content is in the leaf only as SHA-256(salt ‖ bytes): resident IDs are so few that a plain hash could be guessed.
    """
    leaf: dict[str, Any] = {
        "v": LEAF_VERSION,
        "id": entry_id if type(entry_id) is UUID else str(entry_id),  # orjson serialises plain UUIDs faster
        "at": at,
        "action": entry.action._value_,
        "private": commitment(salt, private),
    }
    actor = entry.actor
    if actor.member is not None:
        leaf["agency"] = actor.member
    if actor.key_id is not None:
        leaf["key"] = actor.key_id
    if entry.matter is not None:
        leaf["matter"] = entry.matter
    if entry.decision is not None:
        leaf["decision"] = entry.decision
    if entry.list_version is not None:
        leaf["list"] = entry.list_version
    if entry.measures_version is not None:
        leaf["measures"] = entry.measures_version
    if entry.notices_version is not None:
        leaf["notices"] = entry.notices_version
    if entry.facts:
        leaf["facts"] = dict(entry.facts)
    if entry.request is not None:
        leaf["request"] = commitment(salt, entry.request)
    if entry.answer is not None:
        leaf["answer"] = commitment(salt, entry.answer)
    return canonical(leaf)


def private_part(entry: Entry) -> bytes:
    """The sealed content that the leaf commits to."""
    private: dict[str, Any] = dict(entry.private)
    if entry.actor.operator is not None:
        private["operator"] = entry.actor.operator
    if entry.actor.request_id is not None:
        private["request_id"] = entry.actor.request_id
    if entry.actor.source_ip is not None:
        private["source_ip"] = entry.actor.source_ip
    if entry.reference is not None:
        private["reference"] = entry.reference
    if entry.listing_ids:
        private["listings"] = [str(listing_id) for listing_id in entry.listing_ids]
    if entry.subjects:
        private["subjects"] = [subject.private for subject in entry.subjects]
    return canonical(private)


def commitment(salt: bytes, content: bytes) -> str:
    return hashlib.sha256(salt + content).hexdigest()


def canonical(value: Any) -> bytes:
    """RFC 8785 for the values used here: strings, booleans, null, integers below 2^53, lists and string-keyed objects."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
