"""The content of a listing: read in one way from a file's row and from a publication over HTTP."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson
import pytest

from blacklist_service.listings.columns import Field
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.files import RawRow, RelatedPerson
from blacklist_service.listings.intake import Importer, ReadRow, RefusedRow, read_row
from blacklist_service.listings.preparing import Prepared, Tools, naming_keys, prepare
from blacklist_service.listings.publish_requests import read_publication
from blacklist_service.listings.rules import Content
from blacklist_service.listings.schemas import PublishRequest
from blacklist_service.problems import InvalidRequest
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester

TODAY = date(2026, 3, 1)
COURT, COURT_NAME = "云0111", "昆明市官渡区人民法院"
DIGESTER = Digester(b"k" * 32)

PERSON = {
    "name": "张三",
    "kind": "person",
    "identifier_number": "530111198503170015",
    "case_number": "(2025)云0111执1号",
    "circumstances": "C4",
    "decision_number": "(2025)云0111执1号之一",
    "decided_on": "2025-04-18",
    "published_on": "2025-04-20",
    "expires_on": "2027-04-20",
}
COMPANY = PERSON | {"name": "昆明甲有限公司", "kind": "organisation", "identifier_number": "91530111080734599W"}

CASES: list[tuple[dict[str, Any], list[str]]] = [
    (PERSON, []),
    (COMPANY, []),
    (PERSON | {"identifier_type": "resident_id"}, []),
    (PERSON | {"sex": "male", "filed_on": "2025-01-05", "obligation": "支付货款", "performance": "none"}, []),
    (PERSON | {"grace_until": "2025-05-01", "basis_number": "(2024)云0111民初1号", "basis_issuer": COURT_NAME}, []),
    (PERSON | {"party_sequence": 3, "performed_part": "一半", "unperformed_part": "一半"}, []),
    (PERSON | {"identifier_number": ""}, ["identifier-missing"]),
    (PERSON | {"identifier_number": "530111198503170016"}, ["identifier-checksum"]),
    (PERSON | {"identifier_number": "5301111985****0015"}, ["identifier-masked"]),
    (PERSON | {"name": "徐（莹加王旁）"}, ["name-suspect"]),
    (PERSON | {"case_number": "2003州刑初字第5号"}, ["case-number-legacy"]),
    (PERSON | {"circumstances": "不讲信用,违反财产报告制度"}, ["circumstance-unknown"]),
    (PERSON | {"circumstances": "违反财产报告制度，违反限制高消费令"}, []),
    (PERSON | {"circumstances": ""}, ["circumstance-unknown"]),
    (PERSON | {"expires_on": ""}, ["term-missing"]),
    (PERSON | {"decision_number": ""}, ["decision-missing"]),
    (PERSON | {"decided_on": "2025-04-21"}, ["dates-unusual"]),
    (COMPANY | {"identifier_number": "915301121000029000"}, []),
    (COMPANY | {"people": [("legal_representative", "李四", "530111198503170015")]}, []),
    (COMPANY | {"people": [("principal", "李四", "5301111985****0015")]}, []),
    (COMPANY | {"people": [("legal_representative", "李四", "")]}, ["person-unidentified"]),
    (COMPANY | {"people": [("legal_representative", "李四", "530111198503170016")]}, ["person-unidentified"]),
    (COMPANY | {"people": [("legal_representative", "李四", "无")]}, ["person-unidentified"]),
    (COMPANY | {"people": [("legal_representative", "无", "")]}, []),
]
REFUSED: list[tuple[dict[str, Any], str, str, str | None]] = [
    (PERSON | {"name": "·"}, "name-missing", "/debtor/name", "name"),
    (PERSON | {"case_number": "\u3000"}, "case-number-missing", "/case_number", "case_number"),
    (
        PERSON | {"identifier_number": "5.30111E+17"},
        "identifier-damaged",
        "/debtor/identifier/number",
        "identifier_number",
    ),
    (PERSON | {"identifier_number": "110105201210035265"}, "minor", "/debtor/identifier/number", "identifier_number"),
    (
        COMPANY | {"people": [("principal", "李四", "5.30111E+17")]},
        "identifier-damaged",
        "/debtor/people/0/identifier/number",
        None,
    ),
]


@pytest.mark.parametrize(("said", "warnings"), CASES)
def test_a_row_and_a_publication_that_say_the_same_are_the_same(said: dict[str, Any], warnings: list[str]):
    row = from_row(said)
    content, told = from_publication(said)
    assert row.content == content
    assert [one.value for one in row.warnings] == [one.value for one in told] == warnings


@pytest.mark.parametrize(("said", "code", "pointer", "column"), REFUSED)
def test_what_no_listing_may_be_is_refused_by_one_code(
    said: dict[str, Any], code: str, pointer: str, column: str | None
):
    refused = read_row(raw_row(said), IMPORTER)
    assert isinstance(refused, RefusedRow)
    assert (refused.code, refused.field and refused.field.value) == (code, column)
    with pytest.raises(InvalidRequest) as error:
        from_publication(said)
    assert [(one.pointer, one.code) for one in error.value.errors] == [(pointer, code)]


@pytest.mark.parametrize(("said", "warnings"), CASES)
def test_an_act_that_ends_a_listing_names_it_as_its_publication_did(said: dict[str, Any], warnings: list[str]):
    published = from_row(said)
    ended = read_row(raw_row(said | {"action": "withdraw", "circumstances": "", "published_on": ""}), IMPORTER)
    assert isinstance(ended, ReadRow)
    assert ended.naming == published.naming
    assert published.content is not None
    assert naming_keys(ended.naming, DIGESTER) == naming_keys(published.content, DIGESTER)


# Digests that version 0.5.0 stored for some of these rows, under this key.
STORED: dict[int, tuple[str, str, str]] = {
    0: ("5cd81b80fd1c9b81950059b724febcce", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    1: ("5b1aaf5a9efc8a2d5bcde2f7509f6d35", "f06e78a7ec7ef9b3fee82ec518ea0ae4", "b6e52f538f3bc740f3a78de3540f0372"),
    2: ("5cd81b80fd1c9b81950059b724febcce", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    3: ("f159f2fddc24d26a18d6f5332113bd9b", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    4: ("0facc69057c9df7651c673720ad59363", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    5: ("d715d3c9a3b83eac473dac766e147e89", "1a41d3938956f502da2400b7b65529e2", "a659075ef96a8602611c0f9347dade9c"),
    6: ("888eb3f600ac66df2b820101228cd54a", "ab5855cf3844960cb40daea4110dbcf2", "fe44e00798d0c3c5b4e1796675597284"),
    7: ("ad063078426ec86d7e31d8c563b9178c", "c3d639f269b2161389cada18c47c207d", "fe44e00798d0c3c5b4e1796675597284"),
    8: ("45e46beb6248bbef3dd72f2066f7d3cc", "e51e83fc0d25fe4cbd92d2e69d9bdc8d", "fe44e00798d0c3c5b4e1796675597284"),
    9: ("ca224a3d61a6c52853c8417c73d9246c", "04d62dc5b8d66fe7efb85f5658f14205", "a2b08e8b9b4eaaaf3a9134acdb7fbe13"),
    10: ("07a3a5e4c3b503b62a1866e527bc5895", "ee3ee1921a027c3e5d88d1d46a0785a6", "a8798ba63e73e24b17c28a1124fed7c3"),
    11: ("7990027480c2aa82ce9987e02f5b698c", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    12: ("5ad6120207159f6f79953ff833f65324", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    13: ("c0783822a734ff135ad92479c0171162", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    14: ("8febf8f98b56d198b2f9b994b4339ff0", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    15: ("0a172674fc3ab3327622912ef319de29", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    16: ("212d1f7f9f02d0886fe8af74a5c22929", "04d62dc5b8d66fe7efb85f5658f14205", "fe44e00798d0c3c5b4e1796675597284"),
    18: ("f1521adc24f254c3d252fce045004429", "f06e78a7ec7ef9b3fee82ec518ea0ae4", "b6e52f538f3bc740f3a78de3540f0372"),
    19: ("b29560d9fc0d23e671c36205dd64b831", "f06e78a7ec7ef9b3fee82ec518ea0ae4", "b6e52f538f3bc740f3a78de3540f0372"),
    20: ("bd62faf38c1957f490f93c48b3a2a99d", "f06e78a7ec7ef9b3fee82ec518ea0ae4", "b6e52f538f3bc740f3a78de3540f0372"),
    21: ("be9c4804a2526dd77f2b933465cc0087", "f06e78a7ec7ef9b3fee82ec518ea0ae4", "b6e52f538f3bc740f3a78de3540f0372"),
    22: ("bd62faf38c1957f490f93c48b3a2a99d", "f06e78a7ec7ef9b3fee82ec518ea0ae4", "b6e52f538f3bc740f3a78de3540f0372"),
    23: ("5b1aaf5a9efc8a2d5bcde2f7509f6d35", "f06e78a7ec7ef9b3fee82ec518ea0ae4", "b6e52f538f3bc740f3a78de3540f0372"),
}


@pytest.mark.parametrize("place", STORED)
def test_stored_digests_still_match(place: int):
    row = from_row(CASES[place][0])
    keys = naming_keys(row.naming, DIGESTER)
    assert (prepared(row).content_digest.hex(), keys.natural_key.hex(), keys.loose_key.hex()) == STORED[place]


@pytest.mark.parametrize("field", [field for field in Field if field is not Field.ACTION])
def test_a_column_that_is_empty_leaves_no_trace(field: Field):
    """A table that grew a column says the same of whoever has nothing in it."""
    without = {name: value for name, value in PERSON.items() if name != field.value}
    raw = raw_row(without)
    with_it = RawRow(raw.number, raw.values | {field: ""}, raw.notes, raw.people)
    [before, after] = [read_row(one, IMPORTER) for one in (raw, with_it)]
    if isinstance(before, RefusedRow):
        assert isinstance(after, RefusedRow)
        assert after.code == before.code
    else:
        assert isinstance(after, ReadRow)
        assert prepared(after).content_digest == prepared(before).content_digest


# --- the two ways in


IMPORTER = Importer(COURT, COURT_NAME, Courts([]), TODAY)


def from_row(said: Mapping[str, Any]) -> ReadRow:
    read = read_row(raw_row(said), IMPORTER)
    assert isinstance(read, ReadRow)
    return read


def from_publication(said: Mapping[str, Any]) -> tuple[Content, tuple[Any, ...]]:
    return read_publication(PublishRequest.model_validate_json(body(said)), court_name=COURT_NAME, today=TODAY)


def raw_row(said: Mapping[str, Any]) -> RawRow:
    values = {Field(name): str(value) for name, value in said.items() if name != "people" and value != ""}
    return RawRow(2, values, {}, tuple(RelatedPerson(*person) for person in said.get("people", ())))


def body(said: Mapping[str, Any]) -> bytes:
    given = {name: value for name, value in said.items() if value != ""}
    type_ = given.get("identifier_type") or ("uscc" if said["kind"] == "organisation" else "resident_id")
    identifier = {"type": type_, "number": given["identifier_number"]} if "identifier_number" in given else None
    people = [
        {
            "relation": relation,
            "name": name,
            "identifier": {"type": "resident_id", "number": number} if number else None,
        }
        for relation, name, number in said.get("people", ())
    ]
    debtor = {"kind": said["kind"], "name": said["name"], "sex": given.get("sex")}
    decision = {"document_number": given.get("decision_number"), "decided_on": given.get("decided_on")}
    basis = {"document_number": given.get("basis_number"), "issuer": given.get("basis_issuer")}
    named = ("published_on", "expires_on", "grace_until", "filed_on", "obligation", "performance", "performed_part")
    publication = {
        "case_number": said["case_number"],
        "court": {"code": COURT},
        "party_sequence": said.get("party_sequence", 1),
        "debtor": debtor | {"identifier": identifier, "people": people},
        "circumstances": [said["circumstances"]] if said["circumstances"] else [],
        "decision": decision,
        "basis": basis,
    } | {name: given.get(name) for name in (*named, "unperformed_part")}
    return orjson.dumps(publication)


def prepared(row: ReadRow) -> Prepared:
    assert row.content is not None
    tools = Tools(DIGESTER, Secrecy(bytes(32)).cipher("listing"))
    return prepare(row.content, tools, loaded_on=TODAY)
