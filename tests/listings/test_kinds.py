"""Which kind of debtor a row names whose table does not say (faults 15)."""

from datetime import date

import pytest

from blacklist_service.listings.kinds import find_kind
from blacklist_service.subjects.identifiers import SubjectKind

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    "number",
    ["4443〇〇〇〇〇〇〇〇043256", "613526〇〇〇〇〇〇〇〇916X", "5351411零零零零零零零零15X", "6143891OOOOOOO2474"],
)
def test_a_mask_that_holds_as_a_credit_code_makes_no_organisation_of_a_person(number: str):
    assert kind_of("王伟", number) is SubjectKind.PERSON


@pytest.mark.parametrize("name", ["王伟", "昆明顺达商贸中心"])
def test_a_credit_code_as_it_is_written_is_an_organisations(name: str):
    assert kind_of(name, "91530111MA6K70012B") is SubjectKind.ORGANISATION


def kind_of(name: str, number: str) -> SubjectKind | None:
    return find_kind("", name, None, number, has_people=False, today=TODAY)
