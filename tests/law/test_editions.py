"""Editions of the catalogue as a unit, an auditor and the security officer meet them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.cli.doctoring import _measures
from blacklist_service.database.connections import Connection, connect
from blacklist_service.measures.editions import CatalogueFile, nested
from blacklist_service.measures.operations import apply_measures, founding_catalogue, read_catalogue
from blacklist_service.measures.rules import Catalogue
from blacklist_service.problems import InvalidRequest
from tests.support import TEST, Service, resident_id, row, subject

BOSS = resident_id(71)


@pytest.fixture
async def officer(service: Service) -> Service:
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    return service


async def matters(service: Service, **asked: Any) -> dict[str, list[dict[str, Any]]]:
    response = await service.get("/v1/matters", **asked)
    assert response.status_code == 200, response.text
    return {one["matter"]: one["measures"] for one in response.json()["items"]}


async def test_a_days_rows_are_those_that_stand_on_it(service: Service):
    then = await matters(service, on="2018-05-01", limit=500)
    assert [one["basis"] for one in then["mining_right_transfer"] if one["class"] == "notice_required"] == [
        "民事诉讼法第二百五十一条"
    ]
    assert "supervision_officer_recruitment" not in then
    assert len(then["company_executive_registration"]) == 1
    today = await matters(service, on="2026-11-27", limit=500)
    [row_] = [one for one in today["real_estate_transfer"] if one["id"] == "M15"]
    assert (row_["basis"].partition("；")[0], row_["certainty"], row_["valid_to"]) == (
        "民事诉讼法第二百六十二条",
        "found",
        None,
    )
    assert row_["text"]
    every = await matters(service, limit=500)
    assert len([one for one in every["real_estate_transfer"] if one["id"] == "M15"]) == 4
    assert (await matters(service, on="1999-01-01")) == {}


async def test_pages_of_a_day_are_of_that_day(service: Service):
    first = (await service.get("/v1/matters", on="2018-05-01", limit=5)).json()
    again = await service.get("/v1/matters", on="2018-05-02", limit=5, cursor=first["next"])
    assert (again.status_code, again.json()["code"]) == (422, "invalid-request")
    found, cursor = len(first["items"]), first["next"]
    while cursor:
        page = (await service.get("/v1/matters", on="2018-05-01", limit=5, cursor=cursor)).json()
        found, cursor = found + len(page["items"]), page["next"]
    assert found == len(await matters(service, on="2018-05-01", limit=500))
    assert (await service.get("/v1/matters", on="today")).status_code == 422


async def test_an_old_answer_keeps_its_edition_and_a_new_one_says_the_new(officer: Service):
    await officer.load_rows(row(name="赵老板", identifier_number=BOSS))
    asked = {"matter": "military_enlistment"}
    old = founding_catalogue().model_dump(mode="json", by_alias=True)
    [measure] = next(one for one in old["matters"] if one["code"] == "military_enlistment")["measures"]
    measure |= {"class": "prohibition", "basis": "旧依据", "source": "found", "certainty": "found"}
    put = await officer.client.put("/v1/measures", json=old, headers=officer.bearer("security"))
    assert put.json()["changed"] == ["military_enlistment"], put.text
    before = await officer.check(subject("赵老板", BOSS), **asked)
    async with officer.workplace.connected() as connection, connection.transaction():
        await apply_confirmed(connection, founding_catalogue(), officer)
    after = await officer.check(subject("赵老板", BOSS), **asked)
    assert (before["decision"], after["decision"]) == ("block", "flag")
    kept = (await officer.get(f"/v1/checks/{before['check_id']}")).json()
    assert kept["subjects"][0]["matches"][0]["measure"]["basis"] == "旧依据"
    for answer, decision in ((before, "block"), (after, "flag")):
        question = {"matter": "military_enlistment", "subject": subject("赵老板", BOSS), "at": answer["checked_at"]}
        replayed = await officer.post("/v1/audit/as-of", question, key="auditor")
        assert (replayed.json()["decision"], replayed.json()["measures_version"]) == (
            decision,
            answer["measures_version"],
        )


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[Connection]:
    """As the owner, who may write what the service itself may not."""
    connection = await connect(service.workplace.dsn, role=None)
    try:
        yield connection
    finally:
        await connection.close()


async def apply_confirmed(connection: Connection, catalogue: Catalogue, officer: Service) -> None:
    named: dict[str, Any] = {"actor": TEST, "secrecy": officer.workplace.secrecy}
    shown = (await apply_measures(connection, catalogue, is_dry_run=True, **named)).shown
    await apply_measures(connection, catalogue, confirm=shown.digest, **named)


async def test_the_same_edition_again_is_the_same_version(officer: Service):
    async with officer.workplace.connected() as connection, connection.transaction():
        secrecy = officer.workplace.secrecy
        first = await apply_measures(connection, founding_catalogue(), actor=TEST, secrecy=secrecy)
        own = founding_catalogue().model_copy(update={"founding_edition": 0})
        again = await apply_measures(connection, own, actor=TEST, secrecy=secrecy)
    assert first.version == again.version == 1


async def test_the_doctor_says_that_a_newer_founding_edition_is_there(officer: Service):
    async with connected(officer) as connection:
        assert (await _measures(connection)).seen == "version 1"
        founding = founding_catalogue()
        await connection.execute(
            "UPDATE measures_versions SET catalogue = $1",
            Catalogue(matters=founding.matters[:3]).model_dump(mode="json", by_alias=True, exclude_defaults=True),
        )
        found = await _measures(connection)
        assert found.fault is None
        assert "a newer founding edition is available (2)" in found.seen
        await apply_confirmed(connection, founding, officer)
        assert (await _measures(connection)).seen == "version 2"


def test_todays_form_is_read_as_before():
    text = founding_catalogue().model_dump_json(by_alias=True)
    assert read_catalogue(text) == founding_catalogue()


def test_what_is_referred_to_must_stand_once():
    article = {"basis": "b", "edition": "e", "valid_from": date(2020, 1, 1), "source": "to_be_confirmed"}
    measure = {"id": "M01", "class": "reference", "agency": "a", "relations": ["debtor"], "articles": [article]}
    matter = {"code": "some_matter", "name": "n", "name_en": "n", "measures": ["M01"]}

    def refused(measures, uses) -> str:
        file = CatalogueFile.model_validate({"measures": measures, "matters": [matter | {"measures": uses}]})
        with pytest.raises(InvalidRequest) as raised:
            nested(file)
        return raised.value.errors[0].pointer

    assert refused([measure, measure], ["M01"]) == "/measures/1"
    assert refused([measure], ["M01", "M02"]) == "/matters/0/measures/1"
    assert refused([measure], [{"use": "M01.part"}]) == "/matters/0/measures/0"
    file = {"measures": [measure], "matters": [matter | {"measures": [{"use": "M01", "roles": ["bidder"]}]}]}
    catalogue = Catalogue.model_validate(nested(CatalogueFile.model_validate(file)))
    assert [role.value for role in catalogue.matters[0].measures[0].roles] == ["bidder"]
    assert catalogue.matters[0].measures[0].how_certain == "to_confirm"
