"""Passkeys with a virtual authenticator: enrolling, logging in, proving again; and what is refused."""

from typing import Any

import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.clock import now
from blacklist_service.members.staff import passkeys, totp
from blacklist_service.members.staff.operations import accounts, grants
from blacklist_service.members.staff.passkeys import RelyingParty
from tests.console.browser.conftest import Hall, Seat
from tests.members.staff.people import PASSWORD, add_person
from tests.support import TEST, Service

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def plug_in(seat: Seat) -> tuple[Any, str]:
    """A device that verifies its user, at this seat."""
    session = await seat.context.new_cdp_session(seat.page)
    await session.send("WebAuthn.enable")
    added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return session, added["authenticatorId"]


async def test_a_passkey_enrols_logs_in_and_proves_again(hall: Hall, service: Service):
    async with service.workplace.connected() as connection, connection.transaction():
        account, code = await accounts.open_account(
            connection,
            member="GD-AUDIT",
            login="zhao.min",
            name="赵敏",
            employee_number="E-900",
            actor=TEST,
            secrecy=service.workplace.secrecy,
        )
        await grants.grant_duty(connection, account, Duty.AUDITOR, actor=TEST, secrecy=service.workplace.secrecy)
    check = await service.check({"role": "applicant", "kind": "person", "name": "赵六", "identifier": None})
    async with hall.seat(name="localhost") as seat:
        session, device = await plug_in(seat)
        page = seat.page
        await seat.open("/enrol")
        await page.get_by_label("登录名").fill("zhao.min")
        await page.get_by_label("启用码").fill(code)
        await seat.press("下一步")
        await seat.picture("enrol-factors-passkey")
        await seat.press("建立通行密钥并启用")
        await page.get_by_role("button", name="使用通行密钥登录").wait_for()
        await seat.picture("login-passkey")
        await seat.accessible()
        await seat.press("使用通行密钥登录")
        await page.get_by_role("heading", name="工作台", level=1).wait_for()
        await seat.open("/me")
        await seat.says("启用时建立")
        await seat.picture("me-passkeys")
        await seat.accessible()
        await service.fetch("UPDATE staff_sessions SET proved_at = now() - interval '6 minutes'")
        service.app.state.console.__init__(service.app.state)
        await seat.open(f"/entries/{check['check_id']}")
        await page.get_by_label("理由").fill("信访件")
        await seat.picture("auditor-step-up-passkey")
        await seat.press("用通行密钥验证并继续")
        await seat.says("已揭示的身份")
        await session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        await service.fetch("UPDATE staff_sessions SET proved_at = now() - interval '6 minutes'")
        service.app.state.console.__init__(service.app.state)
        await seat.open(f"/entries/{check['check_id']}")
        await page.get_by_label("理由").fill("信访件")
        await seat.press("用通行密钥验证并继续")
        await seat.says("没有完成，请重试")
        await session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
        await seat.open("/me")
        await seat.says("通行密钥是您唯一的登录方式")
        await page.get_by_role("link", name="设置口令和动态码").click()
        await page.get_by_label("口令", exact=True).fill(PASSWORD)
        await page.get_by_label("再次输入口令").fill(PASSWORD)
        secret = totp.read_written((await page.locator("#secret").inner_text()).replace(" ", ""))
        await page.get_by_label("应用上的动态码").fill("000000")
        await seat.picture("me-codes")
        await seat.accessible()
        await seat.press("用通行密钥验证并继续")
        await seat.says("动态码不符")
        await seat.picture("me-codes-fault")
        await page.get_by_label("口令", exact=True).fill(PASSWORD)
        await page.get_by_label("再次输入口令").fill(PASSWORD)
        await page.get_by_label("应用上的动态码").fill(totp.code_at(secret, totp.step_of(now()) - 1))
        await seat.press("保存")
        await seat.says("备用码")
        await page.get_by_role("button", name="退出").click()
        await page.get_by_label("登录名").fill("zhao.min")
        await page.get_by_label("口令").fill(PASSWORD)
        await page.get_by_label("动态码").fill(totp.code_at(secret, totp.step_of(now())))
        await page.get_by_role("button", name="登录", exact=True).click()
        await page.get_by_role("heading", name="工作台", level=1).wait_for()
    [kept] = await service.fetch("SELECT count(*) AS n FROM staff_challenges")
    assert kept["n"] == 3  # the login and the two proofs


async def test_a_proof_is_taken_once_and_for_its_own_host_alone(hall: Hall, service: Service):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    sent: list[bytes] = []
    async with hall.seat(name="localhost") as seat:
        await plug_in(seat)
        await seat.log_in(person)
        await seat.open("/me")
        await seat.page.get_by_label("名称").fill("办公室电脑")
        await seat.press("添加通行密钥")
        await seat.says("办公室电脑")
        await seat.page.get_by_role("button", name="退出").click()
        seat.page.on("request", lambda r: sent.append(r.post_data_buffer or b"") if r.method == "POST" else None)
        await seat.press("使用通行密钥登录")
        await seat.page.get_by_role("heading", name="工作台", level=1).wait_for()
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": seat.url, "Host": seat.url.removeprefix("http://")}
    again = await service.client.post(
        f"{seat.url}/console/login/passkey",
        content=sent[-1],
        headers=headers | {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert again.status_code == 401
    assert "set-cookie" not in again.headers


async def test_at_an_ip_address_codes_stay(hall: Hall, service: Service):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.open("/login")
        assert await seat.page.get_by_text("使用通行密钥登录").count() == 0
        await seat.log_in(person)
        await seat.open("/me")
        assert await seat.page.get_by_text("添加通行密钥").count() == 0


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://blacklist.guandu.example", "blacklist.guandu.example"),
        ("http://localhost:8000", "localhost"),
        ("http://blacklist.guandu.example", None),
        ("http://127.0.0.1:8000", None),
        ("https://[::1]", None),
        ("https://10.0.0.5", None),
    ],
)
def test_passkeys_are_for_names_under_tls(origin: str, host: str | None):
    party = RelyingParty.of(origin)
    assert (party and party.host) == host


@pytest.mark.parametrize("answer", ["", "null", "[]", "{}", '{"rawId": 1}', "x" * 20_000, '{"id":"YQ","rawId":"YQ"}'])
def test_what_is_no_answer_proves_nothing(answer: str):
    assert passkeys.credential_id_of(answer) is None
    party = RelyingParty.of("https://blacklist.guandu.example")
    assert party
    _, state = passkeys.ask_to_register(party, account_id="u1", login="wang.li")
    assert passkeys.read_registration(party, state, answer) is None
