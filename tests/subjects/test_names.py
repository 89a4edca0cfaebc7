"""Comparing and masking names: domain §3.5."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blacklist_service.subjects.characters import PRIVATE_USE
from blacklist_service.subjects.identifiers import SubjectKind
from blacklist_service.subjects.names import comparison_key, is_suspect_name, mask_name, name_key, names_agree

PERSON, ORGANISATION = SubjectKind.PERSON, SubjectKind.ORGANISATION
DOTS = "\u00b7\u2022\u30fb\uff65\u2027\u22c5\u2219\u0387\u25cf\u2024\ufe52\uff0e\ua78f\u2e31\u2e33."


@pytest.mark.parametrize("dot", DOTS)
def test_every_dot_between_the_parts_of_a_name_is_the_national_one(dot):
    assert name_key(f"买买提{dot}艾力") == "买买提·艾力"
    assert names_agree(PERSON, f"买买提{dot}艾力", "买买提·艾力")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (" 朱\u3000喆伟 ", "朱喆伟"),
        ("张\u200b三\ufeff\u200f", "张三"),
        ("·买买提•艾力.", "买买提·艾力"),
        ("john　ＳＭＩＴＨ", "JOHNSMITH"),
        ("J. Smith", "J.SMITH"),
        ("云南（昆明）有限公司", "云南(昆明)有限公司"),
        ("㼆", "㼆"),
        ("陈䶮鑫", "陈䶮鑫"),
        ("\ufa15", "\u51de"),
        ("\ufa0e\ufa11\ufa23", "\ufa0e\ufa11\ufa23"),
        ("𠂇𬀩", "𠂇𬀩"),
        ("葛\U000e0100", "葛"),
        ("e\u0301", "É"),
        (" \u3000·", ""),
    ],
)
def test_a_name_has_one_key(name, key):
    assert name_key(name) == key


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (PERSON, "张喆", "张哲"),
        (PERSON, "张东", "張東"),
        (PERSON, "\ufa0e", "\ufa0f"),
        (ORGANISATION, "云南甲有限公司", "云南甲有限责任公司"),
        (ORGANISATION, "云南甲有限公司", "云南甲有限公司昆明分公司"),
        (ORGANISATION, "甲（中国）有限公司", "甲有限公司"),
        (ORGANISATION, "甲企业（普通合伙）", "甲企业"),
        (ORGANISATION, "甲（原平）有限公司", "甲有限公司"),
        (ORGANISATION, "甲（集团）有限公司", "甲（中国）有限公司"),
    ],
)
def test_different_names_do_not_agree(kind, one, other):
    assert not names_agree(kind, one, other)


@pytest.mark.parametrize(
    "name",
    [
        "甲有限公司（法定代表人：无）",
        "甲有限公司(法定代表人张三)",
        "甲有限公司（曾用名：乙（昆明）有限公司）",
        "甲有限公司 曾用名：乙有限公司",
        "甲有限公司（原乙厂）",
        "甲有限公司（负责人：李四",
        "甲有限公司，法定代表人：张三",
        "甲 有 限 公 司",
    ],
)
def test_an_annotation_is_no_part_of_an_organisations_name(name):
    assert comparison_key(ORGANISATION, name) == "甲有限公司"
    assert names_agree(ORGANISATION, name, "甲有限公司")


def test_a_name_that_is_all_annotation_keeps_a_key():
    assert comparison_key(ORGANISATION, "（曾用名：乙有限公司）") == "(曾用名:乙有限公司)"


@pytest.mark.parametrize(
    "name", ["张\ue000", "张?", "张？", "张*", "张＊", "张\ufffd", "徐(莹加王旁)", "徐（莹加王旁）", "⿰王加"]
)
def test_a_name_with_a_missing_character_is_compared_by_number_only(name):
    assert is_suspect_name(PERSON, name)
    assert names_agree(PERSON, name, "李四")
    assert names_agree(PERSON, "李四", name)


def test_brackets_are_suspect_in_a_persons_name_only():
    assert not is_suspect_name(ORGANISATION, "甲（中国）有限公司")
    assert is_suspect_name(ORGANISATION, "甲（中国）有限公\ue005")
    for name in ("张三", "买买提•艾力", "陈䶮", "𠂇", "John Smith", ""):
        assert not is_suspect_name(PERSON, name)


def test_private_use_characters_of_old_systems_are_folded():
    assert name_key(b"\xfe\x59".decode("gb18030")) == "\u9fb4"
    assert name_key("陈\ue863") == "陈䶮"
    assert is_suspect_name(PERSON, "陈\ue863\ue81e")


def test_the_private_use_table_follows_the_order_of_the_bytes():
    for place, trail in enumerate([*range(0x50, 0x7F), *range(0x80, 0xA1)]):
        old = 0xE815 + place
        decoded = ord(bytes([0xFE, trail]).decode("gb18030"))
        assert PRIVATE_USE[old] == decoded or decoded == old  # Python's codec still is of the year 2000


@pytest.mark.parametrize(
    ("name", "kind", "masked"),
    [
        ("张三", None, "张*"),
        ("张", PERSON, "张"),
        (" 欧阳修 ", None, "欧**"),
        ("买买提江·艾力", None, "买******"),
        ("云南甲有限公司", None, "云南*****"),
        ("云南甲厂", ORGANISATION, "云南**"),
        ("甲有限公司分店", PERSON, "甲******"),
        ("JOHN SMITH", None, "J*********"),
        ("", None, ""),
    ],
)
def test_a_masked_name_shows_its_beginning(name, kind, masked):
    assert mask_name(name, kind) == masked


names = st.text() | st.text(
    f"张三买买提艾力喆 \u3000\u200b（）()法定代表人：无曾用名?*\ue863\ue000aB\u0301ßŉ{DOTS}", max_size=12
)


@settings(max_examples=300)
@given(st.sampled_from(SubjectKind), names)
def test_any_name_has_a_key_that_is_its_own_key(kind, name):
    key = name_key(name)
    assert name_key(key) == key
    assert names_agree(kind, name, key)
    assert len(mask_name(name)) == len(name.strip())


@given(st.sampled_from(SubjectKind), names, names)
def test_agreement_has_no_direction(kind, one, other):
    assert names_agree(kind, one, other) == names_agree(kind, other, one)


def test_a_lone_surrogate_is_suspect_but_no_error():
    assert is_suspect_name(PERSON, "张\ud800")
    assert name_key("张\ud800") == "张\ud800"
