"""Logging in and out, and enrolling."""

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
from blacklist_service.members.staff.queries import find_account_by_login
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
    return to_login(visit)


def to_login(visit: Visit) -> Response:
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
    made = registered_passkey(visit, f"{held['account']} passkey")
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


def spaced(secret: str) -> str:
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
        secret=spaced(held["secret"]),
        picture=qr_picture(uri),
        passkey=passkey,
    )


def registered_passkey(visit: Visit, purpose: str) -> Passkey | None:
    """The passkey that the browser created for the challenge."""
    party, asked = visit.party, visit.passkey_state(purpose)
    if party is None or asked is None:
        return None
    return read_registration(party, asked, visit.form["passkey"])


def _blamed(form: Form, sentence: str) -> Form:
    return Form({"login": form["login"]}, general=[sentence])
