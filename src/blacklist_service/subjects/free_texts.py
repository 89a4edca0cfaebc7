"""Finds persons' numbers in free texts that should have none: 付张三（身份证530111198503170015）货款. Pure."""

import re

_BETWEEN = "[ \\-\u00a0\u2010-\u2015\u2212\u3000\uff0d]?"
_DIGIT = "[0-9\uff10-\uff19]"
# A run as long as an identity number (15, 18) or a bank card's, however grouped; or as a mobile telephone number.
_NUMBER = re.compile(f"(?<!{_DIGIT}){_DIGIT}(?:{_BETWEEN}{_DIGIT}){{13,}}{_BETWEEN}[0-9Xx\uff10-\uff19\uff38\uff58]")
_TELEPHONE = re.compile(f"(?<!{_DIGIT})[1\uff11][3-9\uff13-\uff19](?:{_BETWEEN}{_DIGIT}){{9}}(?!{_DIGIT})")
_MAY_HOLD_ONE = re.compile(f"{_DIGIT}[^{_DIGIT[1:-1]}]?{_DIGIT}[^{_DIGIT[1:-1]}]?{_DIGIT}")
SHOWN_AT_THE_ENDS = 4


def holds_number(text: str) -> bool:
    """Whether the text may hold a person's number."""
    return _NUMBER.search(text) is not None or _TELEPHONE.search(text) is not None


def mask_numbers(text: str) -> str:
    """The text with the middle of each such number hidden."""
    if not _MAY_HOLD_ONE.search(text):
        return text
    return _TELEPHONE.sub(_mask, _NUMBER.sub(_mask, text))


def _mask(match: re.Match[str]) -> str:
    number = match[0]
    hidden = "*" * (len(number) - 2 * SHOWN_AT_THE_ENDS)
    return number[:SHOWN_AT_THE_ENDS] + hidden + number[-SHOWN_AT_THE_ENDS:]
