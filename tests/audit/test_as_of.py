"""What would have been answered then: every past answer is reproduced, whatever has happened to the list since."""

from datetime import UTC, datetime
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from tests.support import COURT_CODE, COURT_NAME, Service, day, resident_id, row, subject

WHO = resident_id(71)
FIRM = {"kind": "organisation", "role": "applicant"}


def asking(check: dict[str, Any], asked: dict[str, Any], *, agency: str = "GD-HR", **more: Any) -> dict[str, Any]:
    return {
        "matter": check["matter"],
        "subject": asked,
        "at": check["checked_at"],
        "agency": agency,
    } | more


def comparable(answer: dict[str, Any]) -> Any:
    subjects = answer["subjects"]
    for one in subjects:
        one["matches"].sort(key=lambda match: (match["listing_id"] or "", match["relation"]))
    versions = [answer[name] for name in ("list_version", "measures_version", "notices_version")]
    return answer["decision"], versions, subjects, answer["warnings"]


async def act(service: Service, listing_id: str, act: str, body: dict[str, Any]) -> None:
    listing = (await service.get(f"/v1/listings/{listing_id}", key="court")).json()
    headers = {"If-Match": f'"{listing["version"]}"'}
    done = await service.post(f"/v1/listings/{listing_id}/{act}", body, key="court", **headers)
    assert done.status_code == 200, done.text


async def test_every_past_answer_is_found_again(service: Service):
    """The replay: a listing's whole life, people of an organisation, notices, measures; asked at every step."""
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    representative = resident_id(72)
    asked = [
        subject("张三", WHO),
        subject("李四", WHO),
        subject("张三"),
        subject("王五", representative),
        subject("无名", resident_id()),
        subject("官渡商贸有限公司", "91530111MA6K00001X", kind="organisation", type="uscc"),
    ]
    matters = await matters_of_each_sort(service)
    covered = {one["matter"]: one for one in (await service.get("/v1/matters")).json()["items"]}
    recorded: list[tuple[dict[str, Any], dict[str, Any]]] = []

    async def ask_all() -> None:
        for matter in matters:
            for one in asked:
                if one["kind"] not in covered[matter]["kinds"]:
                    continue
                roles = covered[matter]["roles"]
                question = one | {"role": "applicant" if "applicant" in roles else roles[0]}
                recorded.append((question, await service.check(question, matter=matter)))

    await ask_all()
    await service.load_rows(
        row(name="张三", identifier_number=WHO, case_number="(2025)云0111执7001号"),
        row(name="张三", identifier_number="", identifier_type="", case_number="(2025)云0111执7002号"),
    )
    await ask_all()
    firm = await service.post("/v1/listings", firm_listing(representative), key="court")
    assert firm.status_code == 201, firm.text
    await ask_all()
    corrected = firm_listing(representative)
    corrected["debtor"]["people"][0]["to"] = day(-1)
    body = {"listing": corrected, "reason": "变更法定代表人", "decided_on": day()}
    await act(service, firm.json()["listing_id"], "correction", body)
    await ask_all()
    items = (await service.get("/v1/listings", key="court")).json()["items"]
    listing = next(one for one in items if one["case_number"].endswith("7001号"))
    other = next(one for one in items if one["case_number"].endswith("7002号"))
    await act(service, listing["listing_id"], "dispute", {"state": "filed", "filed_on": day()})
    await ask_all()
    await act(
        service,
        listing["listing_id"],
        "extension",
        {"expires_on": day(1000), "decided_on": day(), "reason": "违反限制消费令"},
    )
    await ask_all()
    pause = {"ground": "bankruptcy", "decided_on": day(), "reason": "受理破产"}
    await act(service, listing["listing_id"], "suspension", pause)
    await ask_all()
    await act(service, listing["listing_id"], "dispute", {"state": None})
    await ask_all()
    await act(service, listing["listing_id"], "resumption", {"decided_on": day(), "reason": "驳回"})
    await ask_all()
    await act(
        service,
        other["listing_id"],
        "deletion",
        {"ground": "performed", "decided_on": day(), "note": "已履行"},
    )
    await ask_all()
    notice = {
        "number": "n-1",
        "case_number": "(2025)云0111执7001号",
        "ruling_number": "r",
        "agency": "GD-HR",
        "action": "stop_transfer",
        "subject": {
            key: value for key, value in subject("无名", asked[4]["identifier"]["number"]).items() if key != "role"
        },
    }
    served = await service.post("/v1/notices", notice, key="court")
    assert served.status_code == 201, served.text
    await ask_all()
    released = await service.post(
        f"/v1/notices/{served.json()['notice_id']}/release", {"reason": "已履行"}, key="court"
    )
    assert released.status_code == 200, released.text
    await ask_all()
    await act(service, listing["listing_id"], "withdrawal", {"reason": "认定错误", "decided_on": day()})
    await ask_all()
    assert {check["decision"] for _, check in recorded} == {"block", "flag", "clear"}
    for question, check in recorded:
        found = await service.post("/v1/audit/as-of", asking(check, question), key="auditor")
        assert found.status_code == 200, found.text
        assert comparable(found.json()) == comparable(check), (question["name"], check["matter"], check["checked_at"])
    [count] = await service.fetch(
        "SELECT count(*) AS n FROM ledger_entries WHERE convert_from(leaf, 'UTF8') LIKE '%as_of%'"
    )
    assert count["n"] == len(recorded)


