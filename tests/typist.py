"""Types commands: each in a process of its own, forked from one that has read the command line's thousand modules.

To start Python and read them takes 1.5 seconds of a processor, and the tests type some two hundred commands. What a command
does, and how it ends, is the same: its environment, folder and standard streams are its own, and it ends as Python does. One
that must be a program from its first line on (its arguments in `ps`, Python's own variables) is started as one.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

PROGRAM = "blacklist_service"
MESSAGE_BYTES = 1 << 18
READ_AT_ITS_START = ("PYTHON", "LANG", "LC_")
UTF_8 = {"LANG": "C.UTF-8"}
NUMBER = struct.Struct("q")


class Forker:
    """The process that forks, and the line to it."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.typist", str(theirs.fileno())],
                env={"PATH": os.environ["PATH"]} | UTF_8,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self._stop)

    def run(self, words: Sequence[str], env: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
        output, errors = os.memfd_create("stdout"), os.memfd_create("stderr")
        told, tell = os.pipe()
        asked = json.dumps([list(words), dict(env), str(Path.cwd())]).encode()
        try:
            try:
                socket.send_fds(self._line, [asked], [0, output, errors, tell])
            finally:
                os.close(tell)
            status = _wait(told, [PROGRAM, *words], timeout)
            return subprocess.CompletedProcess([PROGRAM, *words], status, _content(output), _content(errors))
        finally:
            for descriptor in (told, output, errors):
                os.close(descriptor)

    def _stop(self) -> None:
        self._line.close()
        self._process.kill()
        self._process.wait()


_forker = functools.cache(Forker)


def typed(words: Sequence[str], *, env: Mapping[str, str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run([python, "-m", "blacklist_service", *words], env=…, capture_output=True, text=True)`."""
    of_python = {name: value for name, value in env.items() if name.startswith(READ_AT_ITS_START)}
    if of_python.items() - UTF_8.items():
        command = [sys.executable, "-m", PROGRAM, *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, check=False)
    return _forker().run(words, env, timeout)


def _wait(told: int, command: list[str], timeout: float) -> int:
    """Its status, as `subprocess` has it; raise `TimeoutExpired` after its end was made."""
    number = _hear(told)
    if not select.select([told], [], [], timeout)[0]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        _hear(told)
        raise subprocess.TimeoutExpired(command, timeout)
    return _hear(told)


def _hear(told: int) -> int:
    heard = os.read(told, NUMBER.size)
    assert len(heard) == NUMBER.size, "the process that forks has ended"
    return int(NUMBER.unpack(heard)[0])


def _content(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode()


def main() -> None:
    """Fork for each command that is asked for; returns from `_next_command` in that command's process alone."""
    place = socket.socket(fileno=int(sys.argv[1]))
    importlib.import_module(f"{PROGRAM}.cli.commands")
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    words = _next_command(place)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv[1:] = words
    runpy.run_module(PROGRAM, run_name="__main__", alter_sys=True)


def _next_command(place: socket.socket) -> list[str]:
    while True:
        asked, descriptors, _, _ = socket.recv_fds(place, MESSAGE_BYTES, 4)
        if not asked:
            os._exit(0)
        if os.fork() == 0:
            place.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _in_its_place(*json.loads(asked), streams=descriptors[:3], tell=descriptors[3])
        for descriptor in descriptors:
            os.close(descriptor)


def _in_its_place(
    words: list[str], environment: dict[str, str], folder: str, *, streams: list[int], tell: int
) -> list[str]:
    if command := os.fork():
        _tell(command, tell)
    os.close(tell)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    return words


def _tell(command: int, tell: int) -> NoReturn:
    """Its number at once, and at its end how it ended."""
    os.write(tell, NUMBER.pack(command))
    _, status = os.waitpid(command, 0)
    os.write(tell, NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


if __name__ == "__main__":
    main()
