"""本人: a person's own factors, password, codes and preferences."""

from starlette.responses import Response

from blacklist_service.console import sealed
from blacklist_service.console.entrance import (
    ISSUER,
    NO_PASSKEY,
    PASSWORD_SENTENCES,
    registered_passkey,
    spaced,
    to_login,
)
from blacklist_service.console.forms import Form
from blacklist_service.console.pictures import qr_picture
from blacklist_service.console.routing import page
from blacklist_service.console.translations import Language
from blacklist_service.console.visits import COOKIE, Visit
from blacklist_service.members.staff import totp
from blacklist_service.members.staff.operations import accounts, factors
from blacklist_service.members.staff.passkeys import ask_to_register
from blacklist_service.members.staff.problems import AccountInvalid, PasswordRefused
from blacklist_service.members.staff.queries import count_backup_codes, list_passkeys
from blacklist_service.web.refusals import problem_wire
from blacklist_service.web.transactions import borrowed


@page("POST", "/me/passkeys")
async def add_passkey(visit: Visit) -> Response:
    """Add a factor, for a person who has just proved one."""
    form = visit.form
    form.require("label", "请填写名称，以便日后辨认")
    if form.is_faulty or not await visit.is_proved():
        return await _me(visit, form)
    made = registered_passkey(visit, "passkey")
    try:
        if made is None:
            raise AccountInvalid  # noqa: TRY301 - told as what the database refuses
        async with borrowed(visit.state.pool) as connection, connection.transaction():
            await factors.add_passkey(
                connection,
                visit.person.account.id,
                made,
                label=form["label"].strip()[:100],
                actor=visit.actor,
                secrecy=visit.state.secrecy,
            )
    except AccountInvalid:
        form.general.append(NO_PASSKEY)
        return await _me(visit, form)
    visit.state.console.forget(visit.request.cookies.get(COOKIE))
    return visit.go("/me")


@page("POST", "/me/passkeys/{credential}/removal")
async def remove_passkey(visit: Visit) -> Response:
    if not await visit.is_proved():
        return await _me(visit, visit.form)
    try:
        credential_id = bytes.fromhex(visit.path["credential"])
        async with borrowed(visit.state.pool) as connection, connection.transaction():
            await factors.remove_passkey(
                connection, visit.person.account.id, credential_id, actor=visit.actor, secrecy=visit.state.secrecy
            )
    except (AccountInvalid, ValueError):
        visit.form.general.append("这是唯一的登录方式，不能移除")
        return await _me(visit, visit.form)
    visit.state.console.forget(visit.request.cookies.get(COOKIE))
    return visit.go("/me")


@page("GET", "/me")
async def me(visit: Visit) -> Response:
    return await _me(visit, Form(), status=200)


@page("POST", "/me/preferences")
async def set_preferences(visit: Visit) -> Response:
    chosen = {"large": visit.form["large"] == "on", "keys": visit.form["keys"] == "on"}
    if visit.form["language"] in set(Language):
        chosen["language"] = visit.form["language"]  # type: ignore[assignment]
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        await accounts.set_preferences(connection, visit.person.account.id, chosen)
    visit.state.console.forget(visit.request.cookies.get(COOKIE))
    return visit.go("/me")


@page("POST", "/me/password")
async def change_password(visit: Visit) -> Response:
    """Needs the second factor; all sessions of the account end, so the person logs in again."""
    form = visit.form
    if not await visit.is_proved():
        return await _me(visit, form)
    if form["password"] != form["repeated"]:
        form.faults["repeated"] = "两次输入的口令不一致"
        return await _me(visit, form)
    try:
        async with visit.hashing() as connection:
            await factors.change_password(
                connection, visit.person.account.id, form["password"], actor=visit.actor, secrecy=visit.state.secrecy
            )
    except PasswordRefused as problem:
        form.take_problem(problem_wire(problem, None), {"/password": "password"}, PASSWORD_SENTENCES)
        return await _me(visit, form)
    return to_login(visit)


@page("POST", "/me/backup-codes")
async def new_backup_codes(visit: Visit) -> Response:
    if not await visit.is_proved():
        return await _me(visit, visit.form)
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        codes = await factors.renew_backup_codes(
            connection, visit.person.account.id, actor=visit.actor, secrecy=visit.state.secrecy
        )
    return visit.show("backup_codes.html", codes=codes, is_first=False)


@page("GET", "/me/codes")
async def codes_page(visit: Visit) -> Response:
    """Add a password and an app's codes to an account that has only passkeys."""
    if visit.person.account.totp is not None:
        return visit.go("/me")
    return _codes(visit, totp.written(totp.new_secret()), Form())


@page("POST", "/me/codes")
async def add_codes(visit: Visit) -> Response:
    form, account = visit.form, visit.person.account
    secret = sealed.unseal(visit.cipher, form["held"], purpose=f"{account.id} codes")
    if secret is None:
        return visit.go("/me/codes")
    if form["password"] != form["repeated"]:
        form.faults["repeated"] = "两次输入的口令不一致"
    if form.is_faulty or not await visit.is_proved():
        return _codes(visit, secret, form)
    try:
        async with visit.hashing() as connection:
            codes = await factors.add_codes(
                connection,
                account.id,
                password=form["password"],
                totp_secret=totp.read_written(secret),
                typed=form["app_code"],
                actor=visit.actor,
                secrecy=visit.state.secrecy,
            )
    except (PasswordRefused, AccountInvalid) as problem:
        fields = {"/password": "password", "/code": "app_code"}
        form.take_problem(problem_wire(problem, None), fields, PASSWORD_SENTENCES)
        return _codes(visit, secret, form)
    visit.state.console.forget(visit.request.cookies.get(COOKIE))
    return visit.show("backup_codes.html", codes=codes, is_first=False)


def _codes(visit: Visit, secret: str, form: Form) -> Response:
    account = visit.person.account
    return visit.show(
        "me_codes.html",
        status=422 if form.is_faulty else 200,
        form=form,
        held=sealed.seal(visit.cipher, secret, purpose=f"{account.id} codes"),
        secret=spaced(secret),
        picture=qr_picture(totp.uri_of(totp.read_written(secret), login=account.login, issuer=ISSUER)),
    )


async def _me(visit: Visit, form: Form, *, status: int = 422) -> Response:
    account = visit.person.account
    async with borrowed(visit.state.pool) as connection:
        passkeys = await list_passkeys(connection, account.id)
        codes_left = await count_backup_codes(connection, account.id)
    party, passkey = visit.party, None
    if party is not None:
        known = [row["credential_id"] for row in passkeys]
        asked = ask_to_register(party, account_id=account.id, login=account.login, known=known)
        passkey = visit.ask_passkey(asked, "passkey")
    shown = {"session": visit.person, "passkeys": passkeys, "codes_left": codes_left, "passkey": passkey}
    return visit.show("me.html", status=status, form=form, **shown)
