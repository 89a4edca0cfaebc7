"""What a new catalogue takes away: it is put in force only by a person who confirms having seen exactly that. Pure.

The court's list no longer reaches a debtor whom no measure stops any more. So a change that removes a matter or a measure, or
that narrows or weakens one, is shown first, with a digest, and the digest is its confirmation. A change that only adds or
strengthens needs none.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import product
from typing import Any

from blacklist_service.ledger.entries import canonical
from blacklist_service.measures.rules import (
    Catalogue,
    CatalogueDifference,
    Matter,
    Measure,
    MeasureClass,
    SubjectRole,
    difference,
)
from blacklist_service.problems import Conflict
from blacklist_service.subjects.identifiers import SubjectKind

HARDEST_FIRST = tuple(MeasureClass)
"""Prohibition, notice required, restriction, reference, none."""

Days = tuple[date, date]
"""From the first to the last, both inclusive."""


class Loss(StrEnum):
    """What a measure of a matter loses."""

    MATTER_REMOVED = "matter_removed"
    MEASURE_REMOVED = "measure_removed"
    CLASS_WEAKENED = "class_weakened"
    REACH_NARROWED = "reach_narrowed"


@dataclass(frozen=True, slots=True)
class Weakening:
    """One measure of one matter. `since` and `until` are the days affected: None if unbounded."""

    matter: str
    measure: str
    loss: Loss
    measure_class: str
    since: date
    until: date | None

    @property
    def wire(self) -> dict[str, Any]:
        return {
            "matter": self.matter,
            "measure": self.measure,
            "loss": self.loss.value,
            "class": self.measure_class,
            "since": self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change as it is shown: from which version, to which catalogue, and what it weakens."""

    replaces: int
    sha256: str
    changes: CatalogueDifference
    weakened: tuple[Weakening, ...]

    @property
    def wire(self) -> dict[str, Any]:
        return {
            "replaces": self.replaces,
            "sha256": self.sha256,
            "added": list(self.changes.added),
            "removed": list(self.changes.removed),
            "changed": list(self.changes.changed),
            "local_settings_changed": self.changes.settings,
            "weakened": [one.wire for one in self.weakened],
        }

    @property
    def digest(self) -> str:
        """SHA-256 over RFC 8785's form of `wire`, in hexadecimal."""
        return hashlib.sha256(canonical(self.wire)).hexdigest()


class ConfirmationNeeded(Conflict):
    """The catalogue takes something away, and whoever brings it has not confirmed just that."""

    def __init__(self, shown: ShownChange) -> None:
        super().__init__(
            "this catalogue removes or weakens measures: look at the difference, then send its digest as `confirm`",
            extra={"difference": shown.wire, "digest": shown.digest},
        )
        self.shown = shown


def show(old: Catalogue, new: Catalogue, *, replaces: int, sha256: str) -> ShownChange:
    return ShownChange(replaces, sha256, difference(old, new), weakenings(old, new))


def require_confirmed(shown: ShownChange, confirm: str | None) -> None:
    """Raise `ConfirmationNeeded` if something is weakened and the digest does not match it."""
    if shown.weakened and (confirm is None or confirm.strip().lower() != shown.digest):
        raise ConfirmationNeeded(shown)


def weakenings(old: Catalogue, new: Catalogue) -> tuple[Weakening, ...]:
    """In the order of matters and measures, each once."""
    found: set[Weakening] = set()
    for matter in old.matters:
        successor = new.by_code.get(matter.code)
        if successor is None:
            found |= {_lost(matter, one, Loss.MATTER_REMOVED) for one in matter.measures}
        elif successor != matter:
            found.update(_weakened(matter, successor))
    return tuple(sorted(found, key=lambda one: (one.matter, one.measure, one.loss, one.since, one.until or date.max)))


def _weakened(old: Matter, new: Matter) -> Iterator[Weakening]:
    same, by_id = set(new.measures), defaultdict(list)
    for measure in new.measures:
        by_id[measure.id].append(measure)
    for measure in old.measures:
        if measure in same:
            continue
        if measure.id not in by_id:
            yield _lost(old, measure, Loss.MEASURE_REMOVED)
            continue
        if measure.measure_class is MeasureClass.NONE:  # nothing is weakened
            continue
        for case in _cases_of(measure):
            reaching = [one for one in by_id[measure.id] if _reaches(one, case)]
            holding = [one for one in reaching if _is_as_hard(one, measure)]
            for first, last in _without(_days(measure), map(_days, holding)):
                is_there = any(_overlap(_days(one), (first, last)) for one in reaching)
                loss = Loss.CLASS_WEAKENED if is_there else Loss.REACH_NARROWED
                until = None if last == date.max else last
                yield Weakening(old.code, measure.id, loss, measure.measure_class.value, first, until)


def _lost(matter: Matter, measure: Measure, loss: Loss) -> Weakening:
    return Weakening(matter.code, measure.id, loss, measure.measure_class.value, measure.valid_from, measure.valid_to)


def _cases_of(measure: Measure) -> Iterable[tuple[str, str, str]]:
    """Every relation, kind and role it applies to."""
    kinds: Sequence[str] = measure.kinds or tuple(SubjectKind)
    return product(measure.relations, kinds, measure.roles or tuple(SubjectRole))


def _reaches(measure: Measure, case: tuple[str, str, str]) -> bool:
    relation, kind, role = case
    return (
        relation in measure.relations
        and (not measure.kinds or kind in measure.kinds)
        and (not measure.roles or role in measure.roles)
    )


def _is_as_hard(measure: Measure, than: Measure) -> bool:
    return HARDEST_FIRST.index(measure.measure_class) <= HARDEST_FIRST.index(than.measure_class)


def _days(measure: Measure) -> Days:
    return measure.valid_from, measure.valid_to or date.max


def _overlap(one: Days, other: Days) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _without(days: Days, taken: Iterable[Days]) -> list[Days]:
    """The remaining days after those are removed."""
    left = [days]
    for first, last in taken:
        rest = []
        for one in left:
            if not _overlap(one, (first, last)):
                rest.append(one)
                continue
            if one[0] < first:
                rest.append((one[0], first - timedelta(days=1)))
            if last < one[1]:
                rest.append((last + timedelta(days=1), one[1]))
        left = rest
    return left
