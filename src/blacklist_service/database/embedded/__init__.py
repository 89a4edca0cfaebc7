"""A PostgreSQL of our own, for one machine: made, started, watched and stopped by the process that owns it.

server.py       EmbeddedPostgres: start, poll, restart, stop
attachment.py   find_running, attached_or_started: for commands beside a running `serve`
ownership.py    the locks that say who owns the server and who is using it
postmaster.py   the server process: launch, readiness, the end, what a killed one leaves behind
cluster.py      the data files: made aside and renamed, so that they are there whole or not at all
layout.py       what lies where in the data directory, and where the socket goes when its path is too long
binaries.py     which PostgreSQL; relocation.py: copied to where its user can read it
access.py       who may log in: the users this service runs as
account.py      which system user the server runs as when we are root
configuration.py its settings
child.py        what a child process does first: end with its parent
"""
