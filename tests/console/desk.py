"""A person at the console as plain HTTP shows it: a cookie, the page that is open, and its forms."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.members.staff.people import PASSWORD, Person, forget_code
from tests.support import Service

ORIGIN = "http://127.0.0.1"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN, "Host": "127.0.0.1"}


class _Fields(HTMLParser):
    """The named fields of every form, with what they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append((given.get("action") or "", {}))
        elif tag == "input" and self.forms and given.get("name") and given.get("type") == "hidden":
            self.forms[-1][1][given["name"] or ""] = given.get("value") or ""


@dataclass
class Desk:
    service: Service
    cookie: str = ""
    address: str = ""
    page: httpx.Response = field(default_factory=lambda: httpx.Response(204))

    @property
    def text(self) -> str:
        """What the page says, without its tags."""
        words = re.sub(r"<(script|style).*?</\1>", "", self.page.text, flags=re.DOTALL)
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", words)))

    async def open(self, path: str, **headers: str) -> httpx.Response:
        return await self.send("GET", path, None, headers)

    async def submit(self, to: str, *, headers: Any = None, **fields: str) -> httpx.Response:
        """Send the form of the open page that goes to `to`, its hidden fields with what is given."""
        found = _Fields()
        found.feed(self.page.text)
        hidden = next((values for target, values in found.forms if target.endswith(to)), None)
        assert hidden is not None, f"no form goes to {to}: {[target for target, _ in found.forms]}"
        data = {name.rstrip("_"): value for name, value in fields.items()}
        return await self.send("POST", f"/console{to}", hidden | data, headers or {})

    async def log_in(self, person: Person) -> None:
        await forget_code(self.service, person)
        await self.open("/console/login")
        await self.submit("/login", login=person.login, password=PASSWORD, code=person.code())
        assert self.page.status_code == 200, self.text

    async def send(
        self, method: str, path: str, data: dict[str, str] | None = None, headers: Any = None
    ) -> httpx.Response:
        given = SAME_ORIGIN | ({"Cookie": f"__Host-console={self.cookie}"} if self.cookie else {}) | (headers or {})
        response = await self.service.client.request(method, f"{ORIGIN}{path}", data=data, headers=given)
        for line in response.headers.get_list("set-cookie"):
            if found := re.match(r'__Host-console="?([^;"]*)', line):
                self.cookie = found[1]
        self.page = response
        self.address = path
        if response.status_code == 303:
            return await self.send("GET", response.headers["location"], None, {})
        return response
