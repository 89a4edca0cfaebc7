"""A subject that no measure covers is refused: it was not judged, so it is not clear."""

import orjson

from blacklist_service.clock import legal_date, now
from tests.support import Service, day, question, resident_id, row, subject

LISTED = resident_id(61)
FLAT = "real_estate_transfer"


async def test_a_role_that_no_measure_covers_is_refused_and_the_covered_ones_are_named(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    asked = question(subject("张三", LISTED), matter=FLAT)
    response = await service.post("/v1/checks", asked)
    refusal = response.json()
    assert (response.status_code, refusal["code"]) == (422, "subject-not-covered")
    [error] = refusal["errors"]
    assert (error["pointer"], error["code"]) == ("/subjects/0/role", "subject-not-covered")
    assert "transferor, transferee" in error["message"]
    assert LISTED not in response.text
    assert await service.decide(subject("张三", LISTED, role="transferee"), matter=FLAT) == "block"


async def test_a_kind_that_no_measure_covers_is_refused(service: Service):
    company = subject("昆明甲有限公司", "91530111MA6K70012B", type="uscc", kind="organisation")
    refusal = (await service.post("/v1/checks", question(subject(), company))).json()
    [error] = refusal["errors"]
    assert (refusal["code"], error["pointer"]) == ("subject-not-covered", "/subjects/1/kind")
    assert "person" in error["message"]


async def test_the_refusal_is_recorded_without_the_person(service: Service):
    await service.post("/v1/checks", question(subject("张三", LISTED), matter=FLAT))
    [entry] = await service.fetch("SELECT id, leaf, matter FROM ledger_entries WHERE action = 'refused'")
    leaf = orjson.loads(entry["leaf"])
    assert entry["matter"] == FLAT
    assert leaf["facts"]["code"] == "subject-not-covered"
    assert leaf["facts"]["subjects"] == [{"role": "applicant", "kind": "person"}]
    assert await service.fetch("SELECT FROM ledger_subjects WHERE entry_id = $1", entry["id"]) == []


async def test_one_such_subject_refuses_its_check_and_no_other_of_the_batch(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    good = question(subject("张三", LISTED, role="transferee"), matter=FLAT)
    mixed = question(subject("张三", LISTED, role="transferee"), subject("李四"), matter=FLAT)
    response = await service.post("/v1/checks/batch", {"checks": [good, mixed, good]})
    first, refused, last = response.json()["results"]
    assert (first["status"], refused["status"], last["status"]) == (200, 422, 200)
    assert (first["check"]["decision"], refused["problem"]["code"]) == ("block", "subject-not-covered")
    assert [error["pointer"] for error in refused["problem"]["errors"]] == ["/subjects/1/role"]
    recorded = await service.fetch("SELECT action FROM ledger_entries WHERE action IN ('check', 'refused')")
    assert sorted(one["action"] for one in recorded) == ["check", "check", "refused"]


async def test_each_matter_says_which_roles_and_kinds_it_covers(service: Service):
    items = {one["matter"]: one for one in (await service.get("/v1/matters")).json()["items"]}
    assert items[FLAT]["roles"] == ["transferor", "transferee"]
    assert items["civil_service_recruitment"]["kinds"] == ["person"]
    assert items["customs_certification"]["kinds"] == ["organisation"]
    assert (items["police_dispatch"]["roles"], items["police_dispatch"]["kinds"]) == ([], [])
    for item in items.values():
        for measure in item["measures"]:
            is_judging = measure["class"] != "none" and measure["valid_from"] <= legal_date(now()).isoformat()
            if is_judging and (measure["valid_to"] or day()) >= day():
                assert set(measure["roles"]) <= set(item["roles"])
                assert set(measure["kinds"]) <= set(item["kinds"])


async def test_a_replay_judges_a_role_as_it_was_and_never_refuses(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    asked = {"matter": FLAT, "at": now().isoformat()}
    who = {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": LISTED}}
    given = await service.post("/v1/audit/as-of", asked | {"subject": who | {"role": "applicant"}}, key="auditor")
    assert (given.status_code, given.json()["decision"]) == (200, "clear")
    absent = await service.post("/v1/audit/as-of", asked | {"subject": who}, key="auditor")
    assert (absent.status_code, absent.json()["decision"]) == (200, "block")
