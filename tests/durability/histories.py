"""Compares observed answers with the acts on the list: exact and in one pass, because every answer names its list version.

The list has one writer at a time and every act on it makes the next version, so no search for an order is needed:
versions are the order (trust.md §5).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate


class Fault(StrEnum):
    STALE = "older than what was acknowledged before the question was sent"
    FUTURE = "newer than anything asked for before the answer came"
    BACKWARDS = "older than an answer that came before the question was sent"
    WRONG = "not what the list said at its version"


@dataclass(frozen=True, slots=True)
class Act:
    """A change of the list: when it was first asked for, when it was acknowledged, and the decisions it made others."""

    invoked_at: float
    acknowledged_at: float
    version: int
    effects: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    sent_at: float
    received_at: float
    version: int
    decisions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    fault: Fault
    answer: Answer


def find_faults(acts: Iterable[Act], answers: Sequence[Answer], *, unless_listed: str = "clear") -> list[Finding]:
    """Every answer that breaks the promise; `acts` are all there ever were."""
    in_order = sorted(acts, key=lambda act: act.version)
    assert [act.version for act in in_order] == list(range(1, len(in_order) + 1))
    return [
        *(Finding(Fault.STALE, answer) for answer in _stale(in_order, answers)),
        *(Finding(Fault.FUTURE, answer) for answer in _future(in_order, answers)),
        *(Finding(Fault.BACKWARDS, answer) for answer in _backwards(answers)),
        *(Finding(Fault.WRONG, answer) for answer in _wrong(in_order, answers, unless_listed)),
    ]


def _stale(acts: Sequence[Act], answers: Sequence[Answer]) -> Iterator[Answer]:
    known = [(act.acknowledged_at, act.version) for act in acts]
    yield from _older_than_known(known, answers)


def _backwards(answers: Sequence[Answer]) -> Iterator[Answer]:
    known = [(answer.received_at, answer.version) for answer in answers]
    yield from _older_than_known(known, answers)


def _older_than_known(known: list[tuple[float, int]], answers: Sequence[Answer]) -> Iterator[Answer]:
    """Answers of a version below one that somebody knew of before the question was sent."""
    known.sort()
    place, least = 0, 0
    for answer in sorted(answers, key=lambda answer: answer.sent_at):
        while place < len(known) and known[place][0] < answer.sent_at:
            least = max(least, known[place][1])
            place += 1
        if answer.version < least:
            yield answer


def _future(acts: Sequence[Act], answers: Sequence[Answer]) -> Iterator[Answer]:
    """A version could be there once it and all before it had been asked for."""
    possible_from = [0.0, *accumulate((act.invoked_at for act in acts), max)]
    for answer in answers:
        if answer.version >= len(possible_from) or possible_from[answer.version] > answer.received_at:
            yield answer


def _wrong(acts: Sequence[Act], answers: Sequence[Answer], unless_listed: str) -> Iterator[Answer]:
    decisions: dict[str, str] = {}
    version = 0
    for answer in sorted(answers, key=lambda answer: answer.version):
        while version < min(answer.version, len(acts)):
            decisions |= acts[version].effects
            version += 1
        if any(decisions.get(who, unless_listed) != decision for who, decision in answer.decisions.items()):
            yield answer
