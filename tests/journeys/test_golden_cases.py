"""The golden cases of domain §6 that ask no special day of the list, over HTTP; the others stand where their life is told.

5: test_notices · 9–14, 20: test_life_of_a_listing · 18: test_objections_and_freshness · 19: test_manners.
"""

import json
from typing import Any

import pytest

from tests.support import Service, day, resident_id, row, subject

PERSON = resident_id(41)
BOSS = resident_id(42)
COMPANY = "91530111080734599W"


def first(answer: dict[str, Any]) -> dict[str, Any]:
    match: dict[str, Any] = answer["subjects"][0]["matches"][0]
    return match


@pytest.fixture
async def company(service: Service) -> Service:
    """A listed company with a representative who is known by number, and one who was replaced."""
    listing = {
        "case_number": "(2025)云0111执900号",
        "court": {"code": "云0111", "name": "昆明市官渡区人民法院"},
        "debtor": {
            "kind": "organisation",
            "name": "昆明某某物流有限公司",
            "identifier": {"type": "uscc", "number": COMPANY},
            "people": [
                {
                    "relation": "legal_representative",
                    "name": "赵老板",
                    "identifier": {"type": "resident_id", "number": BOSS},
                    "from": "2020-01-01",
                    "to": None,
                },
                {
                    "relation": "principal",
                    "name": "钱旧人",
                    "identifier": {"type": "resident_id", "number": resident_id(43)},
                    "from": "2010-01-01",
                    "to": "2019-12-31",
                },
            ],
        },
        "circumstances": ["C4"],
        "decision": {"document_number": "d-900", "decided_on": day(-10)},
        "published_on": day(-5),
        "expires_on": day(600),
    }
    response = await service.post("/v1/listings", listing, key="court")
    assert response.status_code == 201, response.text
    return service


async def test_01_full_number_and_name_block(service: Service):
    await service.load_rows(row(name="张三", identifier_number=PERSON))
    answer = await service.check(subject("张三", PERSON))
    assert (answer["decision"], first(answer)["measure"]["id"], first(answer)["identity"]) == ("block", "M01", "exact")


async def test_02_a_legal_representative_is_not_listed(company: Service):
    assert await company.decide(subject("赵老板", BOSS)) == "clear"


async def test_03_the_same_buys_a_flat_and_is_flagged(company: Service):
    answer = await company.check(subject("赵老板", BOSS, role="transferee"), matter="real_estate_transfer")
    match = first(answer)
    assert (match["effect"], match["reason"], match["relation"]) == ("flag", "restriction", "legal_representative")


async def test_03_one_who_was_replaced_is_clear(company: Service):
    replaced = subject("钱旧人", resident_id(43), role="transferee")
    assert await company.decide(replaced, matter="real_estate_transfer") == "clear"


async def test_04_a_child_of_the_representative_leads_to_a_human(company: Service):
    answer = await company.check(subject("赵老板", BOSS, role="guardian"), matter="private_school_enrolment")
    assert (answer["decision"], first(answer)["reason"]) == ("flag", "restriction")


async def test_06_a_mask_that_fits_is_a_flag(service: Service):
    masked = f"{PERSON[:10]}****{PERSON[14:]}"
    await service.load_rows(row(name="张三", identifier_number=masked))
    match = first(await service.check(subject("张三", PERSON)))
    assert (match["effect"], match["identity"], match["reason"]) == ("flag", "masked", "identity_uncertain")


async def test_07_another_name_under_the_number_is_a_flag(service: Service):
    await service.load_rows(row(name="张三", identifier_number=PERSON))
    assert first(await service.check(subject("李四", PERSON)))["identity"] == "name_differs"


async def test_08_one_of_two_listings_deleted_still_blocks(service: Service):
    case = "(2025)云0111执4401号"
    await service.load_rows(
        row(name="张三", identifier_number=PERSON, case_number=case, expires_on=None),
        row(name="张三", identifier_number=PERSON),
    )
    gone = row(
        name="张三", identifier_number=PERSON, case_number=case, action="delete", ground="performed", decided_on=day()
    )
    await service.load_rows(gone)
    answer = await service.check(subject("张三", PERSON))
    assert (answer["decision"], len(answer["subjects"][0]["matches"])) == ("block", 1)


async def test_15_a_uscc_meets_its_organisation_code(service: Service):
    await service.load_rows(
        row(
            name="某某公司",
            kind="organisation",
            identifier_type="organisation_code",
            identifier_number="10162374-1",
            circumstances="违反财产报告制度",
        )
    )
    who = subject("某某公司", "91110000101623741K", kind="organisation", type="uscc", role="bidder")
    answer = await service.check(who, matter="government_procurement")
    assert (answer["decision"], first(answer)["identity"]) == ("block", "exact")


async def test_16_dots_of_a_name_are_one_dot(service: Service):
    await service.load_rows(row(name="买买提·艾力", identifier_number=PERSON))
    assert await service.decide(subject("买买提•艾力", PERSON)) == "block"


async def test_17_a_wrong_check_digit_is_refused(service: Service):
    wrong = PERSON[:17] + ("1" if PERSON[17] != "1" else "2")
    response = await service.post("/v1/checks", {"matter": "x", "reference": "1", "subjects": []})
    assert response.status_code == 422
    asked = {"matter": "civil_service_recruitment", "reference": "1", "subjects": [subject("张三", wrong)]}
    refused = await service.post("/v1/checks", asked)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-identifier")
    assert wrong not in refused.text


async def test_21_who_is_on_no_list_is_clear_for_every_matter(service: Service):
    for matter in (await service.get("/v1/matters")).json()["items"]:
        if all(measure["class"] == "none" for measure in matter["measures"]):
            continue
        kinds = {measure_kind for measure in matter["measures"] for measure_kind in measure["kinds"] or ["person"]}
        asked = subject("张三", PERSON) if "person" in kinds else subject("甲公司", kind="organisation")
        assert await service.decide(asked | {"role": matter["roles"][0]}, matter=matter["matter"]) == "clear"


async def test_22_fifteen_digits_are_the_eighteen(service: Service):
    eighteen = resident_id(45)
    await service.load_rows(row(name="张三", identifier_number=eighteen))
    fifteen = eighteen[:6] + eighteen[8:17]
    answer = await service.check(subject("张三", fifteen))
    assert (answer["decision"], first(answer)["identity"]) == ("block", "exact")
    assert fifteen not in json.dumps(answer)
