"""Answers as the service sends them, of each decision, and what can be done to one."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from blacklist_client import Question, person
from blacklist_client.conversation import Reply

NUMBER = "530111198503170015"
QUESTION = Question(matter="civil_service_recruitment", reference="GD-1", subjects=[person("张三", resident_id=NUMBER)])


def match(effect: str) -> dict[str, Any]:
    return {
        "listing_id": "0197c9a5-7c00-7000-8000-000000000001",
        "relation": "debtor",
        "identity": "exact" if effect == "block" else "name_only",
        "effect": effect,
        "reason": "prohibition" if effect == "block" else "identity_uncertain",
        "measure": {"id": "M01", "class": "prohibition", "basis": "公务员法第二十六条"},
        "listing": {
            "case_number": "(2018)云0111执1234号",
            "court": "昆明市官渡区人民法院",
            "debtor_name": "张三",
            "debtor_identifier_masked": "5301**********0015",
            "circumstances": ["C4"],
            "published_on": "2018-04-20",
            "expires_on": None,
            "dispute_state": None,
            "identity_contested_on": None,
        },
        "notice": None,
    }


def answer(decision: str, **values: Any) -> dict[str, Any]:
    matches = [] if decision == "clear" else [match(decision)]
    return {
        "check_id": "0197c9a5-7c00-7000-8000-000000000002",
        "decision": decision,
        "matter": QUESTION.matter,
        "reference": QUESTION.reference,
        "checked_at": datetime.now(UTC).isoformat(),
        "list_version": 48213,
        "measures_version": 1,
        "notices_version": 0,
        "warnings": [],
        "subjects": [{"role": "applicant", "decision": decision, "matches": matches}],
    } | values


def reply(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    usual = {"content-type": "application/json", "date": format_datetime(datetime.now(UTC), usegmt=True)}
    return Reply(status, usual | dict(headers or {}), body)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a JSON value, from the outside in."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


def holder(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value
