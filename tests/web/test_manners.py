"""Refusals: one form, one order, and nothing of what was sent is repeated."""

import base64
import json
from typing import Any

import httpx
import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.listings.schemas import EXAMPLE_LISTING
from blacklist_service.measures.schemas import CatalogueRequest
from blacklist_service.web.paging import make_cursor
from tests.support import Service, question, resident_id, row, subject

LISTED = resident_id(15)
RIGHT = question(subject("张三", LISTED))


async def test_every_refusal_is_a_problem_with_a_request_id(service: Service):
    for response in (
        await service.get("/nowhere"),
        await service.client.request("DELETE", "/v1/checks"),
        await service.post("/v1/checks", {}),
        await service.client.post("/v1/checks", json=RIGHT),
        await service.get("/v1/checks/not-a-uuid"),
    ):
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["type"] == f"urn:blacklist-service:problem:{problem['code']}"
        assert problem["request_id"] == response.headers["x-request-id"]


async def test_a_method_that_is_not_taken_is_405(service: Service):
    response = await service.client.request("DELETE", "/v1/checks")
    assert (response.status_code, response.json()["code"]) == (405, "method-not-allowed")
    assert response.headers["allow"] == "GET, POST"  # of two routers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"matter":"a","matter":"b"}',
        b'{"reference": NaN}',
        b'{"reference":"\\ud800"}',
        b'{"a":' + b"[" * 300 + b"]" * 300 + b"}",
    ],
)
async def test_what_is_not_strict_json_is_refused(service: Service, body: bytes):
    headers = service.bearer("agency") | {"Content-Type": "application/json"}
    for path in ("/v1/checks", "/v1/checks/batch"):
        response = await service.client.post(path, content=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (422, "invalid-request")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"matter": 5}, "/matter"),
        ({"reference": ""}, "/reference"),
        ({"reference": " \t "}, "/reference"),
        ({"reference": "a\u202eb"}, "/reference"),
        ({"operator": "a\nb\x00"}, "/operator"),
        ({"subjects": []}, "/subjects"),
        ({"subjects": [subject()] * 21}, "/subjects"),
        ({"subjects": [subject(role="king")]}, "/subjects/0/role"),
        ({"subjects": [subject(name="\u200b")]}, "/subjects/0/name"),
        ({"matter": "no_such_matter"}, "/matter"),
    ],
)
async def test_a_body_that_is_wrong_names_the_place(service: Service, change, pointer):
    response = await service.post("/v1/checks", RIGHT | change)
    assert response.status_code == 422
    assert pointer in [error["pointer"] for error in response.json()["errors"]]


@pytest.mark.parametrize("day_", ["9999-12-31", "0001-01-01", "1899-12-31", "2201-01-01", "２０２５-01-01"])
async def test_a_day_of_no_time_is_refused(service: Service, day_: str):
    listing = EXAMPLE_LISTING | {"grace_until": day_}
    response = await service.post("/v1/listings", listing, key="court")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/grace_until")
    response = await service.get("/v1/supervision/scorecard", key="auditor", **{"from": day_, "to": day_})
    assert response.status_code == 422


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_an_instant_of_no_time_is_refused(service: Service, instant: str):
    asked = {"matter": "civil_service_recruitment", "subject": subject(), "at": instant}
    assert (await service.post("/v1/audit/as-of", asked, key="auditor")).status_code == 422
    assert (await service.get("/v1/audit/entries", key="auditor", to=instant)).status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/audit/entries/search", {"limit": "5"}),
        ("/v1/audit/entries/search", {"list_version_to": False}),
        ("/v1/audit/exports", {"list_version_from": 1.0}),
    ],
)
async def test_a_type_is_taken_as_written_in_every_body(service: Service, path: str, body):
    response = await service.post(path, body, key="auditor")
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{name}" for name in body]


