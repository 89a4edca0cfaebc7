"""The question of a watch: sealed in its row, opened to be asked again unchanged, and until when its answer is valid."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.checks.asks import Question
from blacklist_service.checks.queries import Snapshot
from blacklist_service.checks.schemas import CheckRequest
from blacklist_service.secrecy import Secrecy
from blacklist_service.watches.rules import next_change

CIPHER = "watches"


def seal_question(request: CheckRequest, watch_id: UUID, secrecy: Secrecy) -> bytes:
    """Without what its row has in clear text. As lists, because every byte is stored a million times."""
    subjects = [
        [
            *(asked.role, asked.kind, asked.name),
            *([asked.identifier.type, asked.identifier.number] if asked.identifier else []),
        ]
        for asked in request.subjects
    ]
    return secrecy.cipher(CIPHER).seal(orjson.dumps([request.object, *subjects]), watch_id.bytes)


def open_question(sealed: bytes, watch_id: UUID, *, matter: str, reference: str, secrecy: Secrecy) -> bytes:
    """The body of a check that asks the same."""
    object_asked, *subjects = orjson.loads(secrecy.cipher(CIPHER).open(sealed, watch_id.bytes))
    return body_of(matter, reference, object_asked, [_subject(*subject) for subject in subjects])


def body_of(matter: str, reference: str, object_asked: str | None, subjects: list[Mapping[str, Any]]) -> bytes:
    return orjson.dumps({"matter": matter, "reference": reference, "object": object_asked, "subjects": subjects})


def recheck_on(question: Question, snapshot: Snapshot) -> date | None:
    """The first day after that of `snapshot` on which the calendar alone may change the result."""
    digests = {key.digest for asked in question.subjects for key in asked.keys}
    listings = [row for digest in digests for row in snapshot.rows.get(digest, ())]
    notices = [row for digest in digests for row in snapshot.notices.get(digest, ())]
    return next_change(listings, notices, today=snapshot.legal_date)


def _subject(role: str, kind: str, name: str, type_: str | None = None, number: str | None = None) -> Mapping[str, Any]:
    identifier = None if type_ is None else {"type": type_, "number": number}
    return {"role": role, "kind": kind, "name": name, "identifier": identifier}
