"""What a child process does first: end with its parent; run as a script, also switch to another user and program.

The script is run by its path (`python -I -S child.py …`) and imports nothing of the package, so it costs 20 ms. Unlike with
`preexec_fn`, no Python code runs between fork and exec of a process that may have threads.
"""

import ctypes
import os
import signal
import sys

PARENT_VARIABLE = "BLACKLIST_PARENT_PID"
PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int | None = None, death_signal: signal.Signals = signal.SIGKILL) -> None:
    """Make the kernel end this process when its parent ends; do nothing if no parent is named in the environment.

    SIGKILL, because a graceful stop waits for clients, and without its parent a worker has neither a port nor anybody to
    restart it. It is sent when the *thread* that forked ends, so parents fork from their main thread.
    """
    if parent is None:
        parent = int(os.environ.get(PARENT_VARIABLE, "0"))
    if not parent:
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it ended before the kernel was told
        os._exit(1)


def main(arguments: list[str]) -> None:
    parent, uid, gid, death_signal = (int(argument) for argument in arguments[:4])
    program = arguments[4:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o077)
    os.chdir("/")
    _become(uid, gid)
    die_with_parent(parent, signal.Signals(death_signal))  # after setuid, which clears the setting
    os.execv(program[0], program)  # noqa: S606 - no shell is the point


def _become(uid: int, gid: int) -> None:
    """Drop root for good: groups first, while that is still permitted."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


if __name__ == "__main__":
    main(sys.argv[1:])
