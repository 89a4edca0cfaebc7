"""What is installed from the wheel works by itself: from an empty folder, with nothing of the checkout in sight."""

import os
import signal
import site
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

CHECKOUT = Path(__file__).parent.parent.parent
READY_SECONDS = 60


def test_an_installed_wheel_migrates_and_serves_from_an_empty_folder(installed: "Installed"):
    assert installed.run("migrate").stdout == "the embedded database is up to date\n"
    with installed.serving() as url:
        assert httpx.get(f"{url}/readyz").status_code == 200
        assert httpx.post(f"{url}/v1/checks", json={}).status_code == 401


def test_what_is_installed_takes_its_own_migrations(installed: "Installed"):
    asked = "from blacklist_service.database import revisions as r; print(r.MIGRATIONS, r.newest_revision())"
    folder, newest = subprocess.check_output(
        [installed.programs / "python", "-c", asked], cwd=installed.folder, env=installed.environment, text=True
    ).split()
    assert Path(folder).is_relative_to(installed.programs.parent)
    assert newest == max(file.name[:4] for file in (CHECKOUT / "migrations/versions").glob("*.py"))


class Installed:
    """A virtual environment of its own; the libraries, which are not what is tried here, are this environment's."""

    def __init__(self, place: Path) -> None:
        self.programs = place / "venv" / "bin"
        self.folder = place / "empty"
        self.folder.mkdir()
        self.environment = {"PATH": f"{self.programs}:/usr/bin:/bin", "BLACKLIST_DATA_DIR": str(place / "data")}
        if programs := os.environ.get("BLACKLIST_POSTGRES_BIN"):
            self.environment["BLACKLIST_POSTGRES_BIN"] = programs
        self._install(place)

    def _install(self, place: Path) -> None:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place / "dist")]
        subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
        [wheel] = (place / "dist").glob("*.whl")
        venv.create(place / "venv", symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(self.programs / "python"), "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", "--no-deps", str(wheel)], check=True, capture_output=True)
        [packages] = (place / "venv").glob("lib/python3*/site-packages")
        # A path that is named in a .pth is searched, but its own .pth files, which name the checkout, are not read.
        (packages / "libraries.pth").write_text("\n".join(site.getsitepackages()) + "\n")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.programs / "blacklist-service"), *words]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=True
        )

    @contextmanager
    def serving(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        command = [str(self.programs / "blacklist-service"), "serve", "--port", port]
        with (self.folder.parent / "serve.log").open("wb") as log:
            server = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        try:
            yield _when_ready(f"http://127.0.0.1:{port}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)


def _when_ready(url: str) -> str:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/readyz").status_code == httpx.codes.OK:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service did not become ready")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"))