async def test_a_cursor_that_was_made_up_is_refused_by_every_page(service: Service):
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    upload = {"file": ("list.csv", "姓名,案号\n", "text/csv")}
    sent = await service.client.post("/v1/imports", files=upload, headers=service.bearer("court"))
    import_id = sent.json()["import_id"]
    pages: dict[str, tuple[str, Any]] = {
        "/v1/members": ("security", None),
        f"/v1/imports/{import_id}/rows": ("court", [import_id, "rejected"]),
        "/v1/audit/entries": ("auditor", {}),
        "/v1/objections": ("court", "None"),
        "/v1/notices": ("court", None),
        "/v1/checks?pending=outcome": ("agency", "pending"),
    }
    positions: list[list[Any]] = [[], [None], ["x", "y"], ["\0"], [10**30, ""], ["9999-12-31T23:59:59-14:00", "0" * 32]]
    for path, (key, filters) in pages.items():
        for position in positions:
            cursor = httpx.URL(f"http://test{path}").copy_merge_params({"cursor": _cursor(position, filters)})
            response = await service.client.get(cursor, headers=service.bearer(key))
            assert response.status_code == 422, (path, position, response.text)


def _cursor(position: list[Any], filters: Any) -> str:
    """As ours are made, but for numbers that ours never hold."""
    text = make_cursor(["at"], filters)
    opened = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    return base64.urlsafe_b64encode(opened.replace('["at"]', json.dumps(position)).encode()).decode().rstrip("=")


async def test_a_code_that_no_member_or_key_could_have_is_refused(service: Service):
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    for path in ("/v1/members/%00", "/v1/members/a%00/keys", f"/v1/members/{'x' * 65}"):
        assert (await service.client.get(path, headers=service.bearer("security"))).status_code == 422
    assert (await service.post("/v1/keys/%00/revocation", {}, key="security")).status_code == 422


async def test_a_tile_of_no_log_is_404_however_long_its_path(service: Service):
    for path in ("0/" + "x001/" * 1500 + "001", "0/" + "x999/" * 11 + "999", "%00"):
        assert (await service.get(f"/v1/ledger/tile/{path}", key="auditor")).status_code == 404


async def test_a_checkpoint_of_a_size_that_no_log_has_is_refused(service: Service):
    note = f"log\n{2**63}\n{'A' * 43}=\n\n— log {'A' * 96}\n"
    assert (await service.post("/v1/ledger/cosignatures", {"note": note}, key="auditor")).status_code == 422


async def test_a_catalogue_that_cannot_be_kept_is_refused(service: Service):
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    extra: Any = CatalogueRequest.model_config["json_schema_extra"]
    [catalogue] = extra["examples"]
    [matter] = catalogue["matters"]
    setting = {"matter": matter["code"], "name": "limit", "value": 2**70, "basis": "x", "valid_from": "2020-01-01"}
    for change in ({"matters": [matter | {"name": "\0"}]}, {"local_settings": [setting]}):
        response = await service.client.put("/v1/measures", json=catalogue | change, headers=service.bearer("security"))
        assert response.status_code == 422, response.text


async def test_an_unknown_field_is_refused_without_repeating_its_name(service: Service):
    response = await service.post("/v1/checks", RIGHT | {LISTED: 1})
    assert response.status_code == 422
    assert LISTED not in response.text


@pytest.mark.parametrize(
    "number", ["530111198503170016", "530111198513170015", "5301111985****0015", "53011119850317", "🙂", "-无-"]
)
async def test_a_number_that_cannot_be_right_is_never_clear(service: Service, number: str):
    response = await service.post("/v1/checks", question(subject("张三", number)))
    assert (response.status_code, response.json()["code"]) == (422, "invalid-identifier")
    assert number not in response.text


async def test_a_credit_code_that_fails_its_check_is_answered_with_a_warning(service: Service):
    asked = subject("某公司", "91350211M0000XUF46", type="uscc", kind="organisation", role="bidder")
    assert "identifier-checksum" in (await service.check(asked, matter="government_procurement"))["warnings"]


async def test_a_body_too_large_is_413(service: Service):
    response = await service.post("/v1/checks", RIGHT | {"operator": "x" * 65_536})
    assert (response.status_code, response.json()["code"]) == (413, "payload-too-large")


async def test_a_body_that_is_not_json_is_415(service: Service):
    response = await service.client.post("/v1/checks", content=b"a=b", headers=service.bearer("agency"))
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")


