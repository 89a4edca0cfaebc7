"""Six hosts in network namespaces on one machine, from the files in deploy/cluster: three database hosts (etcd, Patroni,
PostgreSQL), two service hosts (HAProxy, blacklist-service) and a client host (a load balancer), at one switch.

Everything is a child of the process that uses this module; only namespaces made here are touched, only processes started
here are signalled, and `Lab.down` leaves nothing. Needs root, iproute2, nftables, and Debian's patroni, etcd-server,
haproxy and postgresql-15.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from string import Template

DATABASES = ("db1", "db2", "db3")
SERVICES = ("svc1", "svc2")
CLIENT = "cli"
HOSTS = {"db1": 11, "db2": 12, "db3": 13, "svc1": 21, "svc2": 22, "cli": 31}
MEMBERS = {"db1": "127.8.0.1", "db2": "127.8.0.2", "db3": "127.8.0.3"}
"""Each Patroni as the other database hosts reach it, by a HAProxy of their own."""
SWITCH = "sw"
PG_BIN = "/usr/lib/postgresql/15/bin"
PASSWORDS = {"superuser": "su-lab", "replication": "re-lab", "rewind": "rw-lab", "app": "ap-lab"}


FILES = Path(__file__).parents[2] / "deploy" / "cluster"
NEEDED = ("ip", "nft", "setpriv", "etcd", "patroni", "haproxy", f"{PG_BIN}/postgres")
LOGGED = (
    '        jit: "off"\n',
    """\
        jit: "off"
        log_connections: "on"
        log_disconnections: "on"
        log_timezone: UTC
        log_line_prefix: "%m [%p] "
""",
)
"""The logs from which an outage's timeline is read (timeline.py)."""
OLDEST_PATRONI_FOR_ETCD3 = (3, 0, 3)
OLDEST_PATRONI_FOR_QUORUM = (4,)


def missing():
    """Requirements that are not met."""
    found = [program for program in NEEDED if shutil.which(program) is None]
    if os.geteuid() != 0:
        return ["root", *found]
    return found or _refused_namespaces()


def _refused_namespaces():
    """Containers run as root with the programs, but often without namespaces, bridges or a packet filter: so this is
    tried.
    """
    name = f"bl-try-{os.getpid()}"
    inside = ["ip", "netns", "exec", name]
    try:
        for words in (
            ["ip", "netns", "add", name],
            ["ip", "-n", name, "link", "add", "br0", "type", "bridge"],
            ["ip", "-n", name, "link", "add", "one", "type", "veth", "peer", "name", "two"],
            [*inside, "nft", "add", "table", "inet", "cut"],
            [*inside, "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "true"],
        ):
            done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
            if done.returncode:
                return [f"network namespaces ({' '.join(words)}: {done.stderr.strip()})"]
    except subprocess.TimeoutExpired:
        return ["network namespaces that answer"]
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False, timeout=20)
    return []


