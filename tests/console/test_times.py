"""Dates and times as people type them."""

import pytest

from blacklist_service.console.times import instant


@pytest.mark.parametrize(
    "typed",
    [
        "2026-04-26 08:41",
        "2026-04-26T08:41",
        " 2026/4/26 8:41 ",
        "2026年4月26日 8时41分",
        "２０２６．４．２６　８：４１",
    ],
)
def test_a_moment_is_read_however_it_is_written(typed: str):
    assert instant(typed) == "2026-04-26T08:41:00+08:00"


@pytest.mark.parametrize("typed", ["", "昨天下午", "2026-13-01 08:41", "2026-04-26 25:00", "04-26 08:41"])
def test_what_is_no_moment_is_none(typed: str):
    assert instant(typed) is None
