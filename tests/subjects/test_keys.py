"""Which keys of a question meet which keys of a listing, and what a hit proves (design §5, §8; domain §6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind, read_identifier
from blacklist_service.subjects.keys import (
    Identity,
    KeyKind,
    Subject,
    SubjectKey,
    asked_keys,
    identity_of,
    listed_keys,
    related_keys,
)
from tests.subjects.numbers import TODAY, credit_codes, resident_check, resident_numbers

PERSON, ORGANISATION = SubjectKind.PERSON, SubjectKind.ORGANISATION
T = IdentifierType
DIGESTER = Digester(b"k" * 32)
STRENGTH = list(Identity)


def test_the_same_number_and_name_are_exact():
    assert meet(person("张三", "530111198503170015"), person("张三", "530111198503170015")) is Identity.EXACT


def test_the_same_number_with_another_name_differs():
    assert meet(person("李四", "530111198503170015"), person("张三", "530111198503170015")) is Identity.NAME_DIFFERS


def test_a_namesake_with_another_number_is_no_match():
    assert meet(person("张三", "110105199209093636"), person("张三", "530111198503170015")) is None


def test_another_dot_in_the_name_is_the_same_name():
    asked, listed = person("买买提•艾力", "530103196611063058"), person("买买提·艾力", "530103196611063058")
    assert meet(asked, listed) is Identity.EXACT


def test_old_and_new_numbers_meet():
    assert meet(person("张三", "110105491231002"), person("张三", "11010519491231002X")) is Identity.EXACT
    assert meet(person("张三", "11010519491231002X"), person("张三", "110105491231002")) is Identity.EXACT


@pytest.mark.parametrize("mask", ["5301111985****0015", "53011119850****0015", "530111************"])
def test_a_masked_listing_is_possible_for_the_number_it_could_hide(mask):
    assert meet(person("张三", "530111198503170015"), person("张三", mask)) is Identity.MASKED
    assert meet(person("李四", "530111198503170015"), person("张三", mask)) is None
    assert meet(person("张三", "110105199209093636"), person("张三", mask)) is None


def test_a_suspect_name_with_an_equal_number_is_exact():
    asked, listed = person("徐莹", "530111198503170015"), person("徐(莹加王旁)", "530111198503170015")
    assert meet(asked, listed) is Identity.EXACT


@pytest.mark.parametrize("number", ["", "无", "530111********0015", "53011119850317001", "530111198503170016"])
def test_a_listing_without_a_usable_number_is_found_by_name_only(number):
    listed = person("张三", number)
    assert meet(person("张三", "530111198503170015"), listed) is Identity.NAME_ONLY
    assert meet(person("张三", ""), listed) is Identity.NAME_ONLY
    assert meet(person("李四", "530111198503170015"), listed) is None


def test_a_question_without_a_number_finds_every_listing_of_the_name():
    for number in ("", "530111198503170015", "5301111985****0015", "E12345678"):
        assert meet(person("张三", ""), person("张三", number)) is Identity.NAME_ONLY


def test_a_person_and_an_organisation_of_one_name_are_two():
    assert meet(person("张三", ""), organisation("张三", "")) is None


def test_a_credit_code_meets_the_organisation_code_within_it():
    asked, listed = organisation("滇池甲有限公司", "91530111647729644H"), organisation("滇池甲有限公司", "64772964-4")
    assert meet(asked, listed) is Identity.EXACT
    assert meet(listed, asked) is Identity.EXACT
    assert meet(organisation("乙有限公司", "91530111647729644H"), listed) is Identity.NAME_DIFFERS


def test_a_credit_code_that_fails_its_check_is_matched_as_it_stands():
    company = organisation("甲有限公司", "91350211M0000XUF46")
    assert meet(company, company) is Identity.EXACT


def test_an_annotation_in_the_list_does_not_make_another_company():
    listed = organisation("甲有限公司（法定代表人：无）", "91350100M000100Y43")
    assert meet(organisation("甲有限公司", "91350100M000100Y43"), listed) is Identity.EXACT
    assert meet(organisation("甲有限公司", ""), listed) is Identity.NAME_ONLY


@pytest.mark.parametrize("number", ["企合滇总字第000123号", "5301111985****0015"])
def test_a_company_listed_under_a_number_nobody_asks_by_is_not_cleared_by_its_credit_code(number):
    listed = organisation("甲有限公司", number)
    assert meet(organisation("甲有限公司", "91350100M000100Y43"), listed) is Identity.NAME_ONLY
    assert meet(organisation("乙有限公司", "91350100M000100Y43"), listed) is None


def test_companies_with_different_numbers_of_one_type_do_not_meet():
    assert meet(organisation("甲公司", "530103620128086"), organisation("甲公司", "530103620128087")) is None
    assert meet(organisation("甲公司", "91350100M000100Y43"), organisation("甲公司", "91110000101623741K")) is None


@pytest.mark.parametrize("written", [T.RESIDENT_ID, T.HMT_RESIDENCE_PERMIT, T.OTHER, None])
def test_the_name_of_the_card_does_not_hide_the_number(written):
    listed = person("张三", "810000199001010019", written)
    assert meet(person("张三", "810000199001010019", T.HMT_RESIDENCE_PERMIT), listed) is Identity.EXACT


@pytest.mark.parametrize("written", [T.OTHER, T.PASSPORT, T.HK_MACAO_PERMIT, None])
def test_a_travel_document_meets_its_number_under_another_word(written):
    listed = person("张三", "H1234567801", written)
    assert meet(person("张三", "H12345678", T.HK_MACAO_PERMIT), listed) is Identity.EXACT
    assert meet(person("张三", "H1234567802", T.HK_MACAO_PERMIT), listed) is Identity.EXACT


def test_a_number_whose_check_holds_is_that_number_whatever_it_is_called():
    """GB 11643 and GB 32100 decide, not the word beside the number, in the list and in the question."""
    shop = "92530111MA6K700390"
    assert meet(organisation("丙号百货店", shop), person("丙号百货店", shop)) is Identity.EXACT
    assert meet(person("丙号百货店", shop, T.PASSPORT), organisation("丙号百货店", shop)) is Identity.EXACT
    assert meet(person("丙号百货店", ""), person("丙号百货店", shop)) is Identity.NAME_ONLY
    for word in (T.PASSPORT, T.MILITARY_ID, T.HK_MACAO_PERMIT, T.USCC, T.ORGANISATION_CODE):
        listed = person("张三", "530111198503170015", word)
        assert meet(person("张三", "530111198503170015"), listed) is Identity.EXACT
        assert meet(listed, person("张三", "530111198503170015")) is Identity.EXACT


def test_a_failing_number_under_other_is_found_by_name_as_well():
    listed = person("张三", "530111198503170016", T.OTHER)
    assert meet(person("张三", "530111198503170016", T.OTHER), listed) is Identity.EXACT
    assert meet(person("张三", "530111198503170015"), listed) is Identity.NAME_ONLY


def test_a_related_person_needs_a_number():
    assert related_keys(person("张三", ""), DIGESTER) == []
    assert related_keys(person("张三", "530111198503170016"), DIGESTER) == []
    assert kinds(related_keys(person("张三", "530111198503170015"), DIGESTER)) == [KeyKind.IDENTIFIER]
    assert kinds(related_keys(person("张三", "5301111985****0015"), DIGESTER)) == [KeyKind.MASKED]
    assert kinds(related_keys(organisation("甲", "91350100M000100Y43"), DIGESTER)) == [KeyKind.IDENTIFIER]


def test_the_keys_of_each_side():
    full, masked = person("张三", "530111198503170015"), person("张三", "5301111985****0015")
    company = organisation("甲公司", "91350100M000100Y43")
    assert kinds(listed_keys(full, DIGESTER)) == [KeyKind.IDENTIFIER, KeyKind.NAME]
    assert kinds(listed_keys(masked, DIGESTER)) == [KeyKind.MASKED, KeyKind.NAME]
    assert kinds(listed_keys(company, DIGESTER)) == [KeyKind.IDENTIFIER, KeyKind.ORGANISATION_CODE, KeyKind.NAME]
    assert kinds(listed_keys(person("张三", ""), DIGESTER)) == [KeyKind.NAME_ONLY, KeyKind.NAME]
    assert kinds(asked_keys(full, DIGESTER)) == [KeyKind.IDENTIFIER, *[KeyKind.MASKED] * 3, KeyKind.NAME_ONLY]
    assert kinds(asked_keys(person("张三", ""), DIGESTER)) == [KeyKind.NAME]


@pytest.mark.parametrize("number", ["", "5301111985****0015", "530111198503170015", "91350100M000100Y43", "64772964-4"])
def test_no_digest_stands_for_two_kinds_of_key(number):
    for kind in SubjectKind:
        subject = subject_of(kind, "张三", number, None)
        keys = listed_keys(subject, DIGESTER) + asked_keys(subject, DIGESTER)
        assert len({key.digest for key in keys}) == len(set(keys))


@given(resident_numbers, st.sampled_from([(10, 4), (11, 4), (6, 12)]))
def test_every_mask_of_an_old_number_is_asked_for(number, form):
    shown, stars = form
    mask = number[:shown] + "*" * stars + ("" if stars == 12 else number[14:])
    old = number[:6] + number[8:17]
    asked = asked_keys(person("张三", old), DIGESTER)
    assert {key for key in listed_keys(person("张三", mask), DIGESTER) if key.kind is KeyKind.MASKED} <= set(asked)


@given(credit_codes)
def test_the_code_within_a_credit_code_is_the_code_itself(code):
    short = listed_keys(organisation("甲", f"{code[8:16]}-{code[16]}"), DIGESTER)
    whole = asked_keys(organisation("甲", code), DIGESTER)
    assert [key for key in short if key.kind is KeyKind.ORGANISATION_CODE] == [
        key for key in whole if key.kind is KeyKind.ORGANISATION_CODE
    ]


@given(st.sampled_from(SubjectKind), st.text(), st.text(), st.sampled_from([None, *IdentifierType]))
def test_any_subject_has_keys_and_meets_itself_by_name_at_least(kind, name, number, type_):
    subject = subject_of(kind, name, number, type_)
    assert meet(subject, subject) is not None
    assert meet(Subject(kind, name, None), subject) is Identity.NAME_ONLY


def test_the_check_of_a_foreigners_card_is_the_same():
    number = "91115619900101001" + resident_check("91115619900101001")
    assert meet(person("SMITH", number), person("smith", number, T.RESIDENT_ID)) is Identity.EXACT
    assert meet(person("SMITH", number), person("smith", number)) is Identity.EXACT


def meet(asked: Subject, listed: Subject) -> Identity | None:
    """The strongest identity by which the question finds the listing."""
    held = {key.digest for key in listed_keys(listed, DIGESTER)}
    identities = [
        identity_of(key.kind, asked.kind, asked.name, listed.name)
        for key in asked_keys(asked, DIGESTER)
        if key.digest in held
    ]
    return min(identities, key=STRENGTH.index, default=None)


def kinds(keys: list[SubjectKey]) -> list[KeyKind]:
    return [key.kind for key in keys]


def person(name: str, number: str, type_: IdentifierType | None = None) -> Subject:
    return subject_of(PERSON, name, number, type_)


def organisation(name: str, number: str, type_: IdentifierType | None = None) -> Subject:
    return subject_of(ORGANISATION, name, number, type_)


def subject_of(kind: SubjectKind, name: str, number: str, type_: IdentifierType | None) -> Subject:
    return Subject(kind, name, read_identifier(kind, type_, number, today=TODAY))
