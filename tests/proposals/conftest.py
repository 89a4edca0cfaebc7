"""People of a court with their duties."""

from collections.abc import AsyncIterator

import pytest

from blacklist_service.access.duties import Duty
from tests.proposals.desks import Clerk, seated
from tests.support import Service


@pytest.fixture
async def maker(service: Service) -> AsyncIterator[Clerk]:
    async with seated(service, "li.jing", Duty.MAKER) as clerk:
        yield clerk


@pytest.fixture
async def checker(service: Service) -> AsyncIterator[Clerk]:
    async with seated(service, "zhou.fang", Duty.CHECKER) as clerk:
        yield clerk


@pytest.fixture
async def both(service: Service) -> AsyncIterator[Clerk]:
    """Maker and checker in one person."""
    async with seated(service, "wu.hai", Duty.MAKER, Duty.CHECKER) as clerk:
        yield clerk
