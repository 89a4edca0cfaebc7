"""A kept column: whatever is missing from its declaration is found here."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from blacklist_service.listings.columns import KEPT, TITLES, KeptColumn
from blacklist_service.listings.files.names import meaning_of
from blacklist_service.listings.schemas import PublishRequest

each = pytest.mark.parametrize("one", KEPT, ids=lambda one: one.field.value)


@each
def test_a_file_may_call_it_as_a_page_does(one: KeptColumn):
    assert meaning_of(TITLES[one.path]) is one.field


@each
def test_a_publication_over_http_has_a_place_for_it(one: KeptColumn):
    asked: Any = PublishRequest
    for name in one.place_in_request.split("."):
        annotation = asked.model_fields[name].annotation
        inner = [of for of in (annotation, *get_args(annotation)) if isinstance(of, type) and issubclass(of, BaseModel)]
        asked = inner[0] if inner else None
    assert asked is None