async def test_refusals_come_in_the_order_key_scope_body_matter(service: Service):
    limited = await service.add_key("GD-HR", Role.AGENCY, matters=["government_procurement"])
    assert (await service.post("/v1/checks", {}, key="nonsense")).status_code == 401
    assert (await service.post("/v1/checks", {}, key="court")).json()["code"] == "scope-missing"
    assert (await service.post("/v1/checks", {}, key=limited)).status_code == 422
    assert (await service.post("/v1/checks", RIGHT, key=limited)).json()["code"] == "matter-not-allowed"


async def test_a_matter_outside_a_keys_own_is_refused_and_recorded(service: Service):  # golden 19
    limited = await service.add_key("GD-HR", Role.AGENCY, matters=["government_procurement"])
    assert (await service.post("/v1/checks", RIGHT, key=limited)).status_code == 403
    [entry] = (await service.get("/v1/audit/entries", key="auditor", action="refused")).json()["items"]
    assert (entry["agency"], entry["matter"], entry["refused_as"]) == (
        "GD-HR",
        "civil_service_recruitment",
        "matter-not-allowed",
    )
    batch = await service.post("/v1/checks/batch", {"checks": [RIGHT]}, key=limited)
    assert batch.json()["results"][0]["status"] == 403
    assert len((await service.get("/v1/audit/entries", key="auditor", action="refused")).json()["items"]) == 2


async def test_no_log_line_metric_or_header_holds_a_number_or_a_key(
    service: Service, capfd: pytest.CaptureFixture[str]
):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    answer = await service.check(subject("张三", LISTED))
    await service.post("/v1/checks", question(subject("张三", LISTED[:-1] + "Y")))
    await service.get(f"/v1/checks/{answer['check_id']}")
    await service.get(f"/v1/checks/{LISTED}")
    metrics = await service.client.get("/metrics")
    printed = "".join(capfd.readouterr())
    secret = service.keys["agency"].split("_")[3]
    for text in (printed, metrics.text, str(metrics.headers)):
        assert LISTED[:17] not in text
        assert secret not in text
        assert answer["check_id"] not in text


async def test_probes_and_docs_need_no_key_and_no_other_host(service: Service):
    assert (await service.client.get("/healthz")).json() == {"status": "alive"}
    assert (await service.client.get("/readyz")).json()["status"] == "ready"
    assert "blacklist_requests" in (await service.client.get("/metrics")).text
    page = (await service.client.get("/docs")).text
    assert "https://" not in page
    assert (await service.client.get("/openapi.json")).json()["openapi"].startswith("3.")


async def test_every_refusal_is_documented_as_the_problem_it_is(service: Service):
    document = (await service.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)
            if "requestBody" in operation:
                assert {"413", "415", "422"} <= operation["responses"].keys(), (method, path)
    assert "HTTPValidationError" not in document["components"]["schemas"]


CHANGE_NOTHING = ("/notifications", "/removal-certificate")
"""Acts beside a listing: they need no version of it."""


async def test_an_act_that_needs_the_version_says_so_in_the_document(service: Service):
    document = (await service.client.get("/openapi.json")).json()
    acts = [
        one["post"]
        for path, one in document["paths"].items()
        if path.startswith("/v1/listings/{listing_id}/") and "post" in one and not path.endswith(CHANGE_NOTHING)
    ]
    assert len(acts) >= 10
    for act in acts:
        [header] = [one for one in act["parameters"] if one["name"] == "If-Match"]
        assert header["required"]


async def test_every_operation_has_a_summary_and_its_problems(service: Service):
    document = (await service.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            if path.startswith("/v1"):
                assert "401" in operation["responses"], (method, path)
                assert operation.get("security"), (method, path)


async def test_no_two_schemas_share_a_name(service: Service):
    """FastAPI would tell them apart by their modules' names, and rename one that clients know already."""
    document = (await service.client.get("/openapi.json")).json()
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


async def test_every_json_body_has_an_example(service: Service):
    document = (await service.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            if schema:
                named = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
                assert named.get("examples"), (method, path)


async def test_the_matters_show_their_legal_basis(service: Service):
    response = await service.get("/v1/matters")
    assert response.headers["etag"] == '"1"'
    items = {item["matter"]: item for item in response.json()["items"]}
    assert len(items) == 57
    classes = {one["class"] for one in items["real_estate_transfer"]["measures"]}
    assert classes == {"notice_required", "prohibition", "restriction"}
    assert all(measure["basis"] for item in items.values() for measure in item["measures"])
