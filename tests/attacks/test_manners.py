"""HTTP as proxies, browsers and strict clients expect it."""

from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.measures.schemas import CatalogueRequest
from tests.support import Service, listening, question, resident_id, row, subject
from tests.web.test_express import ask, line

RIGHT = question(subject("张三", resident_id(9)))


@pytest.mark.parametrize(
    ("headers", "prefix"),
    [
        ({"Content-Encoding": "gzip"}, b""),
        ({"Content-Encoding": "br"}, b""),
        ({"Content-Type": "application/json; charset=gbk"}, b""),
        ({"Content-Type": 'application/json; charset="utf-16"'}, b""),
        ({"Content-Type": ""}, b""),
        ({}, b"\xef\xbb\xbf"),
        ({}, b"\xff\xfe"),
    ],
)
async def test_a_body_that_is_not_json_in_utf_8_as_it_stands_is_415(
    service: Service, headers: dict[str, str], prefix: bytes
):
    usual = service.bearer("agency") | {"Content-Type": "application/json"}
    for path in ("/v1/checks", "/v1/checks/batch", "/v1/audit/as-of"):
        key = service.bearer("auditor") if "audit" in path else {}
        answer = await service.client.post(path, content=prefix + b"{}", headers=usual | key | headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type"), path
    if "Content-Encoding" in headers:
        upload = await service.client.post(
            "/v1/imports", files={"file": ("a.csv", b"x")}, headers=service.bearer("court") | headers
        )
        assert upload.status_code == 415


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", '; charset="UTF-8"', ";charset=utf8"])
async def test_utf_8_may_be_named(service: Service, charset: str):
    headers = service.bearer("agency") | {"Content-Type": f"application/json{charset}", "Content-Encoding": "identity"}
    assert (await service.client.post("/v1/checks", json=RIGHT, headers=headers)).status_code == 200


async def test_a_byte_order_mark_is_415_on_the_short_way_too(service: Service):
    async with listening(service) as port, line(port) as one:
        for _ in range(3):
            assert (await one.ask(ask(service))).status == 200
        head, _, body = ask(service).partition(b"\r\n\r\n")
        marked = b"\xef\xbb\xbf" + body[:-3]  # as long as the others
        assert (await one.ask(head + b"\r\n\r\n" + marked)).status == 415


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_take_head_and_options(service: Service, path: str):
    got, head, options = [await service.client.request(one, path) for one in ("GET", "HEAD", "OPTIONS")]
    assert (got.status_code, head.status_code, options.status_code) == (200, 200, 204)
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]
    assert options.headers["allow"] == "GET, HEAD, OPTIONS"
    assert (await service.client.post(path)).headers["allow"] == "GET, HEAD, OPTIONS"


async def test_what_is_held_already_is_304(service: Service):
    await service.load_rows(row())
    listing = (await service.get("/v1/listings", key="court")).json()["items"][0]["listing_id"]
    for path, key in (
        ("/v1/matters", "agency"),
        ("/v1/changes", "agency"),
        ("/v1/publication", "agency"),
        (f"/v1/listings/{listing}", "court"),
    ):
        first = await service.get(path, key=key)
        held = service.bearer(key) | {"If-None-Match": f'"other", W/{first.headers["etag"]}'}
        again = await service.client.get(path, headers=held)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        other = await service.client.get(path, headers=service.bearer(key) | {"If-None-Match": '"other"'})
        assert other.content == first.content
        assert (await service.client.get(path, headers={"If-None-Match": first.headers["etag"]})).status_code == 401
    await service.load_rows(row())
    assert (await service.client.get("/v1/changes", headers=held)).status_code == 200


