"""Notifying others of a listing (Art. 8): the record, the letter to print, and the proof."""

from typing import Any

import pytest

from tests.journeys.test_life_of_a_listing import act, publish
from tests.support import Service, day

TOLD = {
    "addressee_kind": "employer",
    "addressee": "昆明市官渡区某某中学",
    "sent_on": day(),
    "means": "机要交换",
    "operator": "li.na",
}


async def tell(service: Service, listing: dict[str, Any], *, key: str = "court", **values: Any) -> Any:
    return await service.post(f"/v1/listings/{listing['listing_id']}/notifications", TOLD | values, key=key)


async def test_an_employer_is_told_and_the_ledger_proves_it(service: Service):
    listing = await publish(service)
    told = await tell(service, listing)
    assert told.status_code == 201, told.text
    path = f"/v1/listings/{listing['listing_id']}/notifications"
    assert (await service.get(path, key="court")).json()["items"] == [told.json()]
    letter = await service.get(f"{path}/{told.json()['notification_id']}/letter", key="court")
    for words in ("通报函", "某某中学", "张三", "工作人员", "昆明市官渡区人民法院", "第八条", "机要交换"):
        assert words in letter.text
    assert "default-src 'none'" in letter.headers["content-security-policy"]
    [entry] = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'listing_notified'")
    assert b"employer" in entry["leaf"]
    assert "某某中学".encode() not in entry["leaf"]
    [stored] = await service.fetch("SELECT n::text AS text FROM listing_notifications n")
    assert "某某中学" not in stored["text"]


@pytest.mark.parametrize("kind", ["employer", "superior", "investor", "credit_bureau", "industry_body"])
async def test_each_addressee_has_its_letter(service: Service, kind: str):
    listing = await publish(service)
    told = (await tell(service, listing, addressee_kind=kind, addressee="<b>某单位</b>")).json()
    path = f"/v1/listings/{listing['listing_id']}/notifications/{told['notification_id']}/letter"
    letter = (await service.get(path, key="court")).text
    assert "&lt;b&gt;某单位" in letter


async def test_what_is_refused(service: Service):
    listing = await publish(service)
    assert (await tell(service, listing, sent_on=day(1))).status_code == 422
    assert (await tell(service, listing, addressee_kind="neighbour")).status_code == 422
    for key in ("agency", "auditor"):
        assert (await tell(service, listing, key=key)).status_code == 403
    assert (await tell(service, {"listing_id": "0197c9a5-7c00-7000-8000-000000000001"})).status_code == 404
    path = f"/v1/listings/{listing['listing_id']}/notifications/{listing['listing_id']}/letter"
    assert (await service.get(path, key="court")).status_code == 404
    await act(service, listing, "deletion", {"ground": "performed", "decided_on": day()})
    assert (await tell(service, listing)).status_code == 409
