"""Groups acts into waves, so that all acts of one kind in a wave are written by one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from uuid import UUID

from blacklist_service.ledger.actions import Act
from blacklist_service.listings.resolution import ListingAct


@dataclass(frozen=True, slots=True)
class Versioned:
    """An act with the list version it takes; None if it does not change the list."""

    act: ListingAct
    list_version: int | None


class Kind(IntEnum):
    """How an act is written. Within a wave the kinds are written in this order."""

    CREATING = 0
    CORRECTING = 1
    PAUSING = 2
    ENDING = 3


@dataclass(frozen=True, slots=True)
class Wave:
    """Acts that are written together: for each listing at most one act of a kind, and the kinds in order."""

    creating: list[Versioned] = field(default_factory=list)
    correcting: list[Versioned] = field(default_factory=list)
    pausing: list[Versioned] = field(default_factory=list)
    """Suspensions and resumptions."""
    ending: list[Versioned] = field(default_factory=list)

    def add(self, kind: Kind, one: Versioned) -> None:
        (self.creating, self.correcting, self.pausing, self.ending)[kind].append(one)


def waves_of(acts: Iterable[Versioned]) -> list[Wave]:
    """Split acts so that each kind can be written at once, and each listing still goes through its acts in order. Nearly
    always there is one wave.
    """
    waves: list[Wave] = []
    reached: dict[UUID, tuple[int, Kind]] = {}
    last_ending = -1
    for one in acts:
        kind = _kind(one.act)
        if kind is Kind.CREATING:
            # A new listing may take the natural key that an earlier act has freed.
            place = last_ending + 1
        else:
            place, before = reached.get(one.act.listing_id, (0, Kind.CREATING))
            place += before >= kind and one.act.listing_id in reached
            if one.act.takes_freed_key:
                place = max(place, last_ending + 1)
        if kind is Kind.ENDING:
            last_ending = max(last_ending, place)
        reached[one.act.listing_id] = (place, kind)
        while len(waves) <= place:
            waves.append(Wave())
        waves[place].add(kind, one)
    return waves


def columns_of(acts: Sequence[Versioned], *names: str) -> list[list[Any]]:
    """The parameters of a statement: for each name, a column of the acts' field or of `list_version`."""
    return [
        [one.list_version for one in acts] if name == "list_version" else [getattr(one.act, name) for one in acts]
        for name in names
    ]


def _kind(act: ListingAct) -> Kind:
    if act.row is None:
        return Kind.PAUSING if act.act in (Act.SUSPENDED, Act.RESUMED) else Kind.ENDING
    return Kind.CREATING if act.version == 1 else Kind.CORRECTING
