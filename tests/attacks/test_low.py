"""Findings of low severity: what other courts, the public, a second officer or a clock could learn; ambiguous export
bundles.
"""

import io
import statistics
import time
import zipfile
from pathlib import Path
from uuid import uuid4

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.audit.verify_bundle import Doubt, _verify_container
from blacklist_service.members.rules import MemberKind
from blacklist_service.subjects.free_texts import holds_number, mask_numbers
from tests.attacks.imports import add_other_court, as_csv, load
from tests.durability.serving import publication
from tests.support import Service, day, question, resident_id, row, subject

NUMBER = "530111198503170015"


async def test_what_ended_in_its_grace_is_its_own_courts_alone(service: Service):
    await add_other_court(service)
    body = publication(resident_id(), 1, published_on=None, grace_until=day(10), expires_on=None)
    made = (await service.post("/v1/listings", body, key="court")).json()
    path = f"/v1/listings/{made['listing_id']}"
    deletion = {"ground": "performed", "decided_on": day(), "note": "内部"}
    ended = await service.post(f"{path}/deletion", deletion, key="court", **{"If-Match": '"1"'})
    assert ended.status_code == 200, ended.text
    for address in (path, f"{path}/history"):
        assert (await service.get(address, key="court")).status_code == 200
        assert (await service.get(address, key="other court")).status_code == 404
    assert (await service.get("/v1/listings", key="other court")).json()["items"] == []
    assert len((await service.get("/v1/listings", key="court")).json()["items"]) == 1


async def test_other_courts_see_what_was_done_and_not_what_was_noted(service: Service):
    await add_other_court(service)
    body = publication(resident_id(), 2)
    made = (await service.post("/v1/listings", body | {"operator": "李法官"}, key="court")).json()
    path = f"/v1/listings/{made['listing_id']}"
    act = {"reason": "内部理由", "decided_on": day(), "operator": "李法官"}
    done = await service.post(f"{path}/withdrawal", act, key="court", **{"If-Match": '"1"'})
    assert done.status_code == 200, done.text
    own = (await service.get(f"{path}/history", key="court")).text
    others = await service.get(f"{path}/history", key="other court")
    assert "内部理由" in own
    assert others.status_code == 200
    assert "内部理由" not in others.text
    assert "李法官" not in others.text
    assert [one["act"] for one in others.json()["items"]] == ["published", "withdrawn"]


@pytest.mark.parametrize(
    "text",
    [NUMBER, "53011119850317001X", "530111 19850317 0015", "530111-19850317-0015", "５３０１１１１９８５０３１７００１５",
     "530111850317001", "6222 0212 3456 7890 123", "13812345678", "138-1234-5678"],
)  # fmt: skip
def test_a_number_in_a_text_is_masked(text: str):
    masked = mask_numbers(f"支付张三（身份证{text}）120000元")
    assert text not in masked
    assert masked.startswith("支付张三（身份证")
    assert masked.endswith("）120000元")
    assert holds_number(text)


@pytest.mark.parametrize(
    "text", ["支付货款120000元", "(2025)云0111执1234号之一", "2025-01-05 至 2026-01-05", "1,200,000.00", ""]
)
def test_what_is_no_persons_number_stays(text: str):
    assert mask_numbers(text) == text
    assert not holds_number(text)


async def test_numbers_in_free_texts_are_masked_for_all_but_the_court(service: Service):
    await add_other_court(service)
    told = f"向张三（{NUMBER}）付款"
    state = await load(service, as_csv(row(identifier_number=NUMBER, obligation=told, basis_issuer=told)))
    warned = await service.get(f"/v1/imports/{state['import_id']}/rows", key="court", status="warned")
    assert "number-in-text" in [one["code"] for one in warned.json()["items"]]
    [listing] = (await service.get("/v1/changes?after=0", key="agency")).json()["items"]
    path = f"/v1/listings/{listing['listing_id']}"
    assert (await service.get(path, key="court")).json()["obligation"] == told
    for key, address in (
        ("agency", "/v1/changes?after=0"),
        ("agency", "/v1/publication?format=csv"),
        ("agency", "/v1/publication?format=jsonl"),
        ("other court", path),
        ("other court", f"{path}/history"),
        ("other court", "/v1/listings"),
    ):
        shown = await service.client.get(address, headers=service.bearer(key))
        assert shown.status_code == 200, shown.text
        assert "向张三" in shown.text
        assert NUMBER not in shown.text, address
        if "csv" in address:
            assert "5301**********0015" in shown.text.splitlines()[1].split(",")