async def test_personal_answers_are_kept_by_nobody_and_framed_by_nobody(service: Service):
    answers = [
        await service.post("/v1/checks", RIGHT),
        await service.post("/v1/checks/batch", {"checks": [RIGHT]}),
        await service.post("/v1/checks", {}),
        await service.post("/v1/checks", RIGHT, key="nobody"),
        await service.get("/v1/listings", key="court"),
        await service.get("/v1/changes"),
        await service.get("/v1/none"),
        await service.get("/docs"),
        await service.get("/healthz"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
    assert {answer.headers["cache-control"] for answer in answers[:7]} == {"no-store"}
    async with listening(service) as port, line(port) as one:
        heads = [(await one.ask(ask(service))).head for _ in range(4)]
        heads.append((await one.ask(ask(service, " "))).head)
    for head in heads:
        assert head.count(b"x-content-type-options: nosniff\r\n") == 1
        assert head.count(b"cache-control: no-store\r\n") == 1


async def test_no_redirect_repeats_the_host_that_a_client_wrote(service: Service):
    answer = await service.client.post(
        "/v1/checks/", json=RIGHT, headers=service.bearer("agency") | {"Host": "evil.example"}
    )
    assert answer.status_code in {404, 405, 422}
    assert "evil.example" not in str(answer.headers)


async def test_two_authorization_headers_prove_nothing(service: Service):
    twice = [("Authorization", f"Bearer {service.keys[key]}") for key in ("agency", "auditor")]
    for path in ("/v1/checks", "/v1/checks/batch"):
        assert (await service.client.post(path, json=RIGHT, headers=twice)).status_code == 401
    assert (await service.client.get("/v1/changes", headers=twice)).status_code == 401


DROPPED_FROM_NAMES = {"\u202e", "\u2066"}
"""As from a file: they mean nothing in a name, and a name that is pasted with them is still that name."""


@pytest.mark.parametrize("odd", ["\n", "\r", "\t", "\x00", "\x85", "\x9f", "\u2028", "\u202e", "\u2066"])
async def test_what_forges_a_line_is_refused_in_every_line(service: Service, odd: str):
    forged = f"GD-1{odd}核查结论：未发现"
    assert (await service.post("/v1/checks", RIGHT | {"reference": forged})).status_code == 422
    assert (await service.post("/v1/checks", RIGHT | {"operator": forged})).status_code == 422
    named = await service.post("/v1/checks", question(subject(f"张{odd}三")))
    assert named.status_code == (200 if odd in DROPPED_FROM_NAMES else 422)
    batch = await service.post("/v1/checks/batch", {"checks": [RIGHT | {"reference": forged}, RIGHT]})
    assert [one["status"] for one in batch.json()["results"]] == [422, 200]


async def test_in_a_file_they_are_dropped(service: Service):
    number = resident_id(77)
    await service.load_rows(row(name="张\u202e三\x9f", identifier_number=number))
    answer = await service.check(subject("张三", number))
    assert answer["subjects"][0]["matches"][0]["listing"]["debtor_name"] == "张三"


@pytest.mark.parametrize("name", ["a\x00b.csv", "a\r\nb.csv", "\x00", "a\u202egpj.csv", "名" * 300])
async def test_a_files_name_is_no_fault_of_ours(service: Service, name: str):
    boundary = "b"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="'.encode()
        + name.encode()
        + b'"\r\n\r\n'
    )
    content = head + "姓名,案号\n".encode() + f"\r\n--{boundary}--\r\n".encode()
    headers = service.bearer("court") | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = await service.client.post("/v1/imports", content=content, headers=headers)
    assert answer.status_code in {202, 422}, answer.text


async def test_a_large_catalogue_is_no_fault_of_ours(service: Service):
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    extra: Any = CatalogueRequest.model_config["json_schema_extra"]
    [catalogue] = extra["examples"]
    [matter] = catalogue["matters"]
    matters = [matter | {"code": f"m{n:04}" + "x" * 58} for n in range(1_100)]
    large = catalogue | {"matters": [matter, *matters]}
    answer = await service.client.put("/v1/measures", json=large, headers=service.bearer("security"))
    if answer.status_code == 409:  # what is taken away has to be confirmed
        confirmed = {"confirm": answer.json()["digest"]}
        answer = await service.client.put(
            "/v1/measures", json=large, params=confirmed, headers=service.bearer("security")
        )
    assert answer.status_code in {200, 413, 422}, answer.text
