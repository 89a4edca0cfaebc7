"""The checker of histories finds planted errors, and reports nothing else."""

import random
from collections.abc import Sequence

import pytest

from tests.durability.histories import Act, Answer, Fault, find_faults

ACTS = (
    Act(invoked_at=1, acknowledged_at=3, version=1, effects={"甲": "block"}),
    Act(invoked_at=4, acknowledged_at=6, version=2, effects={"乙": "block"}),
    Act(invoked_at=5, acknowledged_at=9, version=3, effects={"甲": "clear"}),
)


def faults_of(*answers: Answer, acts: Sequence[Act] = ACTS) -> list[Fault]:
    return [finding.fault for finding in find_faults(acts, answers)]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(0, 0.5, 0, {"甲": "clear"}),
        Answer(0, 2, 1, {"甲": "block", "乙": "clear"}),  # while the act is under way, either is right
        Answer(2, 4, 0, {"甲": "clear"}),
        Answer(5.5, 7, 3, {"甲": "clear", "乙": "block"}),
        Answer(10, 11, 3, {"甲": "clear", "乙": "block", "丙": "clear"}),
    ],
)
def test_what_may_be_seen_is_no_fault(answer: Answer):
    assert faults_of(answer) == []


def test_an_answer_from_before_an_acknowledged_act_is_stale():
    assert faults_of(Answer(3.1, 4, 0, {"甲": "clear"})) == [Fault.STALE]


def test_an_answer_from_an_act_not_yet_asked_for_is_from_the_future():
    assert faults_of(Answer(3.1, 3.9, 2, {"乙": "block"})) == [Fault.FUTURE]


def test_an_answer_of_a_version_that_never_was_is_from_the_future():
    assert faults_of(Answer(10, 11, 4, {"乙": "block"})) == [Fault.FUTURE]


def test_a_version_cannot_be_there_before_one_below_it_was_asked_for():
    late = (*ACTS[:1], Act(8, 9, 2, {}), Act(4, 9, 3, {}))
    assert faults_of(Answer(5, 7, 3, {"甲": "block"}), acts=late) == [Fault.FUTURE]


def test_what_one_saw_another_that_asks_later_must_see():
    seen, later = Answer(4.1, 5, 2, {"乙": "block"}), Answer(5.1, 5.9, 1, {"乙": "clear"})
    assert faults_of(later, seen) == [Fault.BACKWARDS]


def test_answers_that_overlap_may_come_in_any_order():
    assert faults_of(Answer(4.1, 5, 2, {"乙": "block"}), Answer(4.9, 5.9, 1, {"乙": "clear"})) == []


def test_another_decision_than_the_lists_is_wrong():
    assert faults_of(Answer(3.1, 4, 1, {"甲": "clear"})) == [Fault.WRONG]
    assert faults_of(Answer(10, 11, 3, {"甲": "clear", "乙": "clear"})) == [Fault.WRONG]


def test_a_gap_in_the_versions_is_no_history():
    with pytest.raises(AssertionError):
        find_faults([ACTS[0], ACTS[2]], [])


def test_one_planted_fault_is_found_among_many_answers():
    chance = random.Random(7)
    acts = [Act(n, n + 0.5, n, {"甲": "block" if n % 2 else "clear"}) for n in range(1, 1000)]
    honest = [
        Answer(at + 0.6, at + 0.9, at, {"甲": "block" if at % 2 else "clear"})
        for at in (chance.randrange(1, 1000) for _ in range(5000))
    ]
    assert find_faults(acts, honest) == []
    planted = Answer(500.6, 500.9, 499, {"甲": "block"})
    assert all(finding.answer is planted for finding in find_faults(acts, [*honest, planted]))
    assert faults_of(*honest, planted, acts=acts)
