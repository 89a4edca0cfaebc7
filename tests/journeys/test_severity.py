"""The severity that a court states: stored, shown, searchable; no answer depends on it."""

from typing import Any

from tests.support import Service, day, resident_id, row, subject


def publication(number: int, **said: Any) -> dict[str, Any]:
    return {
        "case_number": f"(2025)云0111执{number}号",
        "court": {"code": "云0111"},
        "debtor": {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": resident_id(91)}},
        "circumstances": ["C4"],
        "decision": {"document_number": f"d-{number}", "decided_on": day(-10)},
        "published_on": day(-5),
        "expires_on": day(600),
        **said,
    }


async def published(service: Service, number: int, **said: Any) -> dict[str, Any]:
    response = await service.post("/v1/listings", publication(number, **said), key="court")
    assert response.status_code == 201, response.text
    listing: dict[str, Any] = (await service.get(f"/v1/listings/{response.json()['listing_id']}", key="court")).json()
    return listing


async def test_it_is_kept_shown_and_found_by(service: Service):
    light, none = await published(service, 1, severity="light"), await published(service, 2)
    assert (light["severity"], none["severity"]) == ("light", None)
    [found] = (await service.get("/v1/listings", key="court", severity="light")).json()["items"]
    assert found["listing_id"] == light["listing_id"]
    assert (await service.get("/v1/listings", key="court", severity="serious")).json()["items"] == []
    assert (await service.get("/v1/listings", key="court", severity="grave")).status_code == 422
    assert (await service.post("/v1/listings", publication(3, severity="grave"), key="court")).status_code == 422


async def test_a_correction_changes_it_and_the_history_tells(service: Service):
    listing = await published(service, 1, severity="light")
    path = f"/v1/listings/{listing['listing_id']}"
    body = {"listing": publication(1, severity="serious"), "reason": "情节加重", "decided_on": day()}
    corrected = await service.post(f"{path}/correction", body, key="court", **{"If-Match": '"1"'})
    assert corrected.status_code == 200, corrected.text
    history = (await service.get(f"{path}/history", key="court")).json()["items"]
    assert [one["listing"].get("severity") for one in history] == ["light", "serious"]
    assert (await service.get("/v1/listings", key="court", severity="light")).json()["items"] == []
    assert len((await service.get("/v1/listings", key="court", severity="serious")).json()["items"]) == 1


async def test_no_answer_depends_on_it_nor_shows_it(service: Service):
    await published(service, 1, severity="light")
    answer = await service.check(subject("张三", resident_id(91)))
    assert answer["decision"] == "block"
    assert "severity" not in answer["subjects"][0]["matches"][0]["listing"]


async def test_a_file_says_it_in_its_own_words(service: Service):
    said = {"失信程度": "严重"}
    report = await service.load_rows(
        row(name="张三", identifier_number=resident_id(91), case_number="(2025)云0111执1号") | said,
        row(name="李四", identifier_number=resident_id(92), case_number="(2025)云0111执2号") | {"失信程度": "极严重"},
        row(name="王五", identifier_number=resident_id(93), case_number="(2025)云0111执3号") | {"失信程度": ""},
    )
    assert [(one.row, one.code) for one in report.rows] == [(3, "severity-unknown")]
    found = (await service.get("/v1/listings", key="court", severity="serious")).json()["items"]
    assert [one["case_number"] for one in found] == ["(2025)云0111执1号"]


async def test_what_was_loaded_before_is_the_same_where_nothing_is_said(service: Service):
    loaded = row(name="张三", identifier_number=resident_id(91))
    await service.load_rows(loaded)
    again = await service.load_rows(loaded | {"失信程度": ""})
    assert (again.counts.unchanged, again.counts.corrected) == (1, 0)
