"""Sealing is a process of its own: receipts are issued whatever happens to the process that loads files."""

import signal
import time
from collections.abc import AsyncIterator

import pytest

from tests.attacks.sealing import receipt_after
from tests.durability.serving import Part, Served, running, send_signal

RECEIPT_SECONDS = 2.0


async def test_a_worker_that_hangs_delays_no_receipt(served: Served):
    [worker] = served.pids(Part.WORKER)
    send_signal(worker, signal.SIGSTOP)
    try:
        assert await receipt_after(served) < RECEIPT_SECONDS
    finally:
        send_signal(worker, signal.SIGCONT)


async def test_a_worker_that_dies_over_and_over_delays_no_receipt(served: Served):
    until = time.monotonic() + 6
    slowest = 0.0
    while time.monotonic() < until:
        served.kill(Part.WORKER)
        slowest = max(slowest, await receipt_after(served))
    assert slowest < RECEIPT_SECONDS


async def test_a_sealer_that_dies_is_started_again(served: Served):
    served.kill(Part.SEALER)
    assert await receipt_after(served) < 10


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with running(Served(tmp_path_factory.mktemp("served"), workers=1)) as served:
        yield served
