"""Rules of passwords, codes and locks."""

from datetime import UTC, datetime, timedelta

import pytest

from blacklist_service.access.duties import OFFICE_OF_DUTY, SCOPES_OF_DUTY, Duty
from blacklist_service.members.rules import KEY_FORM
from blacklist_service.members.staff import rules, totp
from blacklist_service.members.staff.rules import Misses, PasswordFault

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("Short-1", PasswordFault.TOO_SHORT),
        ("a" * 129, PasswordFault.TOO_LONG),
        ("onlysmallletters", PasswordFault.TOO_FEW_KINDS),
        ("12345678901234", PasswordFault.TOO_FEW_KINDS),
        ("My-name-is-wang.li-1", PasswordFault.HOLDS_LOGIN),
        ("X-王丽-is-me-2026", PasswordFault.HOLDS_LOGIN),
        ("Password-2026!", PasswordFault.COMMON),
        ("P@ssw0rd12345!", PasswordFault.COMMON),
        ("Admin@123456789", PasswordFault.COMMON),
        ("Qwertyuiop-123", PasswordFault.COMMON),
        ("Tea-4-two-clerks!", None),
        ("湖边-Zwei-Enten-7", None),
    ],
)
def test_a_password_is_refused_for_one_reason(password: str, fault: PasswordFault | None):
    assert rules.password_fault(password, login="wang.li", name="王丽") is fault


def test_five_misses_lock_for_half_an_hour_and_the_third_lock_of_a_day_for_good():
    assert rules.next_lock(Misses(4, 0), NOW) is None
    assert rules.next_lock(Misses(5, 0), NOW) == NOW + timedelta(minutes=30)
    assert rules.next_lock(Misses(5, 1), NOW) == NOW + timedelta(minutes=30)
    assert rules.next_lock(Misses(5, 2), NOW) == rules.FOR_EVER


def test_codes_are_those_of_rfc_6238():
    secret = b"12345678901234567890"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037"), (20000000000, "353130")):
        assert totp.code_at(secret, seconds // 30) == code


def test_a_code_fits_half_a_minute_around_now_and_once():
    secret, step = totp.new_secret(), totp.step_of(NOW)
    for neighbour in (-1, 0, 1):
        assert totp.matching_step(secret, totp.code_at(secret, step + neighbour), now=NOW, after=0) == step + neighbour
    assert totp.matching_step(secret, totp.code_at(secret, step + 2), now=NOW, after=0) is None
    assert totp.matching_step(secret, totp.code_at(secret, step), now=NOW, after=step) is None
    assert totp.matching_step(secret, "", now=NOW, after=0) is None


def test_a_typed_code_may_be_in_small_letters_and_without_its_hyphens():
    code = rules.new_code()
    assert rules.hash_code(code) == rules.hash_code(f" {code.lower().replace('-', ' ')} ")


def test_no_key_that_could_be_sent_names_an_account():
    for _ in range(50):
        account = rules.new_account_id()
        assert account.startswith("u")
        assert not KEY_FORM.fullmatch(f"sxd_live_{account}_{'a' * 43}_000000")


def test_the_officers_share_no_scope_with_anybody():
    for duty in (Duty.SYSTEM, Duty.SECURITY):
        others = [other for other in Duty if OFFICE_OF_DUTY[other] is not OFFICE_OF_DUTY[duty]]
        assert not any(SCOPES_OF_DUTY[duty] & SCOPES_OF_DUTY[other] for other in others)
