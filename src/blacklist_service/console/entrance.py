"""Logging in and out, enrolling, one's own factors and preferences."""

from starlette.responses import Response

from blacklist_service.console import sealed
from blacklist_service.console.forms import Form
from blacklist_service.console.home import matter_names
from blacklist_service.console.pictures import qr_picture
from blacklist_service.console.problems import LoggedOut
from blacklist_service.console.routing import PREFIX, page
from blacklist_service.console.translations import Language
from blacklist_service.console.visits import COOKIE, LANGUAGE_COOKIE, Visit, forget_session, set_session
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members.staff import totp
from blacklist_service.members.staff.operations import accounts, factors
from blacklist_service.members.staff.operations.factors import require_enrolment
from blacklist_service.members.staff.passkeys import Passkey, ask_to_register, read_registration
from blacklist_service.members.staff.problems import AccountInvalid, EnrolmentRefused, PasswordRefused, TooManyTries
from blacklist_service.members.staff.queries import count_backup_codes, find_account_by_login, list_passkeys
from blacklist_service.members.staff.sessions import (
    find_session,
    log_in,
    log_in_by_passkey,
    log_out,
    note_attempt,
    refuse_busy_address,
)
from blacklist_service.web.refusals import problem_wire
from blacklist_service.web.transactions import borrowed

WRONG_LOGIN = "登录名、口令或动态码不正确"
WRONG_ENROLMENT = "登录名或启用码不正确，或者启用码已过期"
PASSWORD_SENTENCES = {
    "too-short": "口令至少12个字符",
    "too-long": "口令最多128个字符",
    "too-few-kinds": "口令须包含大写字母、小写字母、数字、其他符号中的三种",
    "holds-login": "口令不得包含登录名或姓名",
    "common": "口令过于常见，容易被猜到",
    "used-before": "不得使用最近用过的口令",
    "code": "动态码不符，请核对手机时间后重试",
}
NO_PASSKEY = "通行密钥没有建立，请重试"
FIRST_LABEL = "启用时建立"
ISSUER = "失信核查"


@page("GET", "/login", is_open=True)
async def login_page(visit: Visit) -> Response:
    if visit.session is not None:
        return visit.go("/")
    return visit.show("login.html", kept="", target=visit.query.get("to", ""), is_over=False)


@page("POST", "/login/passkey", is_open=True)
async def login_by_passkey(visit: Visit) -> Response:
    """The device verified its user: both factors in one."""
    form, party, asked = visit.form, visit.party, visit.passkey_state("passkey login")
    try:
        async with borrowed(visit.state.pool) as connection, connection.transaction():
            secret = None
            if party is not None and asked is not None:
                secret = await log_in_by_passkey(
                    connection, party, asked, form["passkey"], actor=visit.actor, secrecy=visit.state.secrecy
                )
    except TooManyTries:
        return _login_again(visit, "尝试次数过多，请15分钟后再试", 429)
    if secret is None:
        return _login_again(visit, "通行密钥未通过验证，请重试，或者用口令和动态码登录", 401)
    response = await _welcome(visit, secret)
    set_session(response, secret)
    return response


@page("POST", "/login", is_open=True)
async def login(visit: Visit) -> Response:
    """Any mistake gets the same message, after the same time."""
    form, secrecy = visit.form, visit.state.secrecy
    try:
        async with visit.hashing() as connection:
            secret = await log_in(
                connection,
                login=form["login"].strip().lower(),
                password=form["password"],
                code=form["code"],
                actor=visit.actor,
                secrecy=secrecy,
            )
    except TooManyTries:
        return _login_again(visit, "尝试次数过多，请15分钟后再试", 429)
    if secret is None:
        return _login_again(visit, WRONG_LOGIN, 401)
    response = await _welcome(visit, secret)
    set_session(response, secret)
    return response


@page("POST", "/logout")
async def logout(visit: Visit) -> Response:
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        await log_out(connection, visit.person, actor=visit.actor, secrecy=visit.state.secrecy)
    return _left(visit)


