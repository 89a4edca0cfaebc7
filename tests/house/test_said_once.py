"""One place and one way for each thing: rules about the source that no type, lint or import contract holds."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import blacklist_service
from blacklist_service import clock
from blacklist_service.checks.rules import STRENGTH, Decision
from blacklist_service.subjects import roster_results

FOLDER = Path(blacklist_service.__file__).parent
SOURCE = {str(file.relative_to(FOLDER)): file.read_text("utf-8") for file in sorted(FOLDER.rglob("*.py"))}

IN_TWO_LAYERS = {"Answer", "ListingShown", "Match", "NoticeShown"}
"""The same thing as the decision has it and as the contract or the connection has it, whose names clients know."""
KNOWN_WHOLE = {"measures/routes.py"}
"""A catalogue is known whole: its last page is known to be the last, and each page shows the version of the first."""
IN_SLICES = {"listings/following/routes.py"}
"""A page that is read in slices and sealed as a whole."""


def files_with(pattern: str, *, ending: str = ".py") -> set[str]:
    found = re.compile(pattern, re.MULTILINE | re.DOTALL)
    return {name for name, text in SOURCE.items() if name.endswith(ending) and found.search(text)}


def test_no_two_classes_share_a_name():
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in SOURCE.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name)
    assert {name: files for name, files in homes.items() if len(files) > 1 and name not in IN_TWO_LAYERS} == {}


def test_no_function_gives_an_imported_name_another_meaning():
    """`recorded = …` below `from … import recorded`: the reader takes the one for the other."""
    found = set()
    for name, text in SOURCE.items():
        tree = ast.parse(text)
        imports = (node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
        imported = {alias.asname or alias.name for node in imports for alias in node.names}
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for node in (inner for function in functions for inner in ast.walk(function)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in imported:
                found.add((name, node.id))
            if isinstance(node, ast.arg) and node.arg in imported:
                found.add((name, node.arg))
    assert found == set()


def test_requests_and_responses_are_in_schemas():
    """Who looks for a field of the contract finds it in a room's schemas, not among its routes."""
    wire = r"^class \w+\((?:\w*(?:Request|Response)|BaseModel|Parameters|PageQuery|FeedQuery|Page\[\w+\])\)"
    assert files_with(wire, ending="routes.py") == set()
    assert len([name for name in SOURCE if name.endswith("routes.py")]) > 20


def test_a_page_is_made_in_one_way():
    """`Page.of` says whether there is a next page and where it begins; `Parameters` how strictly a query is read."""
    assert files_with(r"make_cursor\(") == {"web/paging.py"} | KNOWN_WHOLE
    assert files_with(r"Page\([^)]*\bnext=", ending="routes.py") == IN_SLICES
    assert files_with(r"^class \w+Query\(BaseModel\)") == set()


def test_the_answers_kept_for_retries_have_one_owner():
    assert files_with(r"idempotency_keys") == {"web/models.py", "web/stored_answers.py"}


def test_the_legal_date_is_computed_in_one_place():
    assert files_with(r"AT TIME ZONE") == {"database/legal_dates.py"}
    # A client has the second one, in a file that is copied to it.
    assert files_with(r"timedelta\(hours=8\)") == {"clock.py", "subjects/roster_results.py"}
    assert clock.SHANGHAI.utcoffset(None) == roster_results.SHANGHAI.utcoffset(None)


def test_decisions_have_one_order():
    assert [
        Decision(one) for one in sorted(roster_results.STRENGTH, key=roster_results.STRENGTH.__getitem__)
    ] == sorted(STRENGTH, key=STRENGTH.__getitem__)
    assert files_with(r"^STRENGTH\b") == {"checks/rules.py", "subjects/roster_results.py"}
