"""`make cluster-check` where it cannot be tried: it says so, and passes only where it is asked to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TRIAL = Path(__file__).parents[2] / "benchmarks" / "cluster" / "trial.py"


@pytest.mark.parametrize(("words", "status"), [(["--passing"], 0), ([], 2)])
def test_without_its_programs_it_says_so_and_there_is_no_verdict(words: list[str], status: int, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, str(TRIAL), *words],
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "NO VERDICT" in done.stdout) == (status, True), done
    assert "patroni" in done.stdout
