"""What the documentation names exists: links, commands with their options, settings, files."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from blacklist_service.cli.commands import app
from blacklist_service.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if path.name != "CHANGELOG.md")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
IN_EACH_ROOM = {
    f"{name}.py" for name in ("rules", "models", "queries", "selects", "operations", "schemas", "routes", "tasks")
}
OUTSIDE = ("http://", "https://", "mailto:")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path):
    lost = [target for target in links_of(page) if not leads_somewhere(page, target)]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_exists_with_its_options(page: Path):
    unknown = [f"{line}: {fault}" for line in command_lines(page) if (fault := fault_of(shlex.split(line)[1:]))]
    assert unknown == []


def test_commands_are_found_in_the_pages_and_wrong_ones_are_noticed():
    assert sum(1 for page in PAGES for _ in command_lines(page)) > 20
    assert fault_of(["members", "erase", "GD-HR"])
    assert fault_of(["keys", "create", "--membre", "GD-HR"])
    assert not fault_of(["keys", "create", "--member", "GD-HR", "--role", "agency"])


def test_every_setting_is_explained_to_operators():
    page = (ROOT / "docs" / "operators.md").read_text("utf-8")
    named = set(re.findall(r"(?:BLACKLIST_|`…_)([A-Z_]+)`", page))
    assert {name.upper() for name in Settings.model_fields} - named == set()


def test_the_readme_can_be_read_in_one_sitting():
    assert len((ROOT / "README.md").read_bytes()) <= 8 * 1024


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_the_map_of_the_code_names_is_there(page: str):
    named = set(re.findall(r"`([\w./-]+(?:\.py|\.toml|\.md|/))`", (ROOT / page).read_text("utf-8")))
    homes = [
        ROOT,
        ROOT / "src/blacklist_service",
        ROOT / "src/blacklist_service/console",
        ROOT / "clients/python/src/blacklist_client",
    ]
    assert {name for name in named - IN_EACH_ROOM if not any((home / name).exists() for home in homes)} == set()


def links_of(page: Path) -> list[str]:
    return [target for target in LINK.findall(without_code(page)) if not target.startswith(OUTSIDE)]


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return False
    return not anchor or anchor in {slug_of(line) for line in without_code(file).splitlines() if line.startswith("#")}


def slug_of(heading: str) -> str:
    """The anchor that renderers of Markdown give a heading."""
    words = re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower())
    return words.replace(" ", "-")


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def command_lines(page: Path) -> Iterator[str]:
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.split(r"\s#|\s[|>]\s", line)[0].strip()
            if command.startswith("blacklist-service "):
                yield command


def fault_of(words: list[str]) -> str | None:
    """Why the command line would refuse these words before it does anything; None where it would not."""
    command: Any = typer.main.get_command(app)
    while commands := getattr(command, "commands", None):
        if not words or words[0] not in commands:
            return f"no such command: {words[0] if words else ''}"
        command, words = commands[words[0]], words[1:]
    if "--help" in words:
        return None
    known = {option for parameter in command.params for option in parameter.opts}
    strange = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    return f"no such option: {strange[0]}" if strange else None
