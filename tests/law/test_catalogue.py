"""The founding catalogue against the papers, row by row."""

import tomllib
from collections import Counter
from datetime import date, timedelta
from importlib.resources import files
from itertools import pairwise

import pytest

from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.measures.rules import Certainty, Measure, MeasureClass
from tests.law.papers import NOT_TO_BE_ADDED, PAPERS, Row, rows

TODAY = date(2026, 11, 27)
CATALOGUE = founding_catalogue()


def held() -> list[Row]:
    return [
        Row(
            matter.code,
            measure.id,
            measure.measure_class.value,
            tuple(relation.value for relation in measure.relations),
            tuple(sorted(role.value for role in measure.roles)),
            measure.kinds,
            measure.basis,
            measure.valid_from,
            measure.valid_to,
            measure.how_certain.value,
        )
        for matter in CATALOGUE.matters
        for measure in matter.measures
    ]


def test_the_whole_table_is_what_the_papers_say():
    assert sorted(held(), key=str) == sorted((row._replace(roles=tuple(sorted(row.roles))) for row in rows()), key=str)


def test_the_table_of_today():
    def of_today(table) -> list[Row]:
        standing = [row for row in table if row.since <= TODAY and (row.until is None or row.until >= TODAY)]
        return sorted((row._replace(roles=tuple(sorted(row.roles))) for row in standing), key=str)

    assert of_today(held()) == of_today(rows())
    assert {row.id for row in of_today(held())} == {f"M{number:02}" for number in range(1, 45)}


@pytest.mark.parametrize("name", NOT_TO_BE_ADDED)
def test_nothing_is_there_that_no_clause_carries(name):
    assert name not in " ".join(PAPERS)
    assert not [matter.code for matter in CATALOGUE.matters if name in matter.code]


def test_of_one_article_after_another_each_begins_when_the_last_one_ended():
    for matter in CATALOGUE.matters:
        for measures in group(matter.measures).values():
            measures.sort(key=lambda measure: measure.valid_from)
            for earlier, later in pairwise(measures):
                assert earlier.valid_to is not None
                assert later.valid_from == earlier.valid_to + timedelta(days=1)
            assert measures[-1].valid_to is None


def test_the_newest_article_stands_first():
    for matter in CATALOGUE.matters:
        for measures in group(matter.measures).values():
            assert measures == sorted(measures, key=lambda measure: measure.valid_from, reverse=True)


def test_every_row_says_where_its_text_was_read_or_that_a_court_has_to_confirm_it():
    for matter in CATALOGUE.matters:
        for measure in matter.measures:
            assert measure.text or measure.how_certain is Certainty.TO_CONFIRM, (matter.code, measure.id)


# Blocks that earlier editions had from knowledge, which law §2 left as they were: nobody is newly blocked by them.
BLOCKED_BEFORE = {"M18", "M22"}


def test_what_is_from_knowledge_blocks_nobody_new():
    doubtful = {
        measure.id
        for matter in CATALOGUE.matters
        for measure in matter.measures
        if measure.how_certain is Certainty.TO_CONFIRM and measure.measure_class is MeasureClass.PROHIBITION
    }
    assert doubtful == BLOCKED_BEFORE


def test_a_measure_stands_once_in_the_file_and_matters_refer_to_it():
    text = files("blacklist_service.measures").joinpath("data/catalogue.toml").read_text("utf-8")
    document = tomllib.loads(text)
    names = Counter((one["id"], one.get("part")) for one in document["measures"])
    assert set(names.values()) == {1}
    used = {
        (reference if isinstance(reference, str) else reference["use"]).partition(".")[0]
        for matter in document["matters"]
        for reference in matter["measures"]
    }
    assert used == {id_ for id_, _ in names}


def group(measures) -> dict[tuple[object, ...], list[Measure]]:
    found: dict[tuple[object, ...], list[Measure]] = {}
    for measure in measures:
        key = (measure.id, measure.measure_class, measure.relations, measure.roles, measure.kinds)
        found.setdefault(key, []).append(measure)
    return found
