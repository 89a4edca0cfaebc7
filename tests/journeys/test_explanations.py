"""What a person is told of an answer: the court's letter, its service, remedies; English beside Chinese on request."""

import pytest

from blacklist_service.checks import english, explanations
from blacklist_service.checks.english import prefers_english
from tests.journeys.test_life_of_a_listing import LISTED, act, publication, publish
from tests.support import Service, day, row, subject


async def explained(service: Service, language: str = "zh-CN", accept: str = "text/plain") -> str:
    check = await service.check(subject("张三", LISTED))
    headers = {"Accept-Language": language, "Accept": accept} | service.bearer("agency")
    response = await service.client.get(f"/v1/checks/{check['check_id']}/explanation", headers=headers)
    assert response.status_code == 200
    assert response.headers["vary"] == "Accept, Accept-Language"
    return response.text


async def test_it_prints_the_letter_its_service_the_court_the_term_and_the_remedies(service: Service):
    said = publication()["decision"] | {"document_number": "(2025)云0111执1号之一", "served_on": day(-7)}
    await publish(service, decision=said)
    text = await explained(service)
    for words in (
        "决定书文号：(2025)云0111执1号之一",
        f"决定书送达日期：{day(-7)}",
        "执行法院",
        "期限届满",
        "复议期间不停止公布",
    ):
        assert words in text
    assert "审查期间不停止公布" not in text
    assert "court" not in text


async def test_of_reconsideration_alone_it_says_that_it_does_not_suspend(service: Service):
    listing = await publish(service)
    await act(service, listing, "dispute", {"state": "filed", "filed_on": day()})
    assert "不停止公布" not in explanations.DISPUTES["filed"]
    assert "审查中" in await explained(service)
    assert "不停止公布" in explanations.DISPUTES["reconsideration"]


async def test_english_stands_beside_chinese(service: Service):
    await publish(service)
    text = await explained(service, "en-GB,en;q=0.9,zh;q=0.5")
    for words in (
        "核查结论 / answer",
        "executing court",
        "does not suspend",
        "decision letter",
        "停止办理",
        "served on",
    ):
        assert words in text
    page = await explained(service, "en", "text/html")
    assert "<th>执行法院 / executing court</th>" in page


async def test_where_the_service_of_the_letter_is_not_known_it_says_so(service: Service):
    await publish(service)
    assert "决定书送达日期：未登记" in await explained(service)


async def test_a_file_says_when_the_letter_was_served(service: Service):
    report = await service.load_rows(row(name="张三", identifier_number=LISTED) | {"决定书送达日期": "2025年1月6日"})
    assert report.counts.created == 1
    assert "决定书送达日期：2025-01-06" in await explained(service)


@pytest.mark.parametrize(
    ("header", "is_english"),
    [
        ("en", True),
        ("en-US,en;q=0.9", True),
        ("zh-CN,zh;q=0.9,en;q=0.8", False),
        ("en;q=0.3,zh;q=0.2", True),
        ("en;q=x", False),
        ("", False),
        ("de", False),
        ("en;q=0", False),
    ],
)
def test_the_language_is_the_one_that_ranks_first(header: str, is_english: bool):
    assert prefers_english(header) is is_english


def test_everything_that_is_said_in_chinese_is_said_in_english():
    for name in ("DECISIONS", "EFFECTS", "RELATIONS", "IDENTITIES", "REASONS", "CIRCUMSTANCES", "DISPUTES"):
        assert getattr(english, name).keys() == getattr(explanations, name).keys()
    assert len(english.REMEDY) == len(explanations.REMEDY)
