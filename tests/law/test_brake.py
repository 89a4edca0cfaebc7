"""A catalogue that removes or weakens something takes effect only if exactly that was confirmed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.ledger.entries import canonical
from blacklist_service.measures.brake import weakenings
from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.measures.rules import Catalogue
from tests.cli.test_commands import Operator
from tests.support import Service

Document = dict[str, Any]
ARTICLE = {"basis": "b", "edition": "e", "valid_from": "2016-01-01", "source": "found"}


def measure(number: int = 1, /, **changes: Any) -> Document:
    made = {"id": f"M{number:02}", "class": "restriction", "agency": "a", "relations": ["debtor"], **ARTICLE}
    return made | changes


def catalogue(*measures: Document, more: int = 0) -> Catalogue:
    names = {"name": "n", "name_en": "n"}
    matters = [{"code": "some_matter", **names, "measures": list(measures)}]
    matters += [{"code": f"other_{n}", **names, "measures": [measure()]} for n in range(more)]
    return Catalogue.model_validate({"matters": matters})


def losses(old: Catalogue, new: Catalogue) -> list[tuple[str, str, str | None]]:
    return [
        (one.loss.value, one.since.isoformat(), None if one.until is None else one.until.isoformat())
        for one in weakenings(old, new)
    ]


BOTH = ["debtor", "legal_representative"]
TAKES_NOTHING: dict[str, tuple[Document, list[Document]]] = {
    "nothing": (measure(), [measure()]),
    "another basis": (measure(), [measure(basis="c", edition="f", note="x", agency="z")]),
    "a harder class": (measure(), [measure(**{"class": "prohibition"})]),
    "a measure more": (measure(), [measure(), measure(2)]),
    "more relations": (measure(), [measure(relations=BOTH)]),
    "more kinds": (measure(kinds=["person"]), [measure(kinds=["person", "organisation"])]),
    "any role": (measure(roles=["bidder"]), [measure()]),
    "earlier": (measure(), [measure(valid_from="2015-01-01")]),
    "no end any more": (measure(valid_to="2020-01-01"), [measure()]),
    "one article after another": (
        measure(),
        [measure(valid_to="2019-12-31"), measure(basis="c", valid_from="2020-01-01")],
    ),
    "two for one": (measure(relations=BOTH), [measure(relations=[one]) for one in BOTH]),
    "all kinds by name": (measure(), [measure(kinds=["person", "organisation"])]),
    "none is no weaker": (measure(**{"class": "none"}), [measure(**{"class": "none"}, valid_to="2017-01-01")]),
}


@pytest.mark.parametrize("what", TAKES_NOTHING)
def test_what_adds_or_strengthens_is_no_weakening(what: str):
    old, new = TAKES_NOTHING[what]
    assert losses(catalogue(old), catalogue(*new, more=1)) == []


TAKES: dict[str, tuple[Document, list[Document], tuple[str, str, str | None]]] = {
    "a measure": (measure(), [measure(2)], ("measure_removed", "2016-01-01", None)),
    "its class": (measure(), [measure(**{"class": "reference"})], ("class_weakened", "2016-01-01", None)),
    "a relation": (measure(relations=BOTH), [measure()], ("reach_narrowed", "2016-01-01", None)),
    "a role": (measure(), [measure(roles=["bidder"])], ("reach_narrowed", "2016-01-01", None)),
    "a kind": (measure(), [measure(kinds=["person"])], ("reach_narrowed", "2016-01-01", None)),
    "its end": (measure(), [measure(valid_to="2020-01-01")], ("reach_narrowed", "2020-01-02", None)),
    "its beginning": (measure(), [measure(valid_from="2017-01-01")], ("reach_narrowed", "2016-01-01", "2016-12-31")),
    "days between two articles": (
        measure(),
        [measure(valid_to="2018-12-31"), measure(valid_from="2020-01-01")],
        ("reach_narrowed", "2019-01-01", "2019-12-31"),
    ),
    "its class from a day on": (
        measure(),
        [measure(valid_to="2018-12-31"), measure(**{"class": "reference"}, valid_from="2019-01-01")],
        ("class_weakened", "2019-01-01", None),
    ),
    "all but channels of its own": (measure(), [measure(**{"class": "none"})], ("class_weakened", "2016-01-01", None)),
}


@pytest.mark.parametrize("what", TAKES)
def test_what_takes_away_is_seen_with_its_days(what: str):
    old, new, seen = TAKES[what]
    assert losses(catalogue(old), catalogue(*new)) == [seen]


def test_a_matter_that_is_gone():
    assert losses(catalogue(measure(), more=1), catalogue(measure())) == [("matter_removed", "2016-01-01", None)]


@pytest.mark.parametrize("stronger", ["prohibition", "notice_required", "restriction", "reference", "none"])
@pytest.mark.parametrize("weaker", ["prohibition", "notice_required", "restriction", "reference", "none"])
def test_every_two_classes(stronger: str, weaker: str):
    order = ["prohibition", "notice_required", "restriction", "reference", "none"]
    found = losses(catalogue(measure(**{"class": stronger})), catalogue(measure(**{"class": weaker})))
    assert bool(found) is (order.index(weaker) > order.index(stronger))


@pytest.fixture
async def officer(service: Service) -> Service:
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    return service


async def put(service: Service, body: Document, **query: str) -> Any:
    return await service.client.put("/v1/measures", json=body, params=query, headers=service.bearer("security"))


def founding() -> Document:
    return founding_catalogue().model_dump(mode="json", by_alias=True)


def without_matters(document: Document) -> None:
    document["matters"], document["local_settings"] = [], []


def without_a_measure(document: Document) -> None:
    matter = next(one for one in document["matters"] if len({row["id"] for row in one["measures"]}) > 1)
    gone = matter["measures"][0]["id"]
    matter["measures"] = [row for row in matter["measures"] if row["id"] != gone]


def weaker(document: Document) -> None:
    rows = next(one for one in document["matters"] if one["code"] == "civil_service_recruitment")["measures"]
    for row in rows:
        row["class"] = "reference"


@pytest.mark.parametrize("spoil", [without_matters, without_a_measure, weaker])
async def test_what_takes_away_needs_the_digest_of_the_difference(officer: Service, spoil: Callable[[Document], None]):
    body = founding()
    spoil(body)
    refused = await put(officer, body)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "conflict"), refused.text
    assert problem["difference"]["weakened"]
    assert problem["digest"] == hashlib.sha256(canonical(problem["difference"])).hexdigest()
    assert (await officer.get("/v1/matters")).json()["version"] == 1
    tried = (await put(officer, body, dry_run="true")).json()
    assert (tried["digest"], tried["difference"]) == (problem["digest"], problem["difference"])
    assert tried["weakened"] == problem["difference"]["weakened"]
    assert (await put(officer, body, confirm="0" * 64)).status_code == 409
    assert (await put(officer, body, confirm="yes")).status_code == 422
    done = await put(officer, body, confirm=problem["digest"])
    assert (done.status_code, done.json()["measures_version"]) == (200, 2), done.text
    [entry] = await officer.fetch(
        "SELECT leaf FROM ledger_entries WHERE action = 'measures_applied' AND agency IS NOT NULL"
    )
    facts = json.loads(entry["leaf"])["facts"]
    assert (facts["confirmed"], facts["weakened"]) == (problem["digest"], len(tried["weakened"]))


async def test_a_confirmation_is_of_one_change_alone(officer: Service):
    one, other = founding(), founding()
    weaker(one)
    without_a_measure(other)
    digest = (await put(officer, one)).json()["digest"]
    assert (await put(officer, other, confirm=digest)).status_code == 409
    assert (await put(officer, one, confirm=digest.upper())).status_code == 200
    back = await put(officer, founding())
    assert (back.status_code, back.json()["weakened"]) == (200, [])
    assert (await put(officer, one, confirm=digest)).status_code == 409  # another version would be replaced


def test_at_the_terminal_the_difference_is_shown_and_must_be_confirmed(tmp_path: Path):
    operator = Operator(tmp_path)
    body = founding()
    without_a_measure(body)
    file = tmp_path / "own.json"
    file.write_text(json.dumps(body), "utf-8")
    refused = operator.types("measures", "apply", str(file))
    assert (refused.returncode, "weakened: " in refused.stdout) == (1, True), refused.stdout + refused.stderr
    told = operator.types("measures", "apply", str(file), "--json")
    digest = json.loads(told.stdout)["digest"]
    assert (told.returncode, f"--confirm {digest}" in told.stderr) == (1, True)
    assert digest in refused.stdout
    assert operator.types("measures", "apply", str(file), "--confirm", digest).returncode == 0
    assert operator.types("measures", "apply", "--founding").returncode == 0  # what it adds needs nothing
