#!/usr/bin/env python3
"""An acceptance check of high availability: builds a cluster of six hosts in network namespaces, runs the service from a
checkout on two of them, breaks things under load, and holds every acknowledgement against the database in the end.

    trial.py --checkout . --python .venv/bin/python --quick                   # six faults once, about six minutes
    trial.py --checkout . --python .venv/bin/python                           # eleven faults, three times each: 35 minutes
    trial.py … --faults kill9,poweroff,split --set ttl=20 --patroni /opt/patroni4/bin/patroni --limit 30
    trial.py --clean                                                          # after one that was killed

Prints a line for each fault and one line of figures at the end. Exit 1 if an acknowledged answer or act is lost, doubled or
altered, an answer is stale, or the log has forked, and for nothing else; 3 if checks were not answered for longer than
--limit; 2 if the trial itself could not be carried out: there is no verdict then. With --passing that is said, and passes.
Needs root, iproute2, nftables, postgresql-15, etcd, Patroni and HAProxy.
"""

import argparse
import fcntl
import json
import os
import signal
import statistics
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import timeline
from lab import CLIENT, DATABASES, PASSWORDS, SERVICES, Lab, missing

FAULTS = (
    "kill9",
    "restart",
    "patroni",
    "freeze",
    "freezehost",
    "poweroff",
    "partition",
    "split",
    "standby",
    "switchover",
    "roll",
)
QUICK = ("kill9", "partition", "split", "freezehost", "switchover", "roll")
NO_VERDICT = 2
VERIFYING_SECONDS = 45
"""The part of the time allowed by --within that is kept for the figures and for taking everything down."""
NOT_IN_STEP = "no synchronous standby is in step"
SWITCHOVER_PATIENCE = 15
"""Patroni hears once a second how far a standby is: a busy one is refused, with nothing done, and asked again."""
LOAD = {"check_loops": 1, "check_interval": 0.05, "publish_interval": 0.3}
BAD = (
    "lost_checks",
    "altered_checks",
    "doubled_checks",
    "stale",
    "wrong_clear",
    "lost_publications",
    "doubled_publications",
    "versions_given_twice",
    "feed_forks",
    "feed_gaps",
    "forks",
    "unsigned",
    "leaf_gaps",
    "unproved_leaves",
)
"""lost_beats is reported and does not count against the service: writes that an orphaned PostgreSQL acknowledged to the
probe, which asks every node itself, past HAProxy (Patroni 3.0.2 lets them through when it is started again beside the
orphan).
"""


