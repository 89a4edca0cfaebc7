"""Questions: about whom, in which matter, for which file of the office."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from blacklist_client.models import IdentifierRequest, IdentifierType, SubjectKind, SubjectRequest, SubjectRole
from blacklist_client.reading import write

MOST_SUBJECTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. `reference` is the office's own file number: the purpose of asking.

    With `watch_until` the question is watched: when its answer changes, the office receives a watch event.
    """

    matter: str
    reference: str
    subjects: Sequence[SubjectRequest] = field(repr=False)
    operator: str | None = None
    object: str | None = None
    watch_until: date | None = None
    watch_tell: Literal["decision", "matches"] = "decision"
    watch_after_outcome: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.subjects) <= MOST_SUBJECTS:
            raise ValueError(f"a question names 1 to {MOST_SUBJECTS} subjects")

    def wire(self) -> dict[str, Any]:
        asked: dict[str, Any] = {"matter": self.matter, "reference": self.reference}
        if self.operator is not None:
            asked["operator"] = self.operator
        if self.object is not None:
            asked["object"] = self.object
        asked["subjects"] = write(list(self.subjects))
        if self.watch_until is not None:
            asked["watch"] = {
                "until": self.watch_until.isoformat(),
                "tell": self.watch_tell,
                "after_outcome": self.watch_after_outcome,
            }
        return asked


def person(
    name: str,
    *,
    resident_id: str | None = None,
    identifier: tuple[IdentifierType | str, str] | None = None,
    role: SubjectRole | str = SubjectRole.APPLICANT,
) -> SubjectRequest:
    """A natural person, by name and resident ID, or another document as (type, number). Without either: by name only."""
    given = (IdentifierType.RESIDENT_ID, resident_id) if resident_id is not None else identifier
    return _subject(SubjectKind.PERSON, name, given, role)


def organisation(
    name: str,
    *,
    uscc: str | None = None,
    identifier: tuple[IdentifierType | str, str] | None = None,
    role: SubjectRole | str = SubjectRole.BIDDER,
) -> SubjectRequest:
    """A company or another organisation, by name and unified social credit code, or another number as (type, number)."""
    given = (IdentifierType.USCC, uscc) if uscc is not None else identifier
    return _subject(SubjectKind.ORGANISATION, name, given, role)


def _subject(
    kind: SubjectKind, name: str, given: tuple[IdentifierType | str, str] | None, role: SubjectRole | str
) -> SubjectRequest:
    identifier = IdentifierRequest(type=IdentifierType(given[0]), number=given[1]) if given is not None else None
    return SubjectRequest(role=SubjectRole(role), kind=kind, name=name, identifier=identifier)
