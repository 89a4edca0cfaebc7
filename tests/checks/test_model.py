"""Decisions against a model that was written from the papers alone: it never reads the catalogue."""

import os
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blacklist_service.checks.rules import Hit, ListingShown, NoticeHit, NoticeShown, decide
from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.measures.rules import SubjectRole
from blacklist_service.subjects.keys import Identity
from blacklist_service.subjects.relations import Relation
from tests.law import papers

EXAMPLES = 100_000 if os.environ.get("BLACKLIST_SOAK") else 3_000
MATTERS = founding_catalogue().by_code
DECIDED = sorted({row.matter for row in papers.rows() if row.kind_of_effect != "none"})
TABLE = {
    code: [row for row in papers.rows() if row.matter == code and row.kind_of_effect != "none"] for code in DECIDED
}
LISTING = ListingShown("(2025)云0111执1号", "某法院", "某人", None, ("C4",), date(2025, 1, 1), None, None)
RANK = {"clear": 0, "flag": 1, "block": 2}

hits = st.lists(
    st.builds(
        lambda place, relation, identity: (place, relation, identity),
        st.integers(1, 3),
        st.sampled_from(list(Relation)),
        st.sampled_from(list(Identity)),
    ),
    max_size=5,
)
notices = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(list(Identity))), max_size=3)
TURNS = sorted({day for row in papers.rows() for day in (row.since, row.until) if day})
days = st.sampled_from([date(2014, 1, 1), *TURNS, date(2026, 11, 27)])


def model(  # noqa: C901 - in one piece, to be read against the papers
    matter: str, kind: str, role: str, found: list[Any], served: list[Any], on: date
) -> tuple[str, list[tuple[str, str]]]:
    """The decision, and effect and reason of every match, sorted."""
    matches = []
    best: dict[Any, str] = {}
    order = ["name_only", "masked", "name_differs", "exact"]
    for place, relation, identity in found:
        key = (place, relation.value)
        best[key] = max(best.get(key, identity.value), identity.value, key=order.index)
    strongest_notice: dict[int, str] = {}
    for number, identity in served:
        strongest_notice[number] = max(strongest_notice.get(number, identity.value), identity.value, key=order.index)
    proved = [number for number in sorted(strongest_notice) if strongest_notice[number] == "exact"]
    used = set()
    for (_, relation), identity in best.items():
        effects = []
        for measure in TABLE[matter]:
            if not covers(measure, kind, role, relation, on):
                continue
            if identity != "exact":
                effects.append(("flag", "identity_uncertain"))
            elif measure.kind_of_effect == "prohibition":
                effects.append(("block", "prohibition"))
            elif measure.kind_of_effect == "notice_required":
                is_stopped = relation == "debtor" and proved
                effects.append(("block", "notice") if is_stopped else ("flag", "notice_missing"))
            else:
                effects.append(("flag", measure.kind_of_effect))
        if effects:
            chosen = max(effects, key=lambda one: RANK[one[0]])
            matches.append(chosen)
            if chosen[1] == "notice":
                used.add(proved[0])
    needs_notice = any(
        measure.kind_of_effect == "notice_required" and covers(measure, kind, role, "debtor", on)
        for measure in TABLE[matter]
    )
    if needs_notice:
        for number, identity in strongest_notice.items():
            if number not in used:
                matches.append(("block", "notice") if identity == "exact" else ("flag", "identity_uncertain"))
    return max((effect for effect, _ in matches), key=RANK.__getitem__, default="clear"), sorted(matches)


def covers(row: papers.Row, kind: str, role: str, relation: str, on: date) -> bool:
    return (
        relation in row.relations
        and role in (row.roles or [role])
        and kind in (row.kinds or [kind])
        and row.since <= on <= (row.until or date.max)
    )


def notice(number: int, identity: Identity) -> NoticeHit:
    shown = NoticeShown(str(number), f"n{number}", "某法院", "stop_transfer", f"2026-01-01T00:00:0{number}Z", None)
    return NoticeHit(shown, identity)


@pytest.mark.timeout(1200)
@given(
    matter=st.sampled_from(DECIDED),
    kind=st.sampled_from(["person", "organisation"]),
    role=st.sampled_from([role.value for role in SubjectRole]),
    found=hits,
    served=notices,
    on=days,
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_combination_is_decided_as_the_papers_say(
    matter: str, kind: str, role: str, found: list[Any], served: list[Any], on: date
) -> None:
    decided = decide(
        MATTERS[matter],
        kind=kind,
        role=role,
        has_identifier=True,
        hits=[Hit(UUID(int=place), relation, identity, LISTING) for place, relation, identity in found],
        on=on,
        notices=[notice(number, identity) for number, identity in served],
    )
    shown = sorted((match.effect.value, match.reason.value) for match in decided.matches)
    assert (decided.decision.value, shown) == model(matter, kind, role, found, served, on)
