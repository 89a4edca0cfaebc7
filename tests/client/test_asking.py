"""The client against the real service: asking, retrying, storing and proving."""

from collections.abc import AsyncIterator

import pytest

from blacklist_client import AsyncBlacklist, Decision, Question, person
from blacklist_client.answers import Answer, Hold
from blacklist_client.errors import BadQuestion, KeyRefused, NotAllowed, NotFound
from tests.support import Service, listening, resident_id, row

MATTER = "civil_service_recruitment"


@pytest.fixture
async def office(service: Service) -> AsyncIterator[AsyncBlacklist]:
    async with listening(service) as port, AsyncBlacklist(f"http://127.0.0.1:{port}", service.keys["agency"]) as client:
        yield client


async def test_who_is_listed_is_blocked_and_who_is_not_is_clear(service: Service, office: AsyncBlacklist) -> None:
    number = resident_id()
    await service.load_rows(row(name="张三", identifier_number=number))

    blocked = await office.check(MATTER, reference="GD-1", subjects=[person("张三", resident_id=number)])
    cleared = await office.check(MATTER, reference="GD-2", subjects=[person("李四", resident_id=resident_id())])

    assert isinstance(blocked, Answer)
    assert blocked.decision is Decision.BLOCK
    [reason] = blocked.reasons()
    assert "停止办理" in reason
    assert "公务员法" in reason
    assert number not in reason
    assert isinstance(cleared, Answer)
    assert cleared.decision is Decision.CLEAR
    assert cleared.reasons() == []


async def test_what_was_refused_is_raised_and_says_where(service: Service, office: AsyncBlacklist) -> None:
    wrong = person("张三", resident_id="530111198503170016")

    with pytest.raises(BadQuestion) as refused:
        await office.check(MATTER, reference="GD-1", subjects=[wrong])

    assert refused.value.code == "invalid-identifier"
    assert refused.value.errors[0].pointer.startswith("/subjects/0")
    assert "530111198503170016" not in str(refused.value) + repr(wrong)
    with pytest.raises(NotFound):
        await office.recorded("0197c9a5-7c00-7000-8000-000000000002")


async def test_a_key_that_is_none_and_one_that_may_not_ask(service: Service) -> None:
    question = Question(matter=MATTER, reference="GD-1", subjects=[person("张三", resident_id=resident_id())])
    async with listening(service) as port:
        url = f"http://127.0.0.1:{port}"
        async with AsyncBlacklist(url, "sxd_test_none") as nobody, AsyncBlacklist(url, service.keys["court"]) as court:
            with pytest.raises(KeyRefused):
                await nobody.ask(question)
            with pytest.raises(NotAllowed):
                await court.ask(question)


async def test_a_batch_answers_each_in_its_place(service: Service, office: AsyncBlacklist) -> None:
    listed = resident_id()
    await service.load_rows(row(name="张三", identifier_number=listed))
    numbers = [listed, "530111198503170016", resident_id()]

    found = await office.batch(
        [
            Question(matter=MATTER, reference=f"GD-{place}", subjects=[person("张三", resident_id=number)])
            for place, number in enumerate(numbers)
        ]
    )

    assert [one.decision if isinstance(one, Answer) else type(one) for one in found] == [
        Decision.BLOCK,
        BadQuestion,
        Decision.CLEAR,
    ]


async def test_nothing_is_true_or_false(service: Service, office: AsyncBlacklist) -> None:
    await service.load_rows(row())
    found = await office.check(MATTER, reference="GD-1", subjects=[person("李四", resident_id=resident_id())])

    with pytest.raises(TypeError):
        bool(found)


async def test_a_clear_of_a_service_without_a_list_is_held(office: AsyncBlacklist) -> None:
    found = await office.check(MATTER, reference="GD-1", subjects=[person("李四", resident_id=resident_id())])

    assert isinstance(found, Hold)
    assert "no list" in found.why


async def test_what_the_office_did_is_recorded(service: Service, office: AsyncBlacklist) -> None:
    number = resident_id()
    await service.load_rows(row(name="张三", identifier_number=number))
    found = await office.check(MATTER, reference="GD-1", subjects=[person("张三", resident_id=number)])
    assert isinstance(found, Answer)
    assert [one.check_id for one in (await office.waiting()).items] == [found.check_id]

    said = await office.record_outcome(found.check_id, "refused", operator="wang.li")

    assert said.revision == 1
    assert (await office.waiting()).items == []
    assert (await office.recorded(found.check_id)).check_id == found.check_id
