"""Makers of synthetic numbers, with python-stdnum's check digits, so that ours are not judged by themselves."""

from datetime import date

from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from blacklist_service.subjects.identifiers import PROVINCES

TODAY = date(2026, 3, 1)
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def resident_number(region: str, born: date, serial: int) -> str:
    start = f"{region}{born:%Y%m%d}{serial:03d}"
    return start + resident_check(start)


def resident_check(start: str) -> str:
    return ric.calc_check_digit(start + "0")  # it drops the last character, the check itself


def organisation_code(start: str) -> str:
    values = [int(character, 36) for character in start]
    rest = 11 - sum(weight * value for weight, value in zip(ORGANISATION_WEIGHTS, values, strict=True)) % 11
    return start + {10: "X", 11: "0"}.get(rest, str(rest))


def credit_code(start: str) -> str:
    return start + uscc.calc_check_digit(start)


resident_numbers = st.builds(
    resident_number,
    st.builds("{}{:04d}".format, st.sampled_from(sorted(PROVINCES)), st.integers(0, 9999)),
    st.dates(date(1900, 1, 1), date(1999, 12, 31)),
    st.integers(0, 995),
)
organisation_codes = st.builds(organisation_code, st.text(USCC_ALPHABET, min_size=8, max_size=8)).filter(
    lambda code: code.strip("0")
)
credit_codes = st.builds(
    lambda region, code: credit_code(f"91{region:06d}{code}"), st.integers(110000, 659999), organisation_codes
)
