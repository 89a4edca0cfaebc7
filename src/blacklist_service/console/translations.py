"""Two languages. Chinese is the source and is in the templates; English translations are looked up by it.

Legal wording (grounds, circumstances, bases) stays Chinese in both.
"""

import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

from blacklist_service.ledger.actions import NAMES


class Language(StrEnum):
    CHINESE = "zh-CN"
    ENGLISH = "en"


Translate = Callable[..., str]

WORD_LISTS = ("en.toml", "en_officers.toml", "en_rosters.toml", "en_told.toml")


@cache
def english() -> Mapping[str, str]:
    table: dict[str, str] = {}
    for name in WORD_LISTS:
        table |= _list(name)["words"]
    return table


@cache
def english_of_what_was_done() -> Mapping[str, str]:
    """Chinese says 更正 both on a button and in a history; English says "Correct" and "Corrected"."""
    acts = {done.zh: done.en for names in NAMES.values() for done in (names.in_history, names.in_ledger)}
    return {**english(), **_list(WORD_LISTS[0])["done"], **acts}


@cache
def chinese_of_notes() -> Mapping[str, str]:
    """The notes of the included catalogue are English; a court's own notes are shown as written."""
    return _list("zh_notes.toml")["notes"]


@cache
def chinese_of_files() -> Mapping[str, Mapping[str, str]]:
    """`columns` of refused rows, by courts' names; `unreadable`: why a file was not read, by fragments of the English
    text.
    """
    return _list("zh_files.toml")


def _list(name: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((files("blacklist_service.console") / name).read_text("utf-8"))


def translator(language: Language, *, is_past: bool = False) -> Translate:
    """`t("共 {count} 条", count=3)`; a text without a translation is shown in Chinese.

    `is_past` names an act as done, as ledgers and histories do, and not as one to do.
    """
    words: Mapping[str, str] = {}
    if language is Language.ENGLISH:
        words = english_of_what_was_done() if is_past else english()

    def t(text: str, **values: object) -> str:
        found = words.get(text, text)
        return found.format(**values) if values else found

    return t
