"""The whole service against its own OpenAPI document: what it says is what it does, whatever it is sent.

schemathesis makes the cases: each operation's examples, its schema's edges, data that fits and data that does not, and
chains of calls on what earlier ones made. All its checks are on, but where a comment says why not.
"""

import asyncio
import itertools
import json
import math
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import events
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.schemas import BaseSchema

from blacklist_service.access.scopes import SCOPES_OF_ROLE, Role, Scope
from blacklist_service.members.sample import load_sample
from tests.durability.serving import report
from tests.ledger.sealing import begin, seal_all
from tests.support import TEST, Service, listening, operations, resident_id, row, subject

IS_SOAK = bool(os.environ.get("BLACKLIST_SOAK"))
FEWEST_CASES = 20_000 if IS_SOAK else 300
EXAMPLES_EACH = 250 if IS_SOAK else 4
CHAINS = 250 if IS_SOAK else 4
CI_SEED = 20_180_426
NOT_HTTP = b"Invalid HTTP request received."
"""What a message is told that no parser of HTTP takes, such as one with an empty Content-Length: it asks no operation."""
OFTEN = 4
"""Every fourth request is made with the next role's key, the others with one that has the scope."""

ROLES = {"agency": Role.AGENCY, "court": Role.COURT, "auditor": Role.AUDITOR, "security": Role.SECURITY}

CHECKS: dict[str, Any] = {
    "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]},
    # What no schema can say (a check character, two dates' order, a code that exists) is refused as 422 too.
    "positive_data_acceptance": {
        "expected-statuses": ["2xx", "304", "401", "403", "404", "409", "410", "412", "422", "503"]
    },
    "negative_data_rejection": {
        "expected-statuses": ["401", "403", "404", "405", "409", "412", "413", "415", "422", "428", "503"]
    },
    "missing_required_header": {"expected-statuses": ["401", "403", "404", "415", "422", "428"]},
}
# A GET of `/v1/listings/search` asks for the listing whose id is `search`, which is no id: 422, not 405.
WORD = {"unsupported_method": {"enabled": False}}
# A wrong check of a batch is refused alone, in its place, in an answer that is 200.
ALONE = {"negative_data_rejection": {"enabled": False}}
OPERATIONS = [
    {"include-path": "/v1/listings/search", "checks": WORD},
    {"include-path": "/v1/checks/batch", "checks": WORD | ALONE},
]


@pytest.mark.timeout(7200 if IS_SOAK else 240)
async def test_whatever_it_is_sent_it_does_what_its_document_says(peopled: Service):
    async with listening(peopled) as port:
        found = await asyncio.to_thread(Fuzz(peopled, port).run)
    assert not found.report, "\n\n".join(found.report)
    assert found.cases >= FEWEST_CASES
    report(f"{found.cases} cases, {sum(found.undetermined.values())} of them 503 undetermined, no failure")
    assert set(found.undetermined) <= {"undetermined"}  # the one 503 there is


class Fuzz:
    """One run of schemathesis' engine, and what it found. `share` is of the usual number of cases."""

    def __init__(self, service: Service, port: int, *, share: float = 1) -> None:
        self._service = service
        self.config = SchemathesisConfig.from_dict(
            {
                "base-url": f"http://127.0.0.1:{port}",
                "continue-on-failure": True,
                "generation": {"max-examples": math.ceil(EXAMPLES_EACH * share), "no-shrink": True, "database": "none"},
                "phases": {
                    "coverage": {"enabled": IS_SOAK},  # some 5,500 cases, the same each time
                    "stateful": {"generation": {"max-examples": math.ceil(CHAINS * share)}},
                },
                "checks": CHECKS,
                "operations": OPERATIONS,
            }
            | ({} if IS_SOAK else {"seed": CI_SEED})
        )
        self.cases = 0
        self.undetermined: Counter[str] = Counter()
        self._failures: dict[tuple[str, str | None], str] = {}

    @property
    def report(self) -> list[str]:
        return [
            f"{len(self._failures)} failures in {self.cases} cases, seed {self.config.seed}",
            *self._failures.values(),
        ] * bool(self._failures)

    def run(self) -> "Fuzz":
        document = self._service.app.openapi()
        schema: BaseSchema = schemathesis.openapi.from_dict(document, config=self.config)
        # They never end; the journeys of notices and of watches follow them.
        schema = schema.exclude(path="/v1/notices/stream").exclude(path="/v1/watch-events/stream")
        schema.auth(refresh_interval=None)(_keys_in_turn(self._service))
        for event in engine.from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                self.note(event.recorder)
            elif isinstance(event, events.NonFatalError):
                self._failures["error", event.label] = f"{event.label}: {event.value!r}"
            elif isinstance(event, events.FatalError):
                raise event.exception
        return self

    def note(self, scenario: ScenarioRecorder) -> None:
        for interaction in scenario.interactions.values():
            self.cases += 1
            if interaction.response is not None and interaction.response.status_code == 503:
                self.undetermined[json.loads(interaction.response.content or b"{}").get("code", "?")] += 1
        for name, failure, code_sample in _failures_of(scenario):
            place = f"{name}: {failure.operation}: {failure.title}"
            self._failures.setdefault(
                (name, failure.operation), f"{place}\n{failure.message[:2000]}\n{code_sample[:2000]}"
            )


def _failures_of(scenario: ScenarioRecorder) -> Iterator[tuple[str, Failure, str]]:
    for case_id, checks in scenario.checks.items():
        response = scenario.interactions[case_id].response if case_id in scenario.interactions else None
        if response is not None and response.content == NOT_HTTP:
            continue
        for one in checks:
            if one.failure_info is not None:
                yield one.name, one.failure_info.failure, one.failure_info.code_sample


def _keys_in_turn(service: Service) -> type:
    """An authentication that lets every role try every operation, and mostly one that may."""
    scopes: dict[tuple[str, str], frozenset[Scope]] = {
        (method, path.replace(":path", "")): of_one for method, path, of_one in operations(service)
    }
    turn = itertools.count()

    class KeysInTurn:
        def get(self, case: Any, _context: Any) -> str:
            needed, place = scopes.get((case.method.upper(), case.operation.path), frozenset()), next(turn)
            able = [name for name, role in ROLES.items() if needed & SCOPES_OF_ROLE[role]] or list(ROLES)
            names = list(ROLES) if place % OFTEN == 0 else able
            return service.keys[names[place // OFTEN % len(names)]]

        def set(self, case: Any, key: str, _context: Any) -> None:
            case.headers["Authorization"] = f"Bearer {key}"

    return KeysInTurn


@pytest.fixture
async def peopled(service: Service) -> Service:
    await people(service)
    return service


async def people(service: Service) -> None:
    """Members, a list, a check and a sealed log, so that there is something to find."""
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    async with service.workplace.connected() as connection, connection.transaction():
        await load_sample(connection, actor=TEST, secrecy=service.workplace.secrecy)
    await service.load_rows(*(row(name="张三", identifier_number=resident_id(number)) for number in range(1, 20)))
    await service.check(subject("张三", resident_id(7)))
    place = await begin(service.workplace.dsn, service.workplace.settings.data_dir)
    await seal_all(service.workplace.dsn, place)
