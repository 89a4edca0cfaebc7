"""Names as digest rules 1 compared them; also looked up while the list still holds keys of those rules.

`listings/operations/digesting.py` digests the list again; once it has finished, nothing here is called any more.
"""

import re
from unicodedata import normalize

from blacklist_service.subjects.characters import FULL_WIDTH, INVISIBLE, PRIVATE_USE
from blacklist_service.subjects.identifiers import SubjectKind
from blacklist_service.subjects.names import DOT, is_plain, without_annotation

_DOTS = "\u2022\u30fb\uff65\u2027\u22c5\u2219\u0387\u25cf\u2024\ufe52\uff0e\ua78f\u2e31\u2e33"
_FOLDED = {
    **FULL_WIDTH,
    **PRIVATE_USE,
    **{code: None for code in INVISIBLE if code != 0x061C},
    **dict.fromkeys(map(ord, _DOTS), DOT),
}
_CJK = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\ue000-\uf8ff\uf900-\ufaff\U00020000-\U0003ffff"
_DOT_BETWEEN_CJK = re.compile(rf"(?<=[{_CJK}])\.(?=[{_CJK}])")


def former_comparison_key(kind: SubjectKind, name: str) -> str:
    """The former `names.comparison_key`; it left plain ideographs unchanged, too."""
    if is_plain(name):
        return without_annotation(kind, name)
    folded = _DOT_BETWEEN_CJK.sub(DOT, normalize("NFC", name.translate(_FOLDED)))
    return without_annotation(kind, normalize("NFC", folded.upper()).strip(DOT + "."))
