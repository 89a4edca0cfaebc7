"""A catalogue as a file: each measure once, with its dated articles, and matters that refer to it. Pure.

A whole measure is referred to by its id (`M16`), one part of it by `M16.debtor`; a reference may narrow the roles. The nested
form, in which each matter contains its measures, is what answers checks, is stored in versions and shown over HTTP.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from blacklist_service.measures.rules import (
    Article,
    Catalogue,
    Frozen,
    LocalSetting,
    MatterName,
    MeasureScope,
    SubjectRole,
)
from blacklist_service.problems import FieldError, InvalidRequest


class SharedMeasure(MeasureScope):
    """A measure, or one part of it, that matters refer to."""

    part: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,63}$")
    articles: Annotated[tuple[Article, ...], Field(min_length=1)]

    @property
    def name(self) -> str:
        return f"{self.id}.{self.part}" if self.part else self.id


class Use(Frozen):
    """A reference, with the roles to which the matter narrows the measure."""

    use: str
    roles: tuple[SubjectRole, ...] = ()


class MatterOfFile(MatterName):
    measures: Annotated[tuple[str | Use, ...], Field(min_length=1)]


class CatalogueFile(Frozen):
    founding_edition: int = Field(0, ge=0, le=2**31)
    measures: tuple[SharedMeasure, ...]
    matters: tuple[MatterOfFile, ...]
    local_settings: tuple[LocalSetting, ...] = ()


def is_by_reference(document: Mapping[str, Any]) -> bool:
    return "measures" in document


def nested(file: CatalogueFile) -> dict[str, Any]:
    """The same catalogue, each matter with its measures. Raise `InvalidRequest` for a name that is defined twice or not at
    all.
    """
    held: dict[str, SharedMeasure] = {}
    for place, measure in enumerate(file.measures):
        if measure.name in held:
            raise InvalidRequest(errors=[FieldError(f"/measures/{place}", "duplicate", "this measure stands twice")])
        held[measure.name] = measure
    matters = [
        matter.model_dump(mode="json", exclude={"measures"})
        | {"measures": [row for use in _uses(matter, place, held) for row in use]}
        for place, matter in enumerate(file.matters)
    ]
    return {
        "founding_edition": file.founding_edition,
        "matters": matters,
        "local_settings": [setting.model_dump(mode="json") for setting in file.local_settings],
    }


def _uses(matter: MatterOfFile, place: int, held: Mapping[str, SharedMeasure]) -> Iterator[list[dict[str, Any]]]:
    for number, reference in enumerate(matter.measures):
        use = Use(use=reference) if isinstance(reference, str) else reference
        parts = [one for name, one in held.items() if use.use in {name, one.id}]
        if not parts:
            pointer = f"/matters/{place}/measures/{number}"
            raise InvalidRequest(errors=[FieldError(pointer, "unknown", "no measure of the file has this name")])
        yield [row for part in parts for row in _rows(part, use.roles)]


def _rows(measure: SharedMeasure, roles: tuple[SubjectRole, ...]) -> list[dict[str, Any]]:
    scope = measure.model_dump(mode="json", by_alias=True, exclude={"part", "articles"})
    if roles:
        scope["roles"] = list(roles)
    return [scope | article.model_dump(mode="json", exclude_unset=True) for article in measure.articles]


def is_same(one: Catalogue, other: Catalogue) -> bool:
    """Whether they have the same content, whichever founding edition they come from."""
    return one.matters == other.matters and one.local_settings == other.local_settings
