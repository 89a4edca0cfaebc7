"""Forms: the typed values, and the faults that the API found in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData, UploadFile

from blacklist_service.console.wording import TYPES_OF_KIND
from blacklist_service.problems import InvalidRequest

MOST_FIELDS = 200
MOST_TEXT = 64 * 1024


@dataclass
class Form:
    """The fields as typed, and the faults found in them: both are shown again."""

    values: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def given(self, name: str) -> str | None:
        """The stripped value; None if empty."""
        return self.values.get(name, "").strip() or None

    @property
    def is_faulty(self) -> bool:
        return bool(self.faults or self.general)

    def require(self, name: str, sentence: str) -> None:
        if not self.given(name):
            self.faults[name] = sentence

    def take_problem(self, problem: Mapping[str, Any], fields: Mapping[str, str], sentences: Mapping[str, str]) -> None:
        """Show what the API refused beside its field: `fields` by the beginning of a JSON pointer, `sentences` by problem
        code.
        """
        errors: Iterable[Mapping[str, str]] = problem.get("errors") or ()
        for error in errors:
            name = next((name for start, name in fields.items() if error["pointer"].startswith(start)), None)
            sentence = sentences.get(error["code"]) or sentences.get(problem["code"]) or error["message"]
            if name is None:
                self.general.append(sentence)
            else:
                self.faults.setdefault(name, sentence)
        if not errors:
            self.general.append(sentences.get(problem["code"]) or problem["detail"])


def subject_of(form: Form) -> dict[str, Any]:
    """The subject that the fields name, as the API takes it; if the type belongs to another kind than the chosen one, the
    usual type of the chosen kind.
    """
    kind = form["kind"] if form["kind"] in TYPES_OF_KIND else "person"
    type_ = form["type"] if form["type"] in TYPES_OF_KIND[kind] else TYPES_OF_KIND[kind][0]
    number = form.given("number")
    identifier = {"type": type_, "number": number} if number else None
    return {"kind": kind, "name": form["name"].strip(), "identifier": identifier}


def read_form(data: FormData) -> Form:
    """Text fields only; uploads are read by the page that takes them. Raise `InvalidRequest` for a field that is not text."""
    values = {}
    for name, value in data.multi_items()[:MOST_FIELDS]:
        if isinstance(value, UploadFile):
            continue
        if "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
            raise InvalidRequest
        values[name] = value[:MOST_TEXT]
    return Form(values)