async def test_a_long_text_is_cut_where_the_whole_list_is_shown_and_nowhere_else(service: Service):
    obligation = "偿" * 5000
    await load(service, as_csv(row(obligation=obligation)))
    shown = (await service.get("/v1/publication?format=jsonl", key="agency")).json()["obligation"]
    assert (len(shown), shown[-1]) == (2001, "…")
    [change] = (await service.get("/v1/changes?after=0", key="agency")).json()["items"]
    assert change["listing"]["obligation"] == obligation


async def test_a_formula_in_a_header_stays_a_text(service: Service):
    state = await load(service, as_csv(row(name="") | {'=HYPERLINK("http://x")': "1"}))
    response = await service.client.get(
        f"/v1/imports/{state['import_id']}/rows", headers=service.bearer("court") | {"Accept": "text/csv"}
    )
    header = response.text.removeprefix("\ufeff").splitlines()[0]
    assert "HYPERLINK" in header
    assert not [cell for cell in header.replace('"', "").split(",") if cell.startswith("=")]


async def test_a_key_that_was_made_is_shown_once(service: Service):
    await service.add_member("GD-SECURITY", MemberKind.AGENCY)
    for name in ("one", "two"):
        service.keys[name] = await service.add_key("GD-SECURITY", Role.SECURITY)
    ask = {"role": "agency", "days": 30}
    made = await service.post("/v1/members/GD-HR/keys", ask, key="one", **{"Idempotency-Key": "k1"})
    assert (made.status_code, made.json()["key"][:4]) == (201, "sxd_"), made.text
    for key in ("one", "two"):
        again = await service.post("/v1/members/GD-HR/keys", ask, key=key, **{"Idempotency-Key": "k1"})
        assert (again.status_code, again.json()) == (201, {"key_id": made.json()["key_id"], "key": None})
    assert (await service.fetch("SELECT count(*) FROM api_keys WHERE id = $1", made.json()["key_id"]))[0][0] == 1


async def test_time_does_not_tell_whether_anothers_check_exists(service: Service):
    asked = await service.post("/v1/checks", question(subject("张三")), key="other agency")
    there, missing = asked.json()["check_id"], str(uuid4())
    now = asked.json()["check_id"][:13]
    for path in ("/v1/checks/{}", "/v1/checks/{}/receipt", "/v1/checks/{}/outcome"):
        before = await count_refusals(service)
        answers = [await service.get(path.format(one), key="agency") for one in (there, missing, now + missing[13:])]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert len({answer.json()["detail"] for answer in answers}) == 1
        assert await count_refusals(service) - before == 3, path
    times: dict[str, list[float]] = {there: [], missing: []}
    for _ in range(60):
        for one, spent in times.items():
            began = time.perf_counter()
            await service.get(f"/v1/checks/{one}", key="agency")
            spent.append(time.perf_counter() - began)
    ratio = statistics.median(times[there]) / statistics.median(times[missing])
    assert 0.6 < ratio < 1.6


async def count_refusals(service: Service) -> int:
    count: int = (await service.fetch("SELECT count(*) FROM ledger_entries WHERE action = 'refused'"))[0][0]
    return count


def a_zip(path: Path, content: bytes = b"{}") -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("manifest.json", content)
        bundle.writestr("checkpoint", b"x")
    return path.read_bytes()


def test_a_bundle_is_one_zip_and_no_bomb(tmp_path: Path):
    good = a_zip(tmp_path / "good.zip")
    with zipfile.ZipFile(io.BytesIO(good)) as bundle:
        _verify_container(bundle)
    for bad in (
        a_zip(tmp_path / "forged.zip", b"[]") + good,
        b"#!/bin/sh\n" + good,
        a_zip(tmp_path / "b", b" " * (64 << 20)),
    ):
        with pytest.raises(Doubt), zipfile.ZipFile(io.BytesIO(bad)) as bundle:
            _verify_container(bundle)
