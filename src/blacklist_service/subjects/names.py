"""Names: the form in which they are compared, whether they can be compared at all, and their masks.

Traditional and simplified forms, or variants such as 喆 and 哲, are different names and are not equated.
"""

import re
from unicodedata import normalize

from blacklist_service.subjects.characters import FULL_WIDTH, INVISIBLE, PRIVATE_USE, RADICALS
from blacklist_service.subjects.identifiers import SubjectKind

DOT = "·"  # U+00B7, 民委发〔2016〕33号

_OTHER_DOTS = (
    "\u2022\u30fb\uff65\u2027\u22c5\u2219\u0387\u25cf\u2024\ufe52\uff0e\ua78f\u2e31\u2e33\u318d\u16eb\uff61\u02d9"
)
_FOLDED: dict[int, str | int | None] = {
    **FULL_WIDTH,
    **{code: RADICALS.get(mapped, mapped) for code, mapped in PRIVATE_USE.items()},
    **RADICALS,
    **INVISIBLE,
    **dict.fromkeys(map(ord, _OTHER_DOTS), DOT),
    **dict.fromkeys(map(ord, "\u2169\u2179"), "X"),
}
_SEVERAL_DOTS = re.compile(f"{DOT}{{2,}}")

# Unified ideographs of the two oldest blocks are unchanged by folding: nearly every name is done here.
_PLAIN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
_CJK = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\ue000-\uf8ff\uf900-\ufaff\U00020000-\U0003ffff"
_DOT_BETWEEN_CJK = re.compile(rf"(?<=[{_CJK}])\.(?=[{_CJK}])")

# A name in Latin letters is compared by its letters alone: passports, visas and courts write it in either case, with or
# without diacritics, hyphens and apostrophes, with the family name first before a comma, or last without one.
_LATIN = re.compile(
    f"(?=.*[A-Z\u00c0-\u024f\u1e00-\u1eff])[!-~{DOT}\u00b4\u00c0-\u024f\u02b9-\u02bf\u0300-\u036f\u1e00-\u1eff\u2010-\u201f]+"
)
_LETTERS_WITHOUT_MARKS = str.maketrans(
    {"Ø": "O", "Ł": "L", "Đ": "D", "Ħ": "H", "Ŧ": "T", "Æ": "AE", "Œ": "OE", "Þ": "TH", "Ð": "D", "ẞ": "SS", "ı": "I"}
)
_NO_LETTER = re.compile("[^A-Z0-9]+")

# Stand-ins for a character that could not be written: private use (even those our table maps, because tables differ between
# systems), a substitute, a mask, a description of the character (⿰王加), UTF-8 substitutes read as GBK (锟斤拷).
_UNREADABLE = re.compile(
    r"锟斤拷?|锟$|[?？*＊\u2217\ufe61×〓□\ufffd\u2ff0-\u2fff\ue000-\uf8ff\U000f0000-\U0010ffff\ud800-\udfff]"
)
_NOTE = re.compile(r"[(（\[［【〔{｛<＜]")

# An annotation is recognised by its first words: brackets are part of many names, (中国), (集团), (普通合伙), (原平).
_INNER = r"(?:[^()]|\([^()]*\))*(?:\)|$)"
_ANNOTATION = re.compile(
    r"\((?:(?:法定代表人|法人代表|法人|主要负责人|负责人|经营者|投资人|业主|执行事务合伙人|统一社会信用代码|组织机构代码|注册号"
    r"|曾用名|原名|现名|更名|又名|别名|简称|以下简称|已更名|已注销|已吊销|注销|吊销|破产清算)" + _INNER + "|"
    r"(?:原|现)[^()]*(?:公司|厂|店|合作社|企业)" + _INNER + ")"
    r"|[,;、]?(?:曾用名.+|(?:法定代表人|法人代表|主要负责人|负责人|经营者|投资人):.*)$"
)
_MAY_BE_ANNOTATED = re.compile("[(:]|曾用名")

LONGEST_UNDOTTED_PERSON = 5


def name_key(name: str) -> str:
    """The comparison key. NFKC alone would leave four of the dots unchanged and turn U+FF0E into a full stop."""
    if _PLAIN.fullmatch(name):
        return name
    folded = _DOT_BETWEEN_CJK.sub(DOT, normalize("NFC", name.translate(_FOLDED)))
    return _SEVERAL_DOTS.sub(DOT, normalize("NFC", folded.upper())).strip(DOT + ".")


def is_plain(name: str) -> bool:
    """Whether it consists of unified ideographs only, as nearly every name does: those are unchanged by folding."""
    return _PLAIN.fullmatch(name) is not None


def comparison_key(kind: SubjectKind, name: str) -> str:
    """The name key, for an organisation without annotations; 有限公司 stays different from 有限责任公司. A Latin name is
    reduced to its letters: `SMITH, John-Paul` equals `John Paul Smith`.
    """
    key = name_key(name)
    if kind is SubjectKind.PERSON and key is name:
        return name
    if not is_plain(key) and _LATIN.fullmatch(key):
        return _latin_letters(kind, key) or key
    return without_annotation(kind, key)


def without_annotation(kind: SubjectKind, key: str) -> str:
    """An organisation's name key without notes beside the name, such as a former name or a representative."""
    if kind is SubjectKind.ORGANISATION and _MAY_BE_ANNOTATED.search(key):
        return _ANNOTATION.sub("", key).rstrip(",;、") or key
    return key


def is_suspect_name(kind: SubjectKind, name: str) -> bool:
    """Whether the name cannot be compared: a character is missing, or described in a note such as 徐(莹加王旁)."""
    if _PLAIN.fullmatch(name) and "锟" not in name:
        return False
    if _UNREADABLE.search(name):
        return True
    return kind is SubjectKind.PERSON and _NOTE.search(name) is not None


def names_agree(kind: SubjectKind, one: str, other: str) -> bool:
    """Whether the names do not rule out that it is the same subject; with a suspect name only the identifier decides."""
    return (
        one == other
        or comparison_key(kind, one) == comparison_key(kind, other)
        or is_suspect_name(kind, one)
        or is_suspect_name(kind, other)
    )


def mask_name(name: str, kind: SubjectKind | None = None) -> str:
    """For the audit log: show one character of a person's name, two of an organisation's; without a kind, a long name counts
    as an organisation's.
    """
    trimmed = name.strip()
    shown = 2 if _is_organisation(trimmed, kind) else 1
    return trimmed[:shown] + "*" * (len(trimmed) - shown)


def _latin_letters(kind: SubjectKind, key: str) -> str:
    family, comma, given = key.partition(",")
    ordered = given + family if comma and kind is SubjectKind.PERSON else key
    return _NO_LETTER.sub("", normalize("NFD", ordered.translate(_LETTERS_WITHOUT_MARKS)))


def _is_organisation(name: str, kind: SubjectKind | None) -> bool:
    if kind is not None:
        return kind is SubjectKind.ORGANISATION
    return len(name) > LONGEST_UNDOTTED_PERSON and _PLAIN.match(name) is not None and DOT not in name_key(name)