def _left(visit: Visit) -> Response:
    """Redirect to the login; the session ends here and in the browser."""
    visit.state.console.forget(visit.request.cookies.get(COOKIE))
    visit.new_secret = None
    response = visit.go("/login")
    forget_session(response)
    return response


@page("GET", "/enrol", is_open=True)
async def enrol_page(visit: Visit) -> Response:
    return visit.show("enrol.html")


@page("POST", "/enrol", is_open=True)
async def begin_enrolment(visit: Visit) -> Response:
    """The code is right: show the secret for the app, sealed in the form until it comes back with a password."""
    form, secrecy = visit.form, visit.state.secrecy
    account_id = await _enrolling(visit, form["login"].strip().lower(), form["enrolment"])
    if account_id is None:
        return visit.show("enrol.html", status=401, form=_blamed(form, WRONG_ENROLMENT))
    held = {
        "account": account_id,
        "code": form["enrolment"],
        "login": form["login"].strip().lower(),
        "secret": totp.written(totp.new_secret()),
    }
    return _second_step(visit, sealed.seal(secrecy.cipher("console"), held, purpose="enrolment"), held, Form())


@page("POST", "/enrol/factors", is_open=True)
async def finish_enrolment(visit: Visit) -> Response:
    form, secrecy = visit.form, visit.state.secrecy
    held = sealed.unseal(secrecy.cipher("console"), form["held"], purpose="enrolment")
    if held is None:
        return visit.show("enrol.html", status=401, form=_blamed(Form(), WRONG_ENROLMENT))
    if form["password"] != form["repeated"]:
        form.faults["repeated"] = "两次输入的口令不一致"
        return _second_step(visit, form["held"], held, form)
    try:
        async with visit.hashing() as connection:
            codes = await factors.enrol(
                connection,
                held["account"],
                code=held["code"],
                password=form["password"],
                totp_secret=totp.read_written(held["secret"]),
                typed=form["code"],
                actor=visit.actor,
                secrecy=secrecy,
            )
    except (PasswordRefused, AccountInvalid) as problem:
        form.take_problem(problem_wire(problem, None), {"/password": "password", "/code": "code"}, PASSWORD_SENTENCES)
        return _second_step(visit, form["held"], held, form)
    except EnrolmentRefused:
        return visit.show("enrol.html", status=401, form=_blamed(Form(), WRONG_ENROLMENT))
    return visit.show("backup_codes.html", codes=codes, is_first=True)


@page("POST", "/enrol/passkey", is_open=True)
async def enrol_by_passkey(visit: Visit) -> Response:
    """Instead of password and app."""
    form, secrecy, party = visit.form, visit.state.secrecy, visit.party
    held = sealed.unseal(secrecy.cipher("console"), form["held"], purpose="enrolment")
    if held is None:
        return visit.show("enrol.html", status=401, form=_blamed(Form(), WRONG_ENROLMENT))
    made = _registered(visit, f"{held['account']} passkey")
    if made is None or party is None:
        return _second_step(visit, form["held"], held, Form(general=[NO_PASSKEY]))
    try:
        async with borrowed(visit.state.pool) as connection, connection.transaction():
            await factors.enrol_passkey(
                connection,
                held["account"],
                made,
                code=held["code"],
                label=FIRST_LABEL,
                actor=visit.actor,
                secrecy=secrecy,
            )
    except AccountInvalid:
        return _second_step(visit, form["held"], held, Form(general=[NO_PASSKEY]))
    except EnrolmentRefused:
        return visit.show("enrol.html", status=401, form=_blamed(Form(), WRONG_ENROLMENT))
    return visit.go("/login")


@page("POST", "/me/passkeys")
async def add_passkey(visit: Visit) -> Response:
    """Add a factor, for a person who has just proved one."""
    form = visit.form
    form.require("label", "请填写名称，以便日后辨认")
    if form.is_faulty or not await visit.is_proved():
        return await _me(visit, form)
    made = _registered(visit, "passkey")
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
    return _left(visit)


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


