"""The first process of a database host: it runs one program and takes in, at once, who is orphaned, as systemd does.

The first process of a container may look for the dead each two seconds only; a PostgreSQL that was killed is there till then,
as far as Patroni can see.
"""

import ctypes
import os
import signal
import sys

SET_PARENT_DEATH_SIGNAL, SET_CHILD_SUBREAPER = 1, 36


def main():
    libc = ctypes.CDLL(None)
    libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    program = os.fork()
    if program == 0:
        libc.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)  # one who kills this one means that one
        os.execvp(sys.argv[1], sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(program, number))
    while True:
        pid, status = os.wait()
        if pid == program:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
