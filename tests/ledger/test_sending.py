"""How entries are sent to PostgreSQL: every text arrives unchanged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from blacklist_service.access.principals import Actor
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, EntrySubject
from blacklist_service.ledger.operations import array_literal, record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.telemetry import observe_all
from tests.support import Service

AWKWARD = [
    "",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{}",
    "{a,b}",
    ",",
    " ",
    " a ",
    "a\nb",
    "张三",
    "'; --",
    "\u001f",
    "𠮷",
]
TEXTS = st.lists(
    st.none() | st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1))
)


async def test_a_literal_reads_as_what_was_written(service: Service):
    """Many lists at once: each drawn list is one row."""
    drawn: list[list[str | None]] = [list(AWKWARD), [], [None], [None, "NULL"]]

    @settings(max_examples=300, database=None)
    @given(TEXTS)
    def draw(texts: list[str | None]) -> None:
        drawn.append(texts)

    draw()
    async with service.workplace.connected() as connection:
        for texts in drawn:
            assert await connection.fetchval("SELECT $1::text::text[]", array_literal(texts)) == texts
        assert await connection.fetchval("SELECT $1::text::integer[]", array_literal([1, None, -2])) == [1, None, -2]


async def test_entries_of_several_acts_are_written_in_their_order(service: Service):
    subjects = tuple(EntrySubject(bytes([n]) * 16, text or "*", text, "role", {}) for n, text in enumerate(AWKWARD))
    entries = [
        Entry(
            Action.CHECK, Actor("GD-HR", "k", text, None, "::1"), reference=text, list_version=n % 2, subjects=subjects
        )
        for n, text in enumerate(AWKWARD)
    ] + [Entry(Action.KEY_REVOKED, Actor(operator="test"))]
    async with service.workplace.connected() as connection, connection.transaction():
        at = await database_clock(connection)
        ids = await record(connection, entries, at=at, secrecy=service.workplace.secrecy)
        held = {row["id"]: row for row in await connection.fetch("SELECT * FROM ledger_entries WHERE at = $1", at)}
        found = await connection.fetch(
            "SELECT entry_id, name_masked, identifier_masked FROM ledger_subjects WHERE at = $1 ORDER BY ordinal", at
        )
        pending = await connection.fetch("SELECT entries FROM ledger_pending WHERE at = $1 ORDER BY id", at)
    assert [(held[one]["reference"], held[one]["operator"]) for one in ids[:-1]] == [(text, text) for text in AWKWARD]
    assert [held[one]["check_id"] for one in ids] == [*ids[:-1], None]
    assert [one for row in pending for one in row["entries"]] == ids
    assert len(pending) == 2  # one for each act, whatever list versions they made
    for one in ids[:-1]:
        mine = [(row["name_masked"], row["identifier_masked"]) for row in found if row["entry_id"] == one]
        assert mine == [(text or "*", text) for text in AWKWARD]


@pytest.mark.parametrize("amounts", [[0.0], [0.001, 0.0011, 0.4, 11.0], [10.0] * 3, []])
def test_many_are_observed_as_one_after_the_other(amounts: list[float]):
    registry = CollectorRegistry()
    one, all_ = (Histogram(name, "", buckets=(0.001, 0.4, 10.0), registry=registry) for name in ("one", "all"))
    for amount in amounts:
        one.observe(amount)
    observe_all(all_, amounts)
    samples = {
        name: [sample.value for sample in metric.samples if "created" not in sample.name]
        for name, metric in ((metric.name, metric) for metric in registry.collect())
    }
    assert samples["one"] == samples["all"]