class Trial:
    def __init__(self, lab, out, say=None, hold=None):
        self.lab, self.out = lab, out
        self.say = say or (lambda line: print(line, flush=True))
        self.hold = hold or lab.setting("patroni.yml", "ttl") + 10
        self.windows = []
        self.load = self.watcher = None
        self.began = time.monotonic()

    # ---- load ---------------------------------------------------------------------------------------------------

    def start_load(self, run, first_number, floor=0, **more):
        targets = {name: (self.lab.ip(name), 8000) for name in SERVICES} | {"front": (self.lab.ip(CLIENT), 8080)}
        password = PASSWORDS["superuser"]
        config = (
            {
                "run": run,
                "keys": self.lab.keys,
                "targets": targets,
                "publish_targets": list(SERVICES),
                "floor": floor,
                "first_number": first_number,
                "nodes": {
                    n: f"postgresql://postgres:{password}@{self.lab.ip(n)}:5432/probe?sslmode=disable"
                    for n in DATABASES
                },
            }
            | LOAD
            | more
        )
        path = self.out / f"load-{run}.json"
        path.write_text(json.dumps(config))
        self.observed = self.out / f"observed-{run}.json"
        self.load = self.lab.spawn(
            CLIENT, "load", self.lab.python, Path(__file__).with_name("load.py"), path, self.observed
        )

    def stop_load(self):
        self.lab.processes.pop((CLIENT, "load"), None)
        self.load.send_signal(signal.SIGTERM)
        self.load.wait(30)
        return json.loads(self.observed.read_text())

    def start_watcher(self):
        config = self.out / "watched.json"
        config.write_text(
            json.dumps(
                {
                    "api": self.lab.dcs_api,
                    "databases": {name: self.lab.ip(name) for name in DATABASES},
                    "haproxies": {
                        **{name: str(self.lab.stats(name)) for name in SERVICES},
                        "front": str(self.lab.stats(CLIENT)),
                    },
                }
            )
        )
        self.seen = self.out / "seen.json"
        self.watcher = self.lab.spawn(CLIENT, "watcher", self.lab.python, Path(timeline.__file__), config, self.seen)

    def timelines(self, observed):
        """What each outage consisted of."""
        self.lab.processes.pop((CLIENT, "watcher"), None)
        self.watcher.send_signal(signal.SIGTERM)
        self.watcher.wait(10)
        changes = json.loads(self.seen.read_text())
        for w in self.windows:
            self.say(f"  {w['fault']} {w['round']}: {w['before']} -> {w['after']}, {w['busy']:.0%} of the machine busy")
            found = timeline.parts(
                w,
                logs=self.lab.root / "log",
                changes=changes,
                observed=observed,
                hosts={name: self.lab.ip(name) for name in SERVICES},
                offset=time.time() - time.monotonic(),
            )
            timeline.show(found, self.say)

    # ---- faults ---------------------------------------------------------------------------------------------------
    # Each returns what to do to heal it; None where the cluster heals by itself.

    def fault_kill9(self, primary):
        """kill -9 of PostgreSQL on the primary; Patroni lives."""
        os.kill(self.lab.postmaster(primary), signal.SIGKILL)

    def fault_patroni(self, primary):
        """kill -9 of Patroni on the primary; PostgreSQL continues, unattended."""
        self.lab.end(primary, "patroni", signal.SIGKILL)
        return lambda: self.lab.start_patroni(primary)

    def fault_restart(self, primary):
        """kill -9 of Patroni on the primary, started again a second later, as systemd does it with Restart=always."""
        self.lab.end(primary, "patroni", signal.SIGKILL)
        time.sleep(1)
        self.lab.start_patroni(primary)

    def fault_freeze(self, primary):
        """All of PostgreSQL on the primary is frozen; Patroni lives. Later it resumes."""
        pids = self.lab.postgres_pids(primary)
        self.lab.send(pids, signal.SIGSTOP)
        return lambda: self.lab.send(pids, signal.SIGCONT)

    def fault_postmaster(self, primary):
        """Only the postmaster is frozen: old connections work, new ones hang."""
        pids = [self.lab.postmaster(primary)]
        self.lab.send(pids, signal.SIGSTOP)
        return lambda: self.lab.send(pids, signal.SIGCONT)

    def fault_freezehost(self, primary):
        """The whole host is frozen, like a virtual machine that is moved or starved; later it resumes, still believing it is
        the primary.
        """
        pids = self.lab.pids(primary)
        self.lab.send(pids, signal.SIGSTOP)
        return lambda: self.lab.send(pids, signal.SIGCONT)

    def fault_poweroff(self, primary):
        """The host is gone without notice."""
        self.lab.power_off(primary)
        return lambda: self.lab.power_on(primary)

    def fault_partition(self, primary):
        """The primary is cut off from the other database hosts; all clients still reach it."""
        self.lab.separate(primary, [one for one in DATABASES if one != primary])
        return self.lab.join_again

    def fault_split(self, primary):
        """The primary and one service host on one side, everything else on the other; clients reach both sides."""
        mine, yours = (
            [primary, SERVICES[0]],
            [one for one in (*DATABASES, *SERVICES) if one not in (primary, SERVICES[0])],
        )
        for host in mine:
            self.lab.separate(host, yours)
        return self.lab.join_again

    def fault_standby(self, _primary):
        """The synchronous standby's host is gone without notice."""
        [host] = [n for n, (role, _, _) in self.lab.cluster().items() if role in ("sync_standby", "quorum_standby")][:1]
        self.lab.power_off(host)
        return lambda: self.lab.power_on(host)

    def fault_etcd(self, _primary):
        """All of etcd is killed; the databases and their Patronis live."""
        for host in DATABASES:
            self.lab.end(host, "etcd", signal.SIGKILL)

        def heal():
            for host in DATABASES:
                self.lab.start_etcd(host, state="existing")

        return heal

    def fault_switchover(self, primary):
        """Planned: the synchronous standby takes over."""
        done = self.lab.switch_over(primary)
        until = time.monotonic() + SWITCHOVER_PATIENCE
        while done.returncode and NOT_IN_STEP in done.stderr and time.monotonic() < until:
            time.sleep(1)
            done = self.lab.switch_over(primary)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def fault_patronictl(self, primary):
        """Planned, by Patroni's own tool."""
        done = self.lab.patronictl(
            "switchover", "--force", "--master" if self.lab.version < (4,) else "--primary", primary
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def fault_roll(self, _primary):
        """The service hosts are restarted one after another, as in an upgrade."""
        for host in SERVICES:
            self.lab.end(host, "service", signal.SIGTERM, patience=30)
            self.lab.start_service(host)
            self.lab.wait_ready(host, patience=180)
            time.sleep(2)

    def fault_svcoff(self, _primary):
        """A service host is gone without notice."""
        self.lab.power_off(SERVICES[0])
        return lambda: self.lab.power_on(SERVICES[0])

    def one(self, name, number):
        """Break it, wait, repair it, wait until everything is healthy: one window for the figures."""
        self.lab.wait_healthy(180)
        time.sleep(4)
        primary = self.lab.primary()
        history = self.lab.timeline()
        fault = getattr(self, f"fault_{name}")
        began, busy = time.monotonic(), _busy()
        heal = fault(primary)
        injected = time.monotonic()
        if heal is not None:
            time.sleep(max(0, self.hold - (time.monotonic() - began)))
        healed = time.monotonic()
        if heal is not None:
            heal()
        elif name != "roll":
            time.sleep(min(self.hold, 12))
        seen = self.lab.wait_healthy(180)
        time.sleep(4)
        after = next(n for n, (role, _, _) in seen.items() if role == "leader")
        window = {
            "fault": name,
            "round": number,
            "began": began,
            "injected": injected,
            "healed": healed,
            "ended": time.monotonic(),
            "before": primary,
            "after": after,
            "promotions": self.lab.timeline() - history,
            "busy": (_busy() - busy) / (time.monotonic() - began) / (os.cpu_count() or 1),
        }
        self.windows.append(window)
        moves = f"{primary} -> {after}, {window['promotions']} promotions"
        self.say(f"  {name} {number}: {moves}, whole again {window['ended'] - healed:.0f} s after healing")

    # ---- figures ---------------------------------------------------------------------------------------------------

    def figures(self, observed):
        good = {}
        for kind, target, sent, received, outcome in observed["tries"]:
            if outcome in ("200", "201"):
                what = "check" if kind in ("check", "keyed") else kind
                good.setdefault((what, target), []).append((received, sent))
        for target in SERVICES:
            for what in ("check", "publish"):
                good.setdefault((what, "any"), []).extend(good.get((what, target), []))
        good = {key: sorted(value) for key, value in good.items()}
        lines = []
        for w in self.windows:
            line = {
                "fault": w["fault"],
                "round": w["round"],
                "moved": w["before"] != w["after"],
                "promotions": w["promotions"],
            }
            for (what, target), times in good.items():
                if what in ("check", "publish", "ready"):
                    line[f"{what}@{target}"] = round(_longest_gap(times, w["began"], w["ended"]), 2)
            new = [at for node, _, at in observed["beats"] if node == w["after"] and at > w["began"]]
            if line["moved"] and new:
                line["database"] = round(min(new) - w["began"], 2)
                first = min(new)
                line["old_reads_after"] = sum(
                    n == w["before"] and sent > first and recovery is False and sent < w["ended"]
                    for n, sent, _, recovery, _ in observed["views"]
                )
                line["old_writes_after"] = sum(
                    n == w["before"] and first < at < w["ended"] for n, _, at in observed["beats"]
                )
            line["slowest"] = round(
                max(
                    (r - s for _, _, s, r, o in observed["tries"] if w["began"] < s < w["ended"] and o != "timeout"),
                    default=0,
                ),
                2,
            )
            errors = {}
            for kind, target, sent, _, outcome in observed["tries"]:
                if (
                    w["began"] <= sent <= w["ended"]
                    and outcome not in ("200", "201")
                    and kind in ("check", "keyed", "publish")
                ):
                    key = f"{'publish' if kind == 'publish' else 'check'}@{target}:{outcome}"
                    errors[key] = errors.get(key, 0) + 1
            line["errors"] = errors
            lines.append(line)
        return lines

    def verify(self):
        """Seal what is waiting, then examine the database."""
        self.lab.wait_healthy(180)
        deadline = time.monotonic() + 60
        primary = self.lab.primary()
        while time.monotonic() < deadline and self.lab.sql(primary, "SELECT count(*) FROM ledger_pending") != "0":
            time.sleep(1)
        dsn = f"postgresql://postgres:{PASSWORDS['superuser']}@{self.lab.ip(primary)}:5432/blacklist?sslmode=disable"
        anchors = [self.lab.root / host / "data" / "checkpoint" for host in SERVICES] + [
            self.lab.root / "shared" / "checkpoint"
        ]
        done = self.lab._sh(
            *self.lab.inside(
                CLIENT, self.lab.python, Path(__file__).with_name("verify.py"), self.observed, dsn, *anchors
            ),
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return json.loads(done.stdout)


def _busy():
    """Seconds of processor time used on this machine since it booted."""
    user, nice, system, _idle, _wait, irq, softirq = Path("/proc/stat").read_text().split()[1:8]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


def _longest_gap(times, began, ended):
    """From the last good answer to the next, anywhere in the window; to its end if none came. The first answer after a gap
    counts from its arrival.
    """
    inside = [received for received, _ in times if received >= began]
    before = [received for received, _ in times if received < began]
    last, longest = (before[-1] if before else began), 0.0
    for received in inside:
        if last > ended:
            break
        longest = max(longest, min(received, ended) - last)
        last = received
    if last < ended:
        longest = max(longest, ended - last)
    return longest


def attribute(windows, lines, found):
    """In which window each loss and each stale answer was; those in none are reported too."""
    outside = {}
    for name in ("lost_checks", "lost_publications", "stale", "lost_beats"):
        for at, target in found.get(f"{name}_at", ()):
            for window, line in zip(windows, lines, strict=True):
                if window["began"] <= at <= window["ended"]:
                    when = "+healed" if at > window["healed"] else ""
                    bad = line.setdefault("bad", {})
                    bad[f"{name}@{target}{when}"] = bad.get(f"{name}@{target}{when}", 0) + 1
                    break
            else:
                outside[name] = outside.get(name, 0) + 1
    return outside


def table(lines, say):
    """Median and worst for each fault."""
    columns = sorted({k for line in lines for k in line if "@" in k} | {"database"})
    for fault in dict.fromkeys(line["fault"] for line in lines):
        mine = [line for line in lines if line["fault"] == fault]
        words = []
        for column in columns:
            values = [line[column] for line in mine if column in line]
            if values and not column.startswith("ready"):
                words.append(f"{column} {statistics.median(values):.1f}/{max(values):.1f}")
        old = (
            sum(line.get("old_reads_after", 0) for line in mine),
            sum(line.get("old_writes_after", 0) for line in mine),
        )
        say(
            f"{fault:11} n={len(mine)} moved={sum(one['moved'] for one in mine)} {' '.join(words)} old:{old[0]}r/{old[1]}w"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", default=".")
    parser.add_argument("--python", default=".venv/bin/python", help="an interpreter with the service's packages")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--passing", action="store_true", help="exit 0, and say so, where it cannot be tried")
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("--limit", type=float, help="seconds for which checks may go unanswered on all hosts at once")
    parser.add_argument("--work", default=str(Path(tempfile.gettempdir()) / "blacklist-trial"))
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--within", type=float, help="seconds for all of it: what does not fit is not tried, and said")
    parser.add_argument("--hold", type=float, help="seconds for which a fault lasts; default ttl + 10")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="instead of deploy/cluster's")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a setting for the service")
    parser.add_argument("--patroni", default="patroni")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--shared-anchor", action="store_true")
    parser.add_argument("--quick-patroni", action="store_true", help="by patroni_quick.py beside this, an experiment")
    parser.add_argument("--unwoken", action="store_true", help="without patroni_wake.py")
    parser.add_argument("--timeline", action="store_true", help="take each outage apart (timeline.py)")
    parser.add_argument("--keep", action="store_true", help="keep logs and what was observed")
    a = parser.parse_args()
    lacking = missing()
    if lacking and not a.clean:
        _no_verdict(
            f"it needs {', '.join(lacking)} (apt-get install patroni etcd-server haproxy nftables postgresql-15)", a
        )
    lock = open(Path(tempfile.gettempdir()) / "blacklist-trial.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _no_verdict("another trial is running", a)
    if a.clean:
        if not lacking:
            Lab(a.work, checkout=a.checkout, python=a.python, patroni=a.patroni).down(keep=False)
        return
    if a.quick:
        a.faults, a.rounds = ",".join(QUICK), 1
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _stopped)
    if a.within:
        signal.alarm(int(a.within))
    lab = Lab(
        a.work,
        checkout=a.checkout,
        python=a.python,
        changes=dict(word.split("=", 1) for word in a.set),
        workers=a.workers,
        patroni=a.patroni,
        shared_anchor=a.shared_anchor,
        service_env=dict(word.split("=", 1) for word in a.env),
        is_watched=a.timeline,
        is_quick=a.quick_patroni,
        is_woken=not a.unwoken,
    )
    why, status = "", NO_VERDICT
    try:
        lab.clean()  # ours, because we hold the lock: left by a killed trial
        status = _try(lab, a)
    except BaseException as error:  # whatever it is, it is not one of the figures
        why = f"{type(error).__name__}: {error}"
        if not isinstance(error, Stopped):
            traceback.print_exc()
            _show_logs(lab)
    finally:
        signal.alarm(0)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        lab.down(keep=a.keep, patience=5 if why else 20)
    if why:
        _no_verdict(why, a)
    raise SystemExit(status)


def _try(lab, a):
    """The trial itself; return its exit status."""
    print(lab.versions + (", by patroni_quick.py" if lab.is_quick else ""), flush=True)
    began = time.monotonic()
    lab.up(say=lambda line: print(line, flush=True))
    trial = Trial(lab, lab.root, hold=a.hold)
    trial.start_load("a", 1000)
    if a.timeline:
        trial.start_watcher()
    time.sleep(8)
    longest = 0
    for name in a.faults.split(","):
        for number in range(1, a.rounds + 1):
            started = time.monotonic()
            if a.within and started - began + longest + VERIFYING_SECONDS > a.within:
                print(f"  {name} {number}: not tried, for want of time", flush=True)
                continue
            trial.one(name, number)
            longest = max(longest, time.monotonic() - started)
    observed = trial.stop_load()
    lines = trial.figures(observed)
    if a.timeline:
        trial.timelines(observed)
    found = trial.verify()
    outside = attribute(trial.windows, lines, found)
    (lab.root / "figures.json").write_text(
        json.dumps({"windows": trial.windows, "lines": lines, "found": found}, indent=1)
    )
    table(lines, print)
    for line in lines:
        if line.get("bad"):
            print(f"  BAD {line['fault']} {line['round']}: {line['bad']}")
    if outside:
        print(f"  BAD outside of any fault: {outside}")
    bad = {name: found[name] for name in BAD if found[name]}
    worst = {}
    for line in lines:
        for column in ("check@any", "publish@any", "check@front"):
            worst[column] = max(worst.get(column, 0), line.get(column, 0))
    print(
        f"HA faults={len(lines)} checks={found['checks']} publications={found['publications']} leaves={found['leaves']} "
        f"checkpoints={found['checkpoints']} unsealed={found['unsealed']} "
        + " ".join(f"worst_{k}={v:.1f}s" for k, v in worst.items())
        + " "
        + " ".join(f"{name}={found[name]}" for name in (*BAD, "stale_reads", "lost_beats"))
        + (" FAILED" if bad else " ok"),
        flush=True,
    )
    if bad:
        _show_logs(lab)
        _show_bad(bad, found)
        return 1
    if found["failures"]:
        raise RuntimeError(f"the load itself failed: {found['failures']}")
    if not (lines and found["checks"] and found["publications"]):
        raise RuntimeError("nothing was broken, or nothing was answered: that proves nothing")
    return 3 if a.limit and worst["check@any"] > a.limit else 0


class Stopped(BaseException):
    """Stopped from outside, or out of time."""


def _stopped(number, _frame):
    raise Stopped(f"{signal.Signals(number).name} before the end")


def _no_verdict(why, a):
    print(f"*** NO VERDICT on the cluster: {why}", flush=True)
    raise SystemExit(0 if a.passing else NO_VERDICT)


def _show_bad(bad, found):
    """What failed, last of all: a log that is kept only in part is kept at its end."""
    for name in bad:
        for example in found.get(f"{name}_examples", ()):
            print(f"  {name}: {json.dumps(example, ensure_ascii=False)}")
    print(f"FAILED: {', '.join(f'{name}={count}' for name, count in bad.items())}", flush=True)


def _show_logs(lab):
    """The services' last log lines, because the directory is removed."""
    for path in sorted((lab.root / "log").glob("*-service.log")):
        print(f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}", flush=True)


if __name__ == "__main__":
    main()
