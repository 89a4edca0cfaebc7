"""The catalogue of measures and its meaning on a given day. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from blacklist_service.subjects.identifiers import SubjectKind
from blacklist_service.subjects.relations import Relation
from blacklist_service.web.wire import LongText, text

Basis = Annotated[str, *text(20_000)]


class MeasureClass(StrEnum):
    """What a hit means (domain §2.1): P, N, R, A and X."""

    PROHIBITION = "prohibition"
    NOTICE_REQUIRED = "notice_required"
    RESTRICTION = "restriction"
    REFERENCE = "reference"
    NONE = "none"


class SubjectRole(StrEnum):
    """In which role the asking agency meets the subject."""

    APPLICANT = "applicant"
    GUARDIAN = "guardian"
    LEGAL_REPRESENTATIVE = "legal_representative"
    PRINCIPAL = "principal"
    SHAREHOLDER = "shareholder"
    ACTUAL_CONTROLLER = "actual_controller"
    TRANSFEROR = "transferor"
    TRANSFEREE = "transferee"
    BIDDER = "bidder"
    CONSORTIUM_MEMBER = "consortium_member"
    OTHER = "other"


class Source(StrEnum):
    """Whether the legal text was found, or is from general knowledge and must be confirmed before a launch."""

    FOUND = "found"
    TO_BE_CONFIRMED = "to_be_confirmed"


class Certainty(StrEnum):
    """How certain the legal basis is: a court has to confirm what was not found in a text."""

    FOUND = "found"
    TO_CONFIRM = "to_confirm"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Article(Frozen):
    """The legal basis of a measure, and when it applies; `valid_to` is inclusive, `text` is where it was read."""

    basis: Basis
    edition: LongText
    valid_from: date
    valid_to: date | None = None
    source: Source
    text: LongText = ""
    certainty: Certainty | None = Field(None, description="not stated: as the source says")

    @model_validator(mode="after")
    def refuse_an_end_before_the_beginning(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self

    @property
    def how_certain(self) -> Certainty:
        if self.certainty is not None:
            return self.certainty
        return Certainty.FOUND if self.source is Source.FOUND else Certainty.TO_CONFIRM

    def is_in_force(self, on: date) -> bool:
        return _is_within(on, self.valid_from, self.valid_to)


class MeasureScope(Frozen):
    """The meaning of a measure, and whom it applies to. Empty `roles` or `kinds` do not restrict it."""

    id: str = Field(pattern=r"^M[0-9]{2}$")
    measure_class: MeasureClass = Field(alias="class")
    agency: LongText
    relations: tuple[Relation, ...] = Field(min_length=1)
    kinds: tuple[LongText, ...] = ()
    roles: tuple[SubjectRole, ...] = ()
    note: LongText = ""


class Measure(MeasureScope, Article):
    """One row of the measure table: a measure by one of its articles."""

    def covers(self, *, kind: str, role: str, relation: str, on: date) -> bool:
        return (
            relation in self.relations
            and (not self.roles or role in self.roles)
            and (not self.kinds or kind in self.kinds)
            and self.is_in_force(on)
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whom a matter's measures in force on a day cover, in any relation: other subjects are not judged."""

    pairs: frozenset[tuple[str, str]]
    roles: tuple[SubjectRole, ...]
    kinds: tuple[SubjectKind, ...]

    @classmethod
    def of(cls, measures: Iterable["Measure"]) -> "Coverage":
        pairs = {
            (kind, role)
            for measure in measures
            for kind in measure.kinds or tuple(SubjectKind)
            for role in measure.roles or tuple(SubjectRole)
        }
        return cls(
            pairs=frozenset(pairs),
            roles=tuple(role for role in SubjectRole if any(one == role for _, one in pairs)),
            kinds=tuple(kind for kind in SubjectKind if any(one == kind for one, _ in pairs)),
        )

    def roles_for(self, kind: str) -> tuple[SubjectRole, ...]:
        return tuple(role for role in self.roles if (kind, role) in self.pairs)

    def kinds_for(self, role: str) -> tuple[SubjectKind, ...]:
        return tuple(kind for kind in self.kinds if (kind, role) in self.pairs)


class MatterName(Frozen):
    """A kind of decision that an agency makes."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{2,63}$")
    name: LongText
    name_en: LongText
    about_children: bool = Field(False, description="a minor who is named in a check of it is not stored")


class Matter(MatterName):
    """A matter with its measures."""

    measures: tuple[Measure, ...] = Field(min_length=1)

    @cached_property
    def is_decided_here(self) -> bool:
        """False for class X: publication, police and asset control have channels of their own, and are not decided here."""
        return any(measure.measure_class is not MeasureClass.NONE for measure in self.measures)

    def coverage(self, on: date) -> Coverage:
        """Whom its measures cover on that legal date; cached, because every check of a day needs it."""
        found = self.coverages.get(on)
        if found is None:
            judging = [
                one for one in self.measures if one.measure_class is not MeasureClass.NONE and one.is_in_force(on)
            ]
            found = self.coverages[on] = Coverage.of(judging)
        return found

    @cached_property
    def coverages(self) -> dict[date, Coverage]:
        """The cached results of `coverage`."""
        return {}


class LocalSetting(Frozen):
    """A local setting within the law, with dates: a fee threshold, a list of schools (domain §2.4)."""

    matter: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{2,63}$")
    value: Annotated[int, Field(ge=-(2**53), le=2**53)] | LongText | tuple[LongText, ...]
    unit: LongText = ""
    basis: Basis
    valid_from: date
    valid_to: date | None = None

    def is_in_force(self, on: date) -> bool:
        return _is_within(on, self.valid_from, self.valid_to)


class Catalogue(Frozen):
    """All matters of one version. `founding_edition` is that of the founding file; 0 for a local catalogue."""

    founding_edition: int = Field(0, ge=0, le=2**31)
    matters: tuple[Matter, ...]
    local_settings: tuple[LocalSetting, ...] = ()

    @cached_property
    def by_code(self) -> Mapping[str, Matter]:
        return {matter.code: matter for matter in self.matters}

    @model_validator(mode="after")
    def refuse_two_of_one_code(self) -> "Catalogue":
        codes = [matter.code for matter in self.matters]
        if len(codes) != len(set(codes)):
            raise ValueError("two matters have the same code")
        return self

    @model_validator(mode="after")
    def refuse_settings_of_no_matter(self) -> "Catalogue":
        if {setting.matter for setting in self.local_settings} - self.by_code.keys():
            raise ValueError("a local setting names a matter that is not here")
        return self


@dataclass(frozen=True, slots=True)
class CatalogueDifference:
    """What one catalogue changes in another, as codes of matters; `settings` says whether a local setting changed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    settings: bool


def difference(old: Catalogue, new: Catalogue) -> CatalogueDifference:
    return CatalogueDifference(
        added=tuple(sorted(new.by_code.keys() - old.by_code.keys())),
        removed=tuple(sorted(old.by_code.keys() - new.by_code.keys())),
        changed=tuple(
            sorted(code for code in new.by_code.keys() & old.by_code.keys() if new.by_code[code] != old.by_code[code])
        ),
        settings=old.local_settings != new.local_settings,
    )


def _is_within(day: date, first: date, last: date | None) -> bool:
    """Both days are included; without a last day it does not end."""
    return first <= day and (last is None or day <= last)
