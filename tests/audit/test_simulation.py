"""What a catalogue would have answered, before it is put in force."""

import json
from datetime import timedelta
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.audit import simulation
from blacklist_service.audit.simulation_jobs import simulate_next
from blacklist_service.checks.answers import ListAges
from blacklist_service.measures.operations import founding_catalogue
from tests.support import Service, day, resident_id, row, subject

LISTED, BOSS = resident_id(81), resident_id(82)
COMPANY = "91530111080734599W"


@pytest.fixture
async def asked(service: Service) -> Service:
    """Checks of two units about a listed person, a listed company's representative, and one who is on no list."""
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    service.keys["other security"] = await service.add_key("GD-EDU", Role.SECURITY)
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    company = {
        "case_number": "(2025)云0111执901号",
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
                    "from": None,
                    "to": None,
                }
            ],
        },
        "circumstances": ["C4"],
        "decision": {"document_number": "d-901", "decided_on": day(-10)},
        "published_on": day(-5),
        "expires_on": day(600),
    }
    assert (await service.post("/v1/listings", company, key="court")).status_code == 201
    for key in ("agency", "agency", "other agency"):
        await ask(service, subject("张三", LISTED), key=key)
    await ask(service, subject("王五", resident_id(83)))
    await ask(service, subject("赵老板", BOSS), matter="civil_service_recruitment")
    await ask(service, subject("张三", LISTED, role="bidder"), matter="government_procurement")
    return service


async def ask(service: Service, *subjects: Any, key: str = "agency", matter: str = "civil_service_recruitment") -> None:
    body = {"matter": matter, "reference": "S-1", "subjects": list(subjects)}
    response = await service.post("/v1/checks", body, key=key)
    assert response.status_code == 200, response.text


def candidate(**changes: dict[str, Any]) -> dict[str, Any]:
    """The founding catalogue as it is sent, some matters' measures changed."""
    document: dict[str, Any] = founding_catalogue().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for matter in document["matters"]:
        for measure in matter["measures"]:
            measure.update(changes.get(matter["code"], {}))
    return document


async def simulated(service: Service, catalogue: dict[str, Any]) -> dict[str, Any]:
    begun = await service.post("/v1/measures/simulation", catalogue, key="security")
    assert (begun.status_code, begun.json()["state"], begun.json()["progress"]) == (202, "queued", 0.0), begun.text
    async with service.workplace.connected() as connection:
        assert await simulate_next(connection, service.workplace.secrecy)
        assert not await simulate_next(connection, service.workplace.secrecy)
    path = f"/v1/measures/simulation/{begun.json()['simulation_id']}"
    done = (await service.get(path, key="security")).json()
    assert (done["state"], done["progress"]) == ("done", 1.0), done
    result: dict[str, Any] = done["result"]
    return result


async def test_what_is_in_force_changes_nothing(asked: Service):
    found = await simulated(asked, candidate())
    assert (found["checks"], found["sampled"], found["not_reproduced"], found["changed"]) == (6, 6, 0, 0)
    assert found["changes"] == found["no_longer_covered"] == []


async def test_it_counts_by_matter_unit_and_direction_and_names_nobody(asked: Service):
    found = await simulated(asked, candidate(civil_service_recruitment={"class": "reference"}))
    assert found["changes"] == [
        {"matter": "civil_service_recruitment", "agency": "GD-HR", "from": "block", "to": "flag", "checks": 2},
        {"matter": "civil_service_recruitment", "agency": "GD-EDU", "from": "block", "to": "flag", "checks": 1},
    ]
    shown = json.dumps(found, ensure_ascii=False)
    assert not any(words in shown for words in ("张三", LISTED, "S-1"))
    assert await asked.decide(subject("张三", LISTED)) == "block"


async def test_whom_a_wider_measure_would_hit_is_found_though_no_answer_showed_them(asked: Service):
    wider = candidate(civil_service_recruitment={"relations": ["debtor", "legal_representative"]})
    [change] = (await simulated(asked, wider))["changes"]
    assert (change["from"], change["to"], change["checks"]) == ("clear", "block", 1)


