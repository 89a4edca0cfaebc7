"""Every operation, asked in every way, while its database is stopped, killed and hung: 503, and never another 5xx.

Backends are ended by an administrator, lose their statements, hang for longer than a check may take; one that is killed
takes all others with it, and the server recovers.
"""

import asyncio
import random
import signal
from collections import Counter

import pytest
from schemathesis.engine.recorder import ScenarioRecorder

from tests.durability.serving import IS_SOAK, children_of, command_of, report, send_signal
from tests.support import Service, listening
from tests.web.test_fuzz import Fuzz, people

FEWEST_CASES = 6_000 if IS_SOAK else 300
FEWEST_FAULTS = 100 if IS_SOAK else 5
HUNG_SECONDS = 0.7


@pytest.mark.timeout(3600 if IS_SOAK else 240)
async def test_whatever_becomes_of_the_database_no_operation_fails_otherwise_than_by_503(
    own_server: tuple[Service, int],
):
    service, postmaster = own_server
    await people(service)
    made: Counter[str] = Counter()
    async with listening(service) as port:
        faults = asyncio.create_task(_make_faults(postmaster, made))
        found = await asyncio.to_thread(_Statuses(service, port, share=0.4 if IS_SOAK else 1).run)
        assert not faults.done()
        faults.cancel()
    report(
        f"seed {found.config.seed}: {found.cases} cases, statuses {dict(sorted(found.statuses.items()))}, faults {dict(made)}"
    )
    assert not found.failed
    assert found.cases >= FEWEST_CASES
    assert found.statuses[503]
    assert found.statuses[200]
    assert made.total() >= FEWEST_FAULTS


class _Statuses(Fuzz):
    """What was answered, and by whom wrongly; a request that got no answer is the client's to ask again."""

    statuses: Counter[int]
    failed: dict[str, bytes]

    def run(self) -> "_Statuses":
        self.statuses, self.failed = Counter(), {}
        super().run()
        return self

    def note(self, scenario: ScenarioRecorder) -> None:
        for interaction in scenario.interactions.values():
            self.cases += 1
            if (response := interaction.response) is not None:
                self.statuses[response.status_code] += 1
                if response.status_code >= 500 and response.status_code != 503:
                    self.failed[f"{interaction.request.method} {scenario.label}"] = response.content


async def _make_faults(postmaster: int, made: Counter[str]) -> None:
    chance = random.Random()
    while True:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        backends = [pid for pid in children_of(postmaster) if "[local]" in command_of(pid)]
        if not backends:
            continue
        fault = chance.choice((_end_one, _interrupt_all, _kill_one, _hang_all))
        made[fault.__name__.strip("_")] += 1
        await fault(backends)


async def _end_one(backends: list[int]) -> None:
    send_signal(random.choice(backends), signal.SIGTERM)


async def _interrupt_all(backends: list[int]) -> None:
    for pid in backends:
        send_signal(pid, signal.SIGINT)


async def _kill_one(backends: list[int]) -> None:
    send_signal(random.choice(backends), signal.SIGKILL)


async def _hang_all(backends: list[int]) -> None:
    for pid in backends:
        send_signal(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(HUNG_SECONDS)
    finally:
        for pid in backends:
            send_signal(pid, signal.SIGCONT)
