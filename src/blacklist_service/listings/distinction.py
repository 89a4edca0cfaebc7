"""Tells two listings of one debtor in one case apart (法发〔2019〕35号 item 19). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from blacklist_service.subjects.case_numbers import read_case_number
from blacklist_service.subjects.identifiers import Identifier, SubjectKind


@dataclass(frozen=True, slots=True)
class Distinction:
    """What distinguishes listings besides their keys. `identifier` is only known if listings share a name in a case."""

    record_id: str | None = None
    decision_number: str | None = None
    circumstances: frozenset[str] = frozenset()
    kind: SubjectKind = SubjectKind.PERSON
    identifier: Identifier | None = field(default=None, repr=False)


UNSAID = Distinction()


class HasDistinction(Protocol):
    naming: Distinction


Distinct = TypeVar("Distinct", bound=HasDistinction)


def are_two(one: Distinction, other: Distinction) -> bool:
    """Whether these are two listings of one debtor in one case: for example one with a term for C2–C6, and one for C1
    without.

    They are distinguished by 失信ID, or else by the decision together with its subject.
    """
    if one.record_id is not None and other.record_id is not None:
        return one.record_id != other.record_id
    if one.decision_number is None or other.decision_number is None:
        return False
    is_other_decision = not is_same_document(one.decision_number, other.decision_number)
    is_about_other = one.circumstances != other.circumstances
    return is_other_decision and is_about_other and bool(one.circumstances and other.circumstances)


def of_record(naming: Distinction, listings: Sequence[Distinct]) -> Sequence[Distinct]:
    """Those with the same 失信ID, if there are any."""
    return [one for one in listings if naming.record_id and one.naming.record_id == naming.record_id] or listings


def narrowed(naming: Distinction, listings: Sequence[Distinct], *, by_circumstances: bool = False) -> list[Distinct]:
    """Of several listings of one debtor in one case, those that `naming` means: by 失信ID, or else by the decision's
    number.
    """
    found = list(listings)
    if naming.record_id is not None:
        if same := [one for one in found if one.naming.record_id == naming.record_id]:
            return same
        found = [one for one in found if one.naming.record_id is None]
    if same := [one for one in found if is_same_document(naming.decision_number, one.naming.decision_number)]:
        return same
    if by_circumstances and (same := [one for one in found if one.naming.circumstances == naming.circumstances]):
        return same
    return found


def is_same_document(one: str | None, other: str | None) -> bool:
    """Whether two document numbers are equal, apart from the form of brackets and spaces."""
    return one is not None and other is not None and (one == other or _folded(one) == _folded(other))


def _folded(number: str) -> str:
    read = read_case_number(number)
    return read.text if read is not None else number
