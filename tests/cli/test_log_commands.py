"""The log from the command line: begun by the first start, key rotation, the anchor, witnesses."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.cli.test_commands import Operator, operator, port, service  # noqa: F401 - the same running service


def fetch(port: int, key: str, path: str) -> str:  # noqa: F811
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/ledger/{path}", headers={"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        content: bytes = response.read()
    return content.decode()


@pytest.fixture(scope="module")
def auditor(operator: Operator, service) -> str:  # noqa: F811
    assert operator.types("members", "add", "GD-AUDIT", "--name", "审计", "--kind", "auditor").returncode == 0
    made = operator.types("keys", "create", "--member", "GD-AUDIT", "--role", "auditor", "--json")
    key: str = json.loads(made.stdout)["key"]
    return key


def test_the_first_start_begins_the_log_beside_the_database(operator: Operator, service, port: int, auditor: str):  # noqa: F811
    key_file = operator.data_dir / "signing.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    origin = fetch(port, auditor, "checkpoint").split("\n")[0]
    assert origin.startswith("blacklist.local/query-log/")
    assert (operator.data_dir / "checkpoint").read_text().startswith(origin + "\n")
    assert fetch(port, auditor, "vkey").startswith(origin + "+")


def test_a_witness_follows_from_its_own_machine(
    operator: Operator,  # noqa: F811
    service,  # noqa: F811
    port: int,  # noqa: F811
    auditor: str,
    tmp_path: Path,
):
    (tmp_path / "vkey").write_text(fetch(port, auditor, "vkey"))
    words = ["audit", "witness", "follow", "--url", f"http://127.0.0.1:{port}", "--name", "audit.example/w1"]
    words += ["--vkey-file", str(tmp_path / "vkey"), "--key-file", str(tmp_path / "key")]
    words += ["--state", str(tmp_path / "state")]
    unknown = operator.types(*words, BLACKLIST_API_KEY=auditor)
    assert unknown.returncode == 2
    vkey = unknown.stderr.splitlines()[0]
    assert operator.types("audit", "witness", "add", vkey).stdout == "added\n"
    assert operator.types("audit", "witness", "add", vkey).stdout == "unchanged\n"
    assert operator.types("audit", "witness", "add", "nonsense").returncode == 1
    known = operator.types(*words, BLACKLIST_API_KEY=auditor)
    assert known.returncode == 0, known.stderr
    assert "— audit.example/w1 " in fetch(port, auditor, "checkpoint/cosigned")
    forged = (tmp_path / "state").read_text().split("\n")
    forged[1] = "999999"
    (tmp_path / "state").write_text("\n".join(forged))
    rolled_back = operator.types(*words, BLACKLIST_API_KEY=auditor)
    assert rolled_back.returncode == 1
    assert "rolled back" in rolled_back.stderr


def test_a_rotated_key_stands_first(operator: Operator, service, port: int, auditor: str):  # noqa: F811
    old = fetch(port, auditor, "vkey")
    rotated = operator.types("keys", "rotate-signing", "--json")
    assert fetch(port, auditor, "vkey") == json.loads(rotated.stdout)["vkey"] + "\n" + old


def test_what_is_not_lost_is_not_adopted_and_what_is_young_not_erased(operator: Operator, service):  # noqa: F811
    adopted = operator.types("audit", "adopt-anchor")
    assert (adopted.returncode, "nothing is to be adopted" in adopted.stderr) == (2, True)
    erased = operator.types("audit", "erase-month", "2026-01")
    assert (erased.returncode, "a month is kept" in erased.stderr) == (1, True)


def test_a_signing_key_that_others_can_read_stops_every_command(operator: Operator, service):  # noqa: F811
    key_file = operator.data_dir / "signing.key"
    key_file.chmod(0o644)
    refused = operator.types("keys", "rotate-signing")
    key_file.chmod(0o600)
    assert (refused.returncode, "chmod 600" in refused.stderr) == (2, True)


def test_an_export_is_verified_offline(operator: Operator, service, port: int, auditor: str, tmp_path: Path):  # noqa: F811
    bundle = tmp_path / "april.zip"
    (tmp_path / "vkey").write_text(fetch(port, auditor, "vkey"))
    made = operator.types("audit", "export", "--out", str(bundle), "--json")
    assert made.returncode == 0, made.stderr
    words = ["audit", "verify", str(bundle), "--vkey", str(tmp_path / "vkey")]
    verified = operator.types(*words)
    assert (verified.returncode, f"{json.loads(made.stdout)['rows']} rows proved" in verified.stdout) == (0, True)
    assert operator.types("audit", "export", "--out", str(bundle), "--from", "yesterday").returncode == 2
    assert operator.types("audit", "export", "--out", str(bundle), "--action", "nothing").returncode == 2
    path = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KEY": auditor,
    }  # a python3 that has cryptography
    for recipe in auditors_recipes():
        asked = recipe.replace("https://…", f"http://127.0.0.1:{port}")
        run = subprocess.run(
            ["bash", "-ec", asked], cwd=tmp_path, env=os.environ | path, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert "complete" in run.stdout or "Verified Successfully" in run.stdout
    with zipfile.ZipFile(bundle) as whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    [rows] = [name for name in files if name.startswith("entries.")]
    with zipfile.ZipFile(bundle, "w") as altered:
        for name, content in files.items():
            altered.writestr(name, content[:-2] if name == rows else content)
    doubted = operator.types(*words)
    assert (doubted.returncode, "DOUBT" in doubted.stdout, doubted.stderr) == (1, True, "")


def auditors_recipes() -> list[str]:
    """What the documentation promises an auditor who trusts nothing of ours."""
    text = (Path(__file__).parents[2] / "docs" / "auditors.md").read_text("utf-8")
    blocks = [block.split("```")[0] for block in text.split("```sh\n")[1:]]
    recipes = [block for block in blocks if "verify_bundle.py" in block or "openssl" in block]
    assert len(recipes) == 2
    return [recipe for recipe in recipes if "openssl" not in recipe or shutil.which("openssl")]


def test_a_person_is_told_who_asked_but_not_what_is_under_investigation(operator: Operator, service):  # noqa: F811
    who = ["--name", "赵六", "--id-number", "530111198503170015"]
    asked = operator.types("check", "--matter", "civil_service_recruitment", *who)
    assert asked.returncode == 0, asked.stderr
    report = ["audit", "subject-report", *who, "--reason", "申请 1"]
    told = json.loads(operator.types(*report, "--json").stdout)["items"]
    assert json.loads(asked.stdout)["check_id"] in {one["check_id"] for one in told}
    placed = operator.types("audit", "embargo", "set", *who, "--until", "2999-01-01", "--reason", "侦查")
    assert placed.returncode == 0, placed.stderr
    assert json.loads(operator.types(*report, "--json").stdout)["items"] == []
    lifted = operator.types("audit", "embargo", "lift", placed.stdout.strip())
    assert lifted.stdout == "lifted\n"
    assert "530111198503170015" not in operator.types(*report).stdout
    assert operator.types("audit", "embargo", "set", *who, "--until", "soon", "--reason", "x").returncode == 2
