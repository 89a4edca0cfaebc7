"""The console's pages are rendered by a separate process: whatever it does, checks are answered; if it dies, it is
restarted.
"""

import asyncio
import signal
from pathlib import Path

from tests.durability.serving import READY_SECONDS, Part, Served, running, send_signal
from tests.durability.wire import Client, request_bytes
from tests.support import question, resident_id, subject

LOGIN = request_bytes("/console/login", method="GET")


async def test_checks_are_answered_while_no_page_is(tmp_path: Path) -> None:
    served = Served(tmp_path, workers=1)
    async with running(served), Client(served.port) as person, Client(served.port) as system:
        page = await person.ask(LOGIN)
        assert page.status == 200
        assert "登录".encode() in page.body
        [console] = served.pids(Part.CONSOLE)
        send_signal(console, signal.SIGSTOP)
        asked = asyncio.create_task(person.ask(LOGIN))
        check = request_bytes("/v1/checks", question(subject(number=resident_id())), key=served.keys["agency"])
        for _ in range(20):
            assert (await system.ask(check)).status == 200
        assert not asked.done()
        send_signal(console, signal.SIGCONT)
        assert (await asked).body == page.body


async def test_killed_it_comes_back_and_says_meanwhile_that_it_could_not(tmp_path: Path) -> None:
    served = Served(tmp_path, workers=1)
    async with running(served), Client(served.port) as person, Client(served.port) as system:
        assert (await person.ask(LOGIN)).status == 200
        [console] = served.pids(Part.CONSOLE)
        send_signal(console, signal.SIGSTOP)
        asked = asyncio.create_task(person.ask(LOGIN))
        await asyncio.sleep(0.2)
        assert served.kill(Part.CONSOLE) == console
        broken = await asked
        assert broken.status == 503
        assert "没有得到答复不等于未发现限制".encode() in broken.body
        check = request_bytes("/v1/checks", question(subject(number=resident_id())), key=served.keys["agency"])
        assert (await system.ask(check)).status == 200
        async with asyncio.timeout(READY_SECONDS):
            while (await person.ask(LOGIN)).status != 200:
                await asyncio.sleep(0.1)
        assert served.pids(Part.CONSOLE) not in ([], [console])
