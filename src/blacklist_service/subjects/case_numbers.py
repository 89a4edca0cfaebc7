"""Case numbers (案号): 法〔2015〕137号 since 2016-01-01, and older ones kept as text."""

import re
from dataclasses import dataclass
from unicodedata import normalize

from blacklist_service.subjects.characters import BRACKETS, DASHES, FULL_WIDTH, INVISIBLE

# The look-ahead keeps the old 宁执字第00065号 from being read as a number of Ningxia's high court.
_STANDARD = re.compile(
    r"\((?P<year>(?:19|20)[0-9]{2})\)"
    r"(?P<court>最高法(?:知)?|[京津冀晋内辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新兵军](?:[0-9]{2}(?:[0-9]{2})?)?)"
    r"(?P<type>(?![^0-9]*[字第])[\u4e00-\u9fff]{1,3})"
    r"0*(?P<seq>[1-9][0-9]{0,7})号"
    r"(?P<sub>之[一二三四五六七八九十]+|之[0-9]+|-[0-9]+)?"
)
_FOLDED = {**INVISIBLE, **FULL_WIDTH, **BRACKETS, **dict.fromkeys(map(ord, DASHES), "-")}


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """`text` is canonical. A legacy number has no parts: two courts could share an old code, and many forms existed."""

    text: str
    is_legacy: bool
    year: int | None = None
    court_code: str | None = None
    kind: str | None = None


def fold_court_code(text: str) -> str:
    """The form in which a court's code (法院代字) is kept and compared: half-width, without blanks."""
    return normalize("NFKC", text).translate(INVISIBLE)


def read_case_number(text: str) -> CaseNumber | None:
    """Return None if blank; text that is not in the standard form is kept as a legacy number, never refused."""
    folded = text.translate(_FOLDED)
    if not folded:
        return None
    match = _STANDARD.fullmatch(folded)
    if match is None:
        return CaseNumber(folded, is_legacy=True)
    year, court, kind, sequence, sub = match.groups()
    canonical = f"({year}){court}{kind}{sequence}号{sub or ''}"
    return CaseNumber(canonical, is_legacy=False, year=int(year), court_code=court, kind=kind)
