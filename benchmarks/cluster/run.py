#!/usr/bin/env python3
"""`make cluster`: the cluster of deploy/cluster in namespaces of this machine, with the demo in it, until Ctrl-C.

run.py                     build it, say where everything is, wait; take it down without a trace
run.py --clean             after one that was killed
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from lab import CLIENT, SERVICES, Lab, missing

HELP = """
The cluster is up. In another terminal, as root:
  the service, by its front     {inside_client} curl -s http://{front}:8080/readyz
  a service host                {inside_client} curl -s http://{svc1}:8000/readyz
  who leads                     ip netns exec {tag}-db1 patronictl -c {root}/db1/patroni.yml list
  change the primary            ip netns exec {tag}-db1 patronictl -c {root}/db1/patroni.yml switchover --force
  a host loses its link         ip -n {tag}-sw link set p-db1 down      (up again: up)
  members, keys, logins         {root}/svc1/data/demo.json
  logs                          {root}/log
  what each host was given      {root}/HOST/
Ctrl-C takes it down.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", default=".")
    parser.add_argument("--python", default=".venv/bin/python")
    parser.add_argument("--patroni", default="patroni")
    parser.add_argument("--clean", action="store_true")
    a = parser.parse_args()
    if lacking := missing():
        raise SystemExit(
            f"the cluster needs {', '.join(lacking)} (apt-get install patroni etcd-server haproxy nftables)"
        )
    root = Path(tempfile.gettempdir()) / "blacklist-cluster"
    lab = Lab(root, checkout=a.checkout, python=a.python, patroni=a.patroni, tag="bcl", subnet="10.78.0")
    if a.clean:
        lab.down(keep=False)
        return
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        lab.up(is_demo=True)
        words = {"tag": lab.tag, "root": root, "front": lab.ip(CLIENT), "svc1": lab.ip(SERVICES[0])}
        print(HELP.format(inside_client=f"ip netns exec {lab.tag}-{CLIENT}", **words), flush=True)
        while True:
            time.sleep(1)
            lab.reap()
    except KeyboardInterrupt:
        pass
    finally:
        lab.down(keep=False)
        print("taken down", flush=True)


def _interrupt(*_):
    """Only once: taking down is not interrupted."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    os.umask(0o022)
    main()
