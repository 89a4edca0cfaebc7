"""`make audit`: the locked dependencies against the advisories of PyPI, by pip-audit in an environment of its own.

pip-audit ends well where no source could be reached, and where a package was skipped. Here that is said, and is no success:
exit 0 only when everything was looked up and nothing found; 1 for an advisory; 2 where something could not be checked.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LOCKS = ("locked.txt", "service.txt", "patroni.txt")
ADVISED, NOT_CHECKED = 1, 2


def main() -> int:
    worst = 0
    for lock in LOCKS:
        status, said = judge(lock)
        sys.stdout.write(f"{lock}: {said}\n")
        worst = ADVISED if ADVISED in {worst, status} else max(worst, status)
    return worst


def judge(lock: str) -> tuple[int, str]:
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "--requirement",
        str(HERE / lock),
    ]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, "--format", "json", "--progress-spinner", "off"], capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = done.stderr.strip().splitlines()[-1:] or ["pip-audit said nothing"]
        return NOT_CHECKED, f"NOT CHECKED: no advisory source could be reached ({last[0][:200]})"
    advised = [
        f"{one['name']} {one['version']}: {', '.join(v['id'] for v in one['vulns'])}"
        for one in found
        if one.get("vulns")
    ]
    skipped = [one["name"] for one in found if "skip_reason" in one]
    if advised:
        return ADVISED, "\n  ".join([f"{len(advised)} with advisories", *advised])
    if skipped:
        which = "none of them" if len(skipped) == len(found) else f"not {', '.join(skipped)}"
        return NOT_CHECKED, f"NOT CHECKED: of {len(found)} packages the source knew {which}"
    return 0, f"{len(found)} packages, no advisory"


if __name__ == "__main__":
    sys.exit(main())
