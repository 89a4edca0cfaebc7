"""The certificate of removal: from the court's deletion to anybody who holds the page and the log's key."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blacklist_service.cli.commands import app
from blacklist_service.ledger.notes import VerifierKey
from blacklist_service.listings import certificates, letter_routes
from blacklist_service.listings.certificates import CertificateError, verify
from tests.journeys.test_life_of_a_listing import act, publish
from tests.ledger.sealing import begin, seal_all
from tests.support import Service, day

ENDED = {"ground": "performed", "decided_on": day()}


@pytest.fixture
async def log(service: Service, tmp_path: Path) -> AsyncIterator[Any]:
    """The service's log, and who seals it, as `serve` does beside the web."""
    place = await begin(service.workplace.dsn, tmp_path / "log")

    async def keep_sealing() -> None:
        while True:
            await seal_all(service.workplace.dsn, place)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(keep_sealing())
    yield place
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def issue(service: Service, listing: dict[str, Any], key: str = "court") -> Any:
    return await service.post(f"/v1/listings/{listing['listing_id']}/removal-certificate", {}, key=key)


async def keys(service: Service) -> list[VerifierKey]:
    text = (await service.get("/v1/ledger/vkey", key="auditor")).text
    return [VerifierKey.parse(line) for line in text.splitlines()]


async def certified(service: Service, **ending: Any) -> str:
    listing = await publish(service)
    deleted = await act(service, listing, "deletion", ENDED | ending)
    assert deleted.status_code == 200
    issued = await issue(service, listing)
    assert issued.status_code == 201, issued.text
    return str(issued.text)


async def test_from_the_deletion_to_whoever_holds_the_page(service: Service, log: Any, tmp_path: Path):
    page = await certified(service)
    for words in (
        "失信信息解除证明",
        "失信解除1号",
        "全部履行",
        "不涉及该当事人在其他案件",
        "verify-certificate",
        "5301",
    ):
        assert words in page
    found = verify(page, await keys(service))
    assert (found.statement["ended"], found.statement["issued_on"]) == ("deleted", day())
    assert certificates.ENDINGS["withdrawn"] not in page

    file, vkey = tmp_path / "certificate.html", tmp_path / "vkey"
    file.write_text(page, "utf-8")
    vkey.write_text((await service.get("/v1/ledger/vkey", key="auditor")).text, "utf-8")
    typed = ["audit", "verify-certificate", str(file), "--vkey", str(vkey)]
    verified = await asyncio.to_thread(CliRunner().invoke, app, typed)
    assert verified.exit_code == 0, verified.output
    assert found.statement["number"] in verified.output
    file.write_text(page.replace("张三", "李四"), "utf-8")
    assert (await asyncio.to_thread(CliRunner().invoke, app, typed)).exit_code == 1


async def test_every_letter_of_the_page_is_held(service: Service, log: Any):
    page = await certified(service)
    known = await keys(service)
    for old, new in (
        ("张三", "李四"),
        ("执行案号", "执行条号"),
        (certificates.ENDINGS["deleted"], certificates.ENDINGS["withdrawn"]),
        (certificates.OTHERS, ""),
        ('<pre id="receipt">', '<pre id="receipt">x'),
        ('<pre id="leaf">', '<pre id="leaf">AAAA'),
        ('<pre id="statement">', '<pre id="statement">AAAA'),
        ("</body>", "<p>另附</p></body>"),
    ):
        assert old in page
        with pytest.raises(CertificateError):
            verify(page.replace(old, new, 1), known)
    with pytest.raises(CertificateError):
        verify("<html></html>", known)
    with pytest.raises(CertificateError):
        verify(page, [])
    assert verify(page.replace("\n", "\r\n"), known)


async def test_another_logs_key_verifies_nothing(service: Service, log: Any):
    page = await certified(service)
    [own] = await keys(service)
    with pytest.raises(CertificateError):
        verify(page, [VerifierKey(own.name, bytes(32))])


async def test_a_withdrawn_listing_was_wrong_from_the_start(service: Service, log: Any):
    listing = await publish(service)
    await act(service, listing, "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    page = (await issue(service, listing)).text
    assert "自始不应纳入" in page
    assert verify(page, await keys(service)).statement["ended"] == "withdrawn"


async def test_each_issue_has_its_number_and_is_an_entry(service: Service, log: Any):
    listing = await publish(service)
    await act(service, listing, "deletion", ENDED)
    first, second = await issue(service, listing), await issue(service, listing)
    known = await keys(service)
    numbers = [verify(page.text, known).statement["number"] for page in (first, second)]
    assert [number[-3:] for number in numbers] == ["除1号", "除2号"]
    entries = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'removal_certified'")
    assert len(entries) == 2
    assert "张三".encode() not in b"".join(entry["leaf"] for entry in entries)
    again = await service.get(first.headers["location"], key="court")
    assert again.status_code == 200
    assert verify(again.text, known).statement["number"] == numbers[0]


async def test_a_retry_is_the_certificate_that_was_issued(service: Service, log: Any):
    listing = await publish(service)
    await act(service, listing, "deletion", ENDED)
    path = f"/v1/listings/{listing['listing_id']}/removal-certificate"
    first, again = [await service.post(path, {}, key="court", **{"Idempotency-Key": "certify-1"}) for _ in range(2)]
    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["Location"] == first.headers["Location"]
    reused = await service.post(path, {"operator": "li.na"}, key="court", **{"Idempotency-Key": "certify-1"})
    assert reused.json()["code"] == "idempotency-key-reused"
    assert (await service.fetch("SELECT count(*) AS n FROM removal_certificates"))[0]["n"] == 1


async def test_until_it_is_sealed_it_is_not_there_yet(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(letter_routes, "SEALED_WITHIN_SECONDS", 0.2)
    listing = await publish(service)
    await act(service, listing, "deletion", ENDED)
    issued = await issue(service, listing)
    assert (issued.status_code, issued.headers["retry-after"]) == (202, "1")
    assert (await service.get(issued.headers["location"], key="court")).status_code == 202


async def test_what_is_refused(service: Service):
    listing = await publish(service)
    assert (await issue(service, listing)).status_code == 409
    for key in ("agency", "auditor"):
        assert (await issue(service, listing, key=key)).status_code == 403
    unknown = await issue(service, {"listing_id": "0197c9a5-7c00-7000-8000-000000000001"})
    assert unknown.status_code == 404
    place = f"/v1/listings/{listing['listing_id']}/removal-certificate/{listing['listing_id']}"
    assert (await service.get(place, key="court")).status_code == 404
    [rows] = await service.fetch("SELECT count(*) AS n FROM removal_certificates")
    assert rows["n"] == 0
