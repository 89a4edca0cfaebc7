"""A fuller number is the same listing: what was first sent masked, without a number or by an old code is listed once."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from blacklist_service.access.scopes import Role
from tests.journeys.test_imports_over_http import as_csv, load, work
from tests.support import COURT_CODE, Service, day, row, subject

FAULTS = Path(__file__).parents[2].parent / "shared" / "faults"
FULL, FIRM_FULL = "530111196611027540", "91530111MA6K70055Q"
FIRM = "昆明戊号有限公司"


def person(number: str, **values: Any) -> dict[str, str]:
    usual: dict[str, Any] = {"name": "戊一一", "case_number": "(2024)云0111执9036号", "identifier_type": ""}
    return row(**usual | {"identifier_number": number, "decision_number": "之一"} | values)


def firm(number: str, **values: Any) -> dict[str, str]:
    usual: dict[str, Any] = {"name": FIRM, "kind": "organisation", "case_number": "(2024)云0111执9037号"}
    return row(**usual | {"identifier_type": "", "identifier_number": number, "decision_number": "之一"} | values)


async def ask_person(service: Service) -> str:
    return await service.decide(subject("戊一一", FULL))


async def ask_firm(service: Service) -> str:
    asked = subject(FIRM, FIRM_FULL, type="uscc", kind="organisation", role="bidder")
    return await service.decide(asked, matter="government_procurement")


async def living(service: Service) -> list[UUID]:
    return [one["id"] for one in await service.fetch("SELECT id FROM listings WHERE ended IS NULL ORDER BY id")]


async def warned(service: Service, loaded: dict[str, Any]) -> list[tuple[int, str, list[str]]]:
    path = f"/v1/imports/{loaded['import_id']}/rows"
    items = (await service.get(path, key="court", status="warned")).json()["items"]
    return [(one["row"], one["code"], one.get("listing_ids", [])) for one in items]


async def rejected(service: Service, loaded: dict[str, Any]) -> list[tuple[int, str, list[str]]]:
    path = f"/v1/imports/{loaded['import_id']}/rows"
    items = (await service.get(path, key="court", status="rejected")).json()["items"]
    return [(one["row"], one["code"], one.get("listing_ids", [])) for one in items]


@pytest.mark.skipif(not FAULTS.is_dir(), reason="the papers are not here")
async def test_the_fault_that_was_found(service: Service):  # fault 05
    loaded = [await load(service, (FAULTS / f"05{name}.csv").read_bytes()) for name in ("a-first", "b-second")]
    assert [one["rows"]["created"] for one in loaded] == [2, 0]
    assert loaded[1]["rows"]["corrected"] == 2
    assert {code for _, code, _ in await warned(service, loaded[1])} == {"identifier-completed"}
    assert (await ask_person(service), await ask_firm(service)) == ("block", "block")
    done = await load(service, (FAULTS / "05c-delete.csv").read_bytes())
    assert done["rows"]["ended"] == 2
    assert (await ask_person(service), await ask_firm(service)) == ("clear", "clear")


LESSER = ["", "5301111966****7540", "53011119661****7540", "530111************", "530111********7540"]


@pytest.mark.parametrize("lesser", LESSER)
@pytest.mark.parametrize("is_one_file", [True, False])
async def test_a_persons_fuller_number_is_a_correction(service: Service, lesser: str, is_one_file: bool):
    first, second = person(lesser), person(FULL)
    for rows in [[first, second]] if is_one_file else [[first], [second]]:
        loaded = await load(service, as_csv(*rows))
    assert loaded["rows"]["corrected"] == 1
    assert "identifier-completed" in [code for _, code, _ in await warned(service, loaded)]
    assert len(await living(service)) == 1
    assert await ask_person(service) == "block"
    # Both ways of writing it name the listing from now on, and the old file changes nothing.
    assert (await load(service, as_csv(first)))["rows"]["unchanged"] == 1
    deletion = first | {"action": "delete", "ground": "early_by_decision", "decided_on": day()}
    assert (await load(service, as_csv(deletion)))["rows"]["ended"] == 1
    assert await ask_person(service) == "clear"


@pytest.mark.parametrize("lesser", ["", "MA6K70055", "MA6K7005-5", "530111000012345"])
async def test_an_organisations_fuller_number_is_a_correction(service: Service, lesser: str):
    await load(service, as_csv(firm(lesser)))
    loaded = await load(service, as_csv(firm(FIRM_FULL)))
    assert (loaded["rows"]["corrected"], len(await living(service)), await ask_firm(service)) == (1, 1, "block")


async def test_another_number_is_another_debtor_and_the_court_is_told(service: Service):
    await load(service, as_csv(person("5301111985****0015")))
    loaded = await load(service, as_csv(person(FULL)))
    first = (await living(service))[0]
    assert loaded["rows"]["created"] == 1
    assert await warned(service, loaded) == [(2, "possible-duplicate", [str(first)])]
    for code in ("10162374-1", FIRM_FULL):
        loaded = await load(service, as_csv(firm(code)))
        assert loaded["rows"]["created"] == 1


async def test_a_number_that_says_less_than_the_list_holds_is_refused_and_ends_nothing(service: Service):
    await load(service, as_csv(person(FULL)))
    [held] = await living(service)
    for mode in ("upsert", "snapshot"):
        loaded = await load(service, as_csv(person("5301111966****7540")), mode=mode)
        if loaded["state"] == "awaiting_confirmation":
            second = await service.add_key("GD-COURT", Role.COURT)
            await service.post(f"/v1/imports/{loaded['import_id']}/confirmation", {}, key=second)
            await work(service)
        assert await rejected(service, loaded) == [(2, "possible-duplicate", [str(held)])]
        assert (await living(service), await ask_person(service)) == ([held], "block")


async def test_where_two_could_be_meant_the_row_is_refused(service: Service):
    await two_copies(service)
    loaded = await load(service, as_csv(person(FULL)))
    [(_, code, named)] = await rejected(service, loaded)
    assert (code, sorted(named)) == ("possible-duplicate", sorted(map(str, await living(service))))


async def two_copies(service: Service) -> None:
    """As the version before left them: one debtor twice in one case, under two masks."""
    await load(
        service, as_csv(person("5301111966****7540"), person("530111************", case_number="(2024)云0111执1号"))
    )
    async with service.workplace.connected() as connection:
        await connection.execute(
            """
            UPDATE listings l SET case_number = o.case_number, loose_key = o.loose_key
            FROM listings o WHERE l.case_number = '(2024)云0111执1号' AND o.case_number <> l.case_number
            """
        )


async def test_an_ended_listing_is_not_listed_again_under_a_fuller_number(service: Service):
    await load(service, as_csv(person("5301111966****7540")))
    deletion = person("") | {"action": "delete", "ground": "early_by_decision", "decided_on": day(-5)}
    assert (await load(service, as_csv(deletion)))["rows"]["ended"] == 1
    loaded = await load(service, as_csv(person(FULL)))
    assert (loaded["rows"]["unchanged"], await ask_person(service)) == (1, "clear")
    again = person(FULL, decided_on=day(-1), decision_number="新")
    assert (await load(service, as_csv(again)))["rows"]["created"] == 1
    assert await ask_person(service) == "block"


def publication(number: str | None) -> dict[str, Any]:
    identifier = {"type": "resident_id", "number": number} if number else None
    return {
        "case_number": "(2024)云0111执9036号",
        "court": {"code": COURT_CODE},
        "debtor": {"kind": "person", "name": "戊一一", "identifier": identifier},
        "circumstances": ["C4"],
        "decision": {"document_number": "之一", "decided_on": day(-3)},
        "published_on": day(-1),
        "expires_on": day(700),
    }


async def test_over_http_a_fuller_number_names_the_correction_and_that_completes_it(service: Service):
    made = (await service.post("/v1/listings", publication("5301111966****7540"), key="court")).json()
    again = await service.post("/v1/listings", publication(FULL), key="court")
    path = f"/v1/listings/{made['listing_id']}/correction"
    assert (again.status_code, again.json()["code"], again.json()["correction"]) == (409, "conflict", path)
    body = {"listing": publication(FULL), "reason": "补全证件号码", "decided_on": day()}
    done = await service.post(path, body, key="court", **{"If-Match": '"1"'})
    assert (done.status_code, done.json()["warnings"]) == (200, ["identifier-completed"])
    assert await ask_person(service) == "block"
    less = await service.post("/v1/listings", publication(None), key="court")
    assert (less.status_code, less.json()["code"], less.json()["listing_ids"]) == (
        409,
        "possible-duplicate",
        [made["listing_id"]],
    )


async def test_ending_one_of_two_copies_names_the_other(service: Service):
    await two_copies(service)
    first, other = await living(service)
    version = {"If-Match": '"1"'}
    body = {"ground": "early_by_decision", "decided_on": day()}
    done = (await service.post(f"/v1/listings/{first}/deletion", body, key="court", **version)).json()
    assert (done["warnings"], done["other_listings"]) == (["possible-duplicate"], [str(other)])
    deletion = person("5301111966****7540") | {"action": "撤销", "decided_on": day()}
    loaded = await load(service, as_csv(deletion))
    assert await warned(service, loaded) == [(2, "possible-duplicate", [str(other)])]
