"""A PostgreSQL server for one machine: created, started, watched and stopped by the process that owns it.

server.py       EmbeddedPostgres: start, poll, restart, stop
attachment.py   find_running, attached_or_started: for commands beside a running `serve`
ownership.py    the locks that say who owns the server and who is using it
postmaster.py   the server process: launch, readiness, shutdown, leftovers of a killed server
cluster.py      the data files: created aside and renamed, so that they exist completely or not at all
layout.py       the files of the data directory, and where the socket goes if its path is too long
binaries.py     which PostgreSQL; relocation.py: copied to where its user can read it
access.py       who may log in: the system users that run this service
account.py      which system user the server runs as if we are root
configuration.py its settings
child.py        what a child process does first: end with its parent
"""