async def test_roles_and_kinds_that_units_asked_about_and_nothing_covers_any_more(asked: Service):
    narrower = candidate(
        government_procurement={"roles": ["consortium_member"]}, civil_service_recruitment={"kinds": ["organisation"]}
    )
    found = await simulated(asked, narrower)
    assert {
        (one["matter"], one["role"], one["kind"], one["agency"], one["subjects"]) for one in found["no_longer_covered"]
    } == {
        ("civil_service_recruitment", "applicant", "person", "GD-HR", 4),
        ("civil_service_recruitment", "applicant", "person", "GD-EDU", 1),
        ("government_procurement", "bidder", "person", "GD-HR", 1),
    }
    assert {(one["from"], one["to"], one["checks"]) for one in found["changes"] if one["agency"] == "GD-HR"} == {
        ("block", "refused", 2),
        ("clear", "refused", 2),
        ("block", "refused", 1),
    }


async def test_a_candidate_answers_by_its_articles_of_today(asked: Service):
    later = candidate(civil_service_recruitment={"valid_from": day(1), "valid_to": None})
    found = await simulated(asked, later)
    assert {one["matter"] for one in found["no_longer_covered"]} == {"civil_service_recruitment"}
    begun_today = candidate(civil_service_recruitment={"valid_from": day(), "valid_to": None, "class": "restriction"})
    assert (await simulated(asked, begun_today))["changed"] == 3


async def test_what_cannot_be_reproduced_is_counted_and_left_out(asked: Service):
    async with asked.workplace.connected() as connection:
        await connection.execute("UPDATE court_feeds SET alive_at = alive_at - interval '9 days'")
    asked.app.state.batcher._answerer._ages = ListAges(soft=timedelta(days=1))
    await ask(asked, subject("王五", resident_id(83)))
    found = await simulated(asked, candidate(civil_service_recruitment={"class": "reference"}))
    assert (found["sampled"], found["not_reproduced"], found["changed"]) == (7, 1, 3)


async def test_an_even_share_of_many_is_looked_at(asked: Service, monkeypatch: pytest.MonkeyPatch):
    for _ in range(60):
        await ask(asked, subject("王五", resident_id(83)))
    monkeypatch.setattr(simulation, "MOST_CHECKS", 22)
    monkeypatch.setattr(simulation, "CHUNK", 7)
    found = await simulated(asked, candidate())
    assert found["checks"] == 66
    assert 5 <= found["sampled"] <= 45


async def test_days_that_were_counted_and_the_open_one_make_the_whole(asked: Service):
    async with asked.workplace.connected() as connection:
        await connection.execute(
            "INSERT INTO check_days SELECT current_date - 2, 'GD-HR', 'civil_service_recruitment', 'clear', 1000, now()"
        )
        await connection.execute("INSERT INTO check_days_counted VALUES (current_date - 2, now())")
    assert (await simulated(asked, candidate()))["checks"] == 1006


async def test_only_the_security_officer_simulates_and_it_is_recorded(asked: Service):
    for key in ("agency", "court", "auditor"):
        assert (await asked.post("/v1/measures/simulation", candidate(), key=key)).status_code == 403
    begun = await asked.post("/v1/measures/simulation", candidate(), key="security")
    path = f"/v1/measures/simulation/{begun.json()['simulation_id']}"
    assert (await asked.get(path, key="other security")).status_code == 404
    assert (await asked.get(f"/v1/measures/simulation/{resident_id(1)}", key="security")).status_code == 422
    wrong = await asked.post("/v1/measures/simulation", {"matters": [{"code": "x"}]}, key="security")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid-request")
    entries = await asked.fetch("SELECT action FROM ledger_entries WHERE action = 'measures_simulated'")
    assert len(entries) == 1


async def test_one_that_was_begun_and_never_ended_is_taken_up_again_and_given_up_in_the_end(asked: Service):
    begun = await asked.post("/v1/measures/simulation", candidate(), key="security")
    async with asked.workplace.connected() as connection:
        await connection.execute("UPDATE simulations SET state = 'running', attempts = 3")
        assert await simulate_next(connection, asked.workplace.secrecy)
    path = f"/v1/measures/simulation/{begun.json()['simulation_id']}"
    given_up = (await asked.get(path, key="security")).json()
    assert (given_up["state"], given_up["result"]) == ("failed", None)
    assert "never ended" in given_up["problem"]