class Lab:
    def __init__(
        self,
        root,
        *,
        checkout,
        python,
        changes=None,
        workers=1,
        tag="bha",
        patroni="patroni",
        subnet="10.77.0",
        shared_anchor=False,
        service_env=None,
        is_watched=False,
        is_quick=False,
        is_woken=True,
    ):
        """`changes`: keys of the files in deploy/cluster, and their replacements."""
        self.root = Path(root).resolve()
        self.checkout, self.python = Path(checkout).resolve(), Path(python).absolute()
        self.changes = changes or {}
        self.workers = workers
        self.tag = tag
        self.patroni_bin = patroni
        self.subnet = subnet
        self.shared_anchor = shared_anchor
        self.service_env = service_env or {}
        self.is_watched = is_watched
        self.is_quick = is_quick
        self.is_woken = is_woken
        self.secret = base64.b64encode(os.urandom(32))
        self.processes = {}
        self.keys = {}
        self.cut = set()
        self._resolve()

    def _resolve(self):
        """Patroni before 3.0.3 puts the leader's key back by force through etcd's third API when its lease has expired: a
        primary that stood still and wakes up takes the lead from its successor, whose acknowledged commits are lost.
        """
        said = self._sh(self.patroni_bin, "--version").stdout.split()[-1]
        self.version = tuple(int(part) for part in said.split(".")[:3])
        self.dcs_api = "etcd3" if self.version >= OLDEST_PATRONI_FOR_ETCD3 else "etcd"
        self.synchronous_mode = "quorum" if self.version >= OLDEST_PATRONI_FOR_QUORUM else "true"
        self.versions = f"Patroni {said}, {self.dcs_api}, synchronous_mode {self.synchronous_mode}"

    def setting(self, file, name):
        """An integer as in the files and the changes."""
        return int(re.search(rf"(?m)^\s*{name}: *(\d+)", self.render(file, DATABASES[0]))[1])

    def render(self, file, host, **more):
        """One of the files of deploy/cluster, as it is for that host."""
        values = {
            "NAME": host,
            "ADDRESS": self.ip(host),
            "MEMBER": MEMBERS.get(host, ""),
            "DATA": self.root / host,
            "MEMBERS": ",".join(f"{one}=http://{self.ip(one)}:2380" for one in DATABASES),
            "ETCD_HOSTS": ", ".join(f"'{self.ip(one)}:2379'" for one in DATABASES),
            "NETWORK": f"{self.subnet}.0/24",
            "STATE": "new",
            "ENABLE_V2": str(self.dcs_api == "etcd").lower(),
            "DCS_API": self.dcs_api,
            "SYNCHRONOUS_MODE": self.synchronous_mode,
            "FRONT": self.ip(CLIENT),
            "SUPERUSER_PASSWORD": PASSWORDS["superuser"],
            "REPLICATION_PASSWORD": PASSWORDS["replication"],
            "REWIND_PASSWORD": PASSWORDS["rewind"],
            "SERVICE_PASSWORD": PASSWORDS["app"],
            **{name.upper(): self.ip(name) for name in (*DATABASES, *SERVICES)},
            **more,
        }
        text = Template((FILES / file).read_text()).substitute(values)
        for name, value in self.changes.items():
            text = re.sub(rf"(?m)^(\s*{name}:).*$", rf"\g<1> {value}", text)
        if self.is_watched:
            text = text.replace(*LOGGED)
        return text

    def lay(self, file, host, **more):
        path = self.root / host / file
        path.write_text(self.render(file, host, **more))
        shutil.chown(path, "postgres")
        path.chmod(0o600)
        return path

    # ---- hosts and their network -------------------------------------------------------------------------------

    def ns(self, host):
        return f"{self.tag}-{host}"

    def ip(self, host):
        return f"{self.subnet}.{HOSTS[host]}"

    def _sh(self, *words, check=True, **more):
        return subprocess.run([str(w) for w in words], check=check, capture_output=True, text=True, **more)

    def inside(self, host, *words, user=None):
        """The command line that runs `words` on that host."""
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        return ["ip", "netns", "exec", self.ns(host), *as_user, *map(str, words)]

    def network_up(self):
        existing = self._sh("ip", "netns", "list").stdout.split()
        for host in (SWITCH, *HOSTS):
            if self.ns(host) in existing:
                raise SystemExit(f"namespace {self.ns(host)} is there already: run 'down' first")
        self._sh("ip", "netns", "add", self.ns(SWITCH))
        self._sh("ip", "-n", self.ns(SWITCH), "link", "add", "br0", "type", "bridge")
        self._sh("ip", "-n", self.ns(SWITCH), "link", "set", "br0", "up")
        for host in HOSTS:
            self._sh("ip", "netns", "add", self.ns(host))
            self._sh(
                "ip",
                "-n",
                self.ns(SWITCH),
                "link",
                "add",
                f"p-{host}",
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                self.ns(host),
            )
            self._sh("ip", "-n", self.ns(SWITCH), "link", "set", f"p-{host}", "master", "br0", "up")
            self._sh("ip", "-n", self.ns(host), "link", "set", "lo", "up")
            self._sh("ip", "-n", self.ns(host), "addr", "add", f"{self.ip(host)}/24", "dev", "eth0")
            self._sh("ip", "-n", self.ns(host), "link", "set", "eth0", "up")

    def network_down(self):
        existing = self._sh("ip", "netns", "list").stdout.split()
        for host in (*HOSTS, SWITCH):
            if self.ns(host) in existing:
                self._sh("ip", "netns", "del", self.ns(host), check=False)

    def cable(self, host, is_in):
        self._sh("ip", "-n", self.ns(SWITCH), "link", "set", f"p-{host}", "up" if is_in else "down")

    def separate(self, host, others):
        """Silently drop every packet between `host` and `others`, in both directions."""
        peers = ", ".join(self.ip(other) for other in others)
        rules = (
            f"table inet cut {{\n chain i {{\n type filter hook input priority 0;\n ip saddr {{ {peers} }} drop\n }}\n"
            f" chain o {{\n type filter hook output priority 0;\n ip daddr {{ {peers} }} drop\n }}\n}}\n"
        )
        self._sh(*self.inside(host, "nft", "-f", "-"), input=rules)
        self.cut.add(host)

    def join_again(self):
        for host in sorted(self.cut):
            self._sh(*self.inside(host, "nft", "delete", "table", "inet", "cut"), check=False)
        self.cut.clear()

    def pids(self, host):
        """All processes on the host; the namespace is ours, so they all are."""
        return [int(pid) for pid in self._sh("ip", "netns", "pids", self.ns(host), check=False).stdout.split()]

    # ---- processes ---------------------------------------------------------------------------------------------

    def spawn(self, host, name, *words, user=None, env=None, cwd=None):
        log = (self.root / "log" / f"{host}-{name}.log").open("ab")
        process = subprocess.Popen(
            self.inside(host, *words, user=user),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=cwd or "/",
            env={"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(), "LC_ALL": "C.UTF-8", **(env or {})},
        )
        log.close()
        self.processes[host, name] = process
        return process

    def send(self, pids, number):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self, host, name, number=signal.SIGTERM, patience=15):
        process = self.processes.pop((host, name), None)
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def reap(self):
        for process in self.processes.values():
            process.poll()

    def power_off(self, host):
        """Without notice to anybody: first the cable, then everything at once."""
        self.cable(host, False)
        while pids := self.pids(host):
            self.send(pids, signal.SIGKILL)
            time.sleep(0.05)
            self.reap()
        for key in [key for key in self.processes if key[0] == host]:
            self.processes.pop(key).wait()

    def power_on(self, host):
        self.cable(host, True)
        if host in DATABASES:
            self.start_etcd(host, state="existing")
            self.start_members(host)
            self.start_patroni(host)
            self.start_wake(host)
        elif host in SERVICES:
            self.start_haproxy(host)
            self.start_service(host)

    def postmaster(self, host):
        try:
            return int((self.root / host / "pg" / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def postgres_pids(self, host):
        server = self.postmaster(host)
        if server is None:
            return []
        try:
            children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        except OSError:
            return []
        return [server, *map(int, children)]

    # ---- etcd, Patroni -----------------------------------------------------------------------------------------

    def start_etcd(self, host, state="new"):
        self.spawn(host, "etcd", "etcd", "--config-file", self.lay("etcd.yml", host, STATE=state), user="postgres")

    def start_patroni(self, host):
        program = [self.patroni_bin]
        if self.is_quick:  # by the interpreter that Patroni is installed for
            [first, *_] = Path(shutil.which(self.patroni_bin)).read_text().splitlines()
            program = [*first.removeprefix("#!").split(), self.root / "patroni_quick.py"]
            shutil.copy(Path(__file__).with_name("patroni_quick.py"), self.root)
        init = shutil.copy(Path(__file__).with_name("init.py"), self.root)
        words = ["/usr/bin/python3", init, *program, self.lay("patroni.yml", host)]
        self.spawn(host, "patroni", *words, user="postgres")

    def start_members(self, host):
        """On every database host: the other hosts' Patronis."""
        self._haproxy(host, "members", "haproxy-members.cfg")

    def start_wake(self, host):
        if self.is_woken:
            tool = shutil.copy(FILES / "patroni_wake.py", self.root)
            self.spawn(host, "wake", "/usr/bin/python3", tool, self.root / host / "patroni.yml", user="postgres")

    def switch_over(self, host):
        tool = shutil.copy(FILES / "switchover.py", self.root)
        words = self.inside(host, "/usr/bin/python3", tool, self.root / host / "patroni.yml", user="postgres")
        return self._sh(*words, check=False)

    def patronictl(self, *words):
        tool = str(Path(self.patroni_bin).with_name("patronictl")) if "/" in self.patroni_bin else "patronictl"
        return self._sh(
            *self.inside("db2", tool, "-c", self.root / "db2" / "patroni.yml", *words, user="postgres"),
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": tempfile.gettempdir()},
        )

    # A thread's namespace is its own: asking from the client host is a subprocess, so one helper does all HTTP.
    def ask(self, url, host=CLIENT, timeout=1.0):
        code = (
            "import sys,urllib.request,urllib.error\n"
            "try:\n r=urllib.request.urlopen(sys.argv[1],timeout=float(sys.argv[2]))\n"
            "except urllib.error.HTTPError as e: r=e\n"
            "print(r.status if hasattr(r,'status') else r.code); print(r.read().decode())"
        )
        done = self._sh(*self.inside(host, sys.executable, "-c", code, url, timeout), check=False)
        if done.returncode:
            return None, ""
        status, _, body = done.stdout.partition("\n")
        return int(status), body

    def cluster(self, asked=DATABASES):
        """Patroni's view, from the first member that answers: {member: (role, state, lag)}. A separated member reports its
        last view.
        """
        for host in asked:
            status, body = self.ask(f"http://{self.ip(host)}:8008/cluster", timeout=1.5)
            if status == 200:
                return {m["name"]: (m["role"], m["state"], m.get("lag")) for m in json.loads(body)["members"]}
        return {}

    def primary(self):
        """The member that says it is the primary."""
        for host in DATABASES:
            status, _ = self.ask(f"http://{self.ip(host)}:8008/primary", timeout=1.5)
            if status == 200:
                return host
        return None

    def wait_healthy(self, patience=90):
        """All three agree: one leads, two follow it, one of them synchronous. Only then may the next fault come."""
        deadline = time.monotonic() + patience
        views = []
        while time.monotonic() < deadline:
            views = [self.cluster([host]) for host in DATABASES]
            if self._is_whole(views):
                return views[0]
            time.sleep(0.5)
        raise RuntimeError(f"the cluster did not become whole: {views}")

    def timeline(self):
        return int(self.sql(self.primary(), "SELECT timeline_id FROM pg_control_checkpoint()", "postgres"))

    def _is_whole(self, views):
        if not all(len(view) == 3 for view in views):
            return False
        leaders = {name for view in views for name, (role, _, _) in view.items() if role == "leader"}
        if len(leaders) != 1 or any(
            state not in ("running", "streaming") for view in views for _, state, _ in view.values()
        ):
            return False
        [leader] = leaders
        in_step = any(role in ("sync_standby", "quorum_standby") for role, _, _ in views[0].values())
        if not in_step:
            return False
        try:
            streaming = self.sql(
                leader, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", "postgres"
            )
        except (RuntimeError, subprocess.TimeoutExpired):
            return False
        return streaming == "2"

    # ---- SQL as the superuser -----------------------------------------------------------------------------------

    def sql(self, host, statement, database="blacklist", timeout=10):
        done = subprocess.run(
            self.inside(
                host,
                f"{PG_BIN}/psql",
                "-h",
                self.root / host,
                "-U",
                "postgres",
                "-d",
                database,
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                statement,
                user="postgres",
            ),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()

    # ---- the service's side --------------------------------------------------------------------------------------

    def start_haproxy(self, host):
        """On every service host: one address for the primary, whoever that is."""
        self._haproxy(host, "haproxy", "haproxy-database.cfg")

    def start_front(self):
        """A client's view: one address for all service hosts."""
        self._haproxy(CLIENT, "front", "haproxy-front.cfg")

    def stats(self, host):
        return self.root / host / "haproxy.sock"

    def _haproxy(self, host, name, file):
        files = ["-f", self.lay(file, host)]
        if self.is_watched:
            more = self.root / host / "stats.cfg"
            more.write_text(f"global\n    stats socket {self.stats(host)} mode 600 level user\n")
            files += ["-f", more]
        self.spawn(host, name, "haproxy", "-db", *files)

    def environment(self, host, **more):
        shared = {"BLACKLIST_ANCHOR": str(self.root / "shared" / "checkpoint")} if self.shared_anchor else {}
        lines = self.render("blacklist-service.env", host).splitlines()
        return {
            "PATH": f"{self.python.parent}:{PG_BIN}:{os.environ['PATH']}",
            "HOME": tempfile.gettempdir(),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(self.checkout / "src"),
            **dict(line.split("=", 1) for line in lines if line and not line.startswith("#")),
            "BLACKLIST_WORKERS": str(self.workers),
            "BLACKLIST_KEY_ENVIRONMENT": "test",
            "BLACKLIST_LOG_LEVEL": "warning",
            **shared,
            **self.service_env,
            **more,
        }

    def start_service(self, host, command="serve", **more):
        self.spawn(host, "service", self.python, "-m", "blacklist_service", command, env=self.environment(host, **more))

    def command(self, host, *words, check=True, timeout=120, **more):
        """One of the product's own commands, on a service host."""
        done = subprocess.run(
            self.inside(host, self.python, "-m", "blacklist_service", *words),
            env=self.environment(host, **more),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{words}: exit {done.returncode}: {done.stderr.strip()[-2000:]}{done.stdout[-500:]}")
        return done

    def wait_ready(self, host, patience=60):
        deadline = time.monotonic() + patience
        status, body = None, ""
        while time.monotonic() < deadline:
            status, body = self.ask(f"http://{self.ip(host)}:8000/readyz", timeout=2)
            if status == 200:
                return body
            time.sleep(0.3)
        raise RuntimeError(f"{host} did not become ready: {status} {body}")

    # ---- all of it ------------------------------------------------------------------------------------------------

    def up(self, say=print, *, is_demo=False):
        started = time.monotonic()
        if self.root.exists():
            shutil.rmtree(self.root)
        for folder in ("log", "shared", *HOSTS):
            (self.root / folder).mkdir(parents=True)
        for host in DATABASES:
            (self.root / host / "etcd").mkdir(mode=0o700)
            for folder in (self.root / host / "etcd", self.root / host):
                shutil.chown(folder, "postgres", "postgres")
        for path in [self.root, *self.root.parents]:
            if path != Path("/") and not path.stat().st_mode & 0o001:
                raise SystemExit(f"{path} must be passable for others (chmod o+x)")
        self.network_up()
        for host in DATABASES:
            self.start_etcd(host)
        time.sleep(2)
        for host in DATABASES:
            self.start_members(host)
        self.start_patroni("db1")
        self._wait(lambda: self.primary() == "db1", 60, "db1 to lead")
        for host in ("db2", "db3"):
            self.start_patroni(host)
        for host in DATABASES:
            self.start_wake(host)
        self.wait_healthy()
        say(f"database cluster up after {time.monotonic() - started:.0f} s")
        self.sql("db1", f"CREATE ROLE blacklist LOGIN CREATEROLE PASSWORD '{PASSWORDS['app']}'", "postgres")
        self.sql("db1", "CREATE DATABASE blacklist OWNER blacklist", "postgres")
        self.sql("db1", "CREATE DATABASE probe", "postgres")
        self.sql("db1", "CREATE TABLE beats (node text, n bigint, at timestamptz DEFAULT clock_timestamp())", "probe")
        for host in SERVICES:
            self.start_haproxy(host)
        time.sleep(1.5)
        where = self._sh(
            *self.inside("svc1", self.python, "-c", "import blacklist_service; print(blacklist_service.__file__)"),
            env=self.environment("svc1"),
        ).stdout.strip()
        if not where.startswith(str(self.checkout)):
            raise SystemExit(f"it is {where} that would be served, not {self.checkout}")
        for host in SERVICES:
            secret = self.root / host / "secret.key"
            secret.write_bytes(self.secret)
            secret.chmod(0o600)
        self.command("svc1", "migrate")
        self.copy_log_keys("svc1", "svc2")
        if not is_demo:
            self.enrol()
        for host in SERVICES:
            self.start_service(host, "demo" if is_demo and host == "svc1" else "serve")
        for host in SERVICES:
            self.wait_ready(host)
        self.start_front()
        say(f"service up on two hosts after {time.monotonic() - started:.0f} s")

    def copy_log_keys(self, source, target):
        """What the README tells operators to copy: signing key and newest checkpoint."""
        (self.root / target / "data").mkdir(mode=0o700, exist_ok=True)
        for name in ("signing.key", "data/checkpoint"):
            shutil.copy2(self.root / source / name, self.root / target / name)

    def enrol(self):
        self.command(
            "svc1",
            "members",
            "add",
            "GD-COURT",
            "--name",
            "昆明市官渡区人民法院",
            "--kind",
            "court",
            "--court-code",
            "云0111",
        )
        self.command("svc1", "members", "add", "GD-HR", "--name", "官渡区人社局", "--kind", "agency")
        self.command("svc1", "members", "add", "GD-AUDIT", "--name", "审计", "--kind", "auditor")
        for member, role in (("GD-COURT", "court"), ("GD-HR", "agency"), ("GD-AUDIT", "auditor")):
            done = self.command("svc1", "keys", "create", "--member", member, "--role", role, "--json")
            self.keys[role] = json.loads(done.stdout)["key"]
        (self.root / "keys.json").write_text(json.dumps(self.keys))

    def _wait(self, is_so, patience, what):
        deadline = time.monotonic() + patience
        while not is_so():
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited {patience} s for {what}")
            time.sleep(0.3)

    def clean(self):
        """Remove what a killed trial left: all processes in our namespaces, and the namespaces."""
        for host in (*HOSTS, SWITCH):
            for _ in range(50):
                pids = self.pids(host)
                if not pids:
                    break
                self.send(pids, signal.SIGKILL)
                time.sleep(0.1)
        self.network_down()

    def down(self, keep=True, patience=20):
        """Everything is asked to end at once; what has not ended after `patience` seconds is killed."""
        for (host, name), process in self.processes.items():
            if name == "patroni":
                self.send(self.postgres_pids(host), signal.SIGCONT)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and any(process.poll() is None for process in self.processes.values()):
            time.sleep(0.1)
        self.clean()
        self.reap()
        if not keep:
            shutil.rmtree(self.root, ignore_errors=True)
