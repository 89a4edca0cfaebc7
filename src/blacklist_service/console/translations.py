"""Two languages. Chinese is the source: what a template says stands in it, and the lists of words have the English beside it.

Legal wording (grounds, circumstances, bases) stays Chinese in both.
"""

import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files


class Language(StrEnum):
    CHINESE = "zh-CN"
    ENGLISH = "en"


Translate = Callable[..., str]

WORD_LISTS = ("en.toml", "en_officers.toml", "en_told.toml")


@cache
def english() -> Mapping[str, str]:
    table: dict[str, str] = {}
    for name in WORD_LISTS:
        table |= tomllib.loads((files("blacklist_service.console") / name).read_text("utf-8"))["words"]
    return table


def translator(language: Language) -> Translate:
    """`t("共 {count} 条", count=3)`; what has no English yet is shown in Chinese."""
    words = english() if language is Language.ENGLISH else {}

    def t(text: str, **values: object) -> str:
        found = words.get(text, text)
        return found.format(**values) if values else found

    return t