async def matters_of_each_sort(service: Service) -> list[str]:
    """A matter for each class of measure, and one for each relation that some measure covers."""
    chosen: dict[Any, str] = {}
    for matter in (await service.get("/v1/matters")).json()["items"]:
        for measure in matter["measures"]:
            if measure["class"] != "none":
                for sort in [measure["class"], *measure["relations"]]:
                    chosen.setdefault(sort, matter["matter"])
    return sorted({*chosen.values(), "real_estate_transfer"})


def firm_listing(representative: str) -> dict[str, Any]:
    return {
        "case_number": "(2025)云0111执7003号",
        "court": {"code": COURT_CODE, "name": COURT_NAME},
        "debtor": {
            "kind": "organisation",
            "name": "官渡商贸有限公司",
            "identifier": {"type": "uscc", "number": "91530111MA6K00001X"},
            "people": [
                {
                    "relation": "legal_representative",
                    "name": "王五",
                    "identifier": {"type": "resident_id", "number": representative},
                    "from": "2020-01-01",
                    "to": None,
                }
            ],
        },
        "circumstances": ["C4"],
        "decision": {"document_number": "d", "decided_on": day(-10)},
        "published_on": day(-9),
        "expires_on": day(300),
        "basis": {"document_number": "b", "issuer": COURT_NAME},
        "filed_on": day(-100),
        "obligation": "支付货款",
        "performance": "none",
    }


async def test_before_it_was_published_and_after_its_term(service: Service):
    early = datetime.now(UTC)
    await service.load_rows(row(name="张三", identifier_number=WHO, published_on=day(-3), expires_on=day(-1)))
    for at, version in ((datetime.now(UTC), 1), (early, 0)):
        body = {"matter": "civil_service_recruitment", "subject": subject("张三", WHO), "at": at.isoformat()}
        found = (await service.post("/v1/audit/as-of", body, key="auditor")).json()
        assert (found["decision"], found["list_version"]) == ("clear", version)


async def test_without_a_role_the_strongest_of_those_the_matter_tells_apart(service: Service):
    await service.load_rows(row(name="张三", identifier_number=WHO))
    asked = {key: value for key, value in subject("张三", WHO).items() if key != "role"}
    body = {"matter": "real_estate_transfer", "subject": asked, "at": datetime.now(UTC).isoformat()}
    found = await service.post("/v1/audit/as-of", body, key="auditor")
    assert found.status_code == 200, found.text
    decisions = [
        await service.decide(asked | {"role": role}, matter="real_estate_transfer")
        for role in ("transferor", "transferee")
    ]
    assert found.json()["decision"] == max(decisions, key=["clear", "flag", "block"].index)


@pytest.mark.parametrize(
    ("change", "status"),
    [({"at": "2999-01-01T00:00:00Z"}, 422), ({"matter": "nothing"}, 422), ({"at": "2018-01-01"}, 422)],
)
async def test_what_cannot_be_answered(service: Service, change, status):
    body = {"matter": "civil_service_recruitment", "subject": subject("张三", WHO), "at": datetime.now(UTC).isoformat()}
    assert (await service.post("/v1/audit/as-of", body | change, key="auditor")).status_code == status
    assert (await service.post("/v1/audit/as-of", body, key="agency")).status_code == 403