@page("POST", "/language", is_open=True)
async def choose_language(visit: Visit) -> Response:
    """Before logging in; afterwards it is the person's own preference."""
    chosen = visit.form["language"] if visit.form["language"] in set(Language) else Language.CHINESE.value
    if visit.session is not None:
        preferences = visit.session.account.preferences | {"language": chosen}
        async with borrowed(visit.state.pool) as connection, connection.transaction():
            await accounts.set_preferences(connection, visit.session.account.id, preferences)
        visit.state.console.forget(visit.request.cookies.get(COOKIE))
    target = visit.form["here"].removeprefix(PREFIX)
    response = visit.go(target if target.startswith("/") and not target.startswith("//") else "/")
    response.set_cookie(LANGUAGE_COOKIE, chosen, path="/console", samesite="strict", httponly=True)
    return response


@page("GET", "/alive")
async def alive(_visit: Visit) -> Response:
    """Requested by the warning before an idle session ends: this request counts as use."""
    return Response(status_code=204)


async def _welcome(visit: Visit, secret: str) -> Response:
    """Redirect to where the person wanted to go, or back to the form that was open when the session ended, with its
    content.
    """
    async with borrowed(visit.state.pool) as connection:
        session = await find_session(connection, secret, secrecy=visit.state.secrecy)
    if session is None:
        raise LoggedOut
    kept = visit.form["kept"]
    if kept:
        value = sealed.unseal(visit.cipher, kept, purpose=f"{session.account.id} kept")
        if value is not None:
            visit.session = session
            path, values = value
            return visit.show("kept.html", path=path, values=values, names=await matter_names(visit))
    target = visit.form["to"]
    is_ours = target.startswith(f"{PREFIX}/") and "\\" not in target and "//" not in target
    return visit.go(target.removeprefix(PREFIX) if is_ours else "/")


def _login_again(visit: Visit, sentence: str, status: int) -> Response:
    typed = Form({"login": visit.form["login"]}, general=[sentence])
    context = {"kept": visit.form["kept"], "target": visit.form["to"], "is_over": False}
    return visit.show("login.html", status=status, form=typed, **context)


async def _enrolling(visit: Visit, login_name: str, code: str) -> str | None:
    """The account with this enrolment code; a wrong code counts against the address."""
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        instant, address = await database_clock(connection), visit.actor.source_ip
        await refuse_busy_address(connection, address, instant)
        account = await find_account_by_login(connection, login_name, secrecy=visit.state.secrecy)
        try:
            if account is not None:
                require_enrolment(account, code, instant)
                return account.id
        except EnrolmentRefused:
            pass
        await note_attempt(connection, instant, account.id if account else None, address, "login", succeeded=False)
    return None


def _codes(visit: Visit, secret: str, form: Form) -> Response:
    account = visit.person.account
    return visit.show(
        "me_codes.html",
        status=422 if form.is_faulty else 200,
        form=form,
        held=sealed.seal(visit.cipher, secret, purpose=f"{account.id} codes"),
        secret=_spaced(secret),
        picture=qr_picture(totp.uri_of(totp.read_written(secret), login=account.login, issuer=ISSUER)),
    )


def _spaced(secret: str) -> str:
    return " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))


def _second_step(visit: Visit, held_sealed: str, held: dict[str, str], form: Form) -> Response:
    uri = totp.uri_of(totp.read_written(held["secret"]), login=held["login"], issuer=ISSUER)
    passkey, party = None, visit.party
    if party is not None:
        asked = ask_to_register(party, account_id=held["account"], login=held["login"])
        passkey = visit.ask_passkey(asked, f"{held['account']} passkey")
    return visit.show(
        "enrol_factors.html",
        status=422 if form.is_faulty else 200,
        form=form,
        held=held_sealed,
        secret=_spaced(held["secret"]),
        picture=qr_picture(uri),
        passkey=passkey,
    )


def _registered(visit: Visit, purpose: str) -> Passkey | None:
    """The passkey that the browser created for the challenge."""
    party, asked = visit.party, visit.passkey_state(purpose)
    if party is None or asked is None:
        return None
    return read_registration(party, asked, visit.form["passkey"])


def _blamed(form: Form, sentence: str) -> Form:
    return Form({"login": form["login"]}, general=[sentence])


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
