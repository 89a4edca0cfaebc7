#!/bin/sh
# Run once by PostgreSQL's container in a new database: an owner who is no superuser, for `migrate` alone.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set secret="$(cat /run/secrets/owner_password)" <<'SQL'
CREATE ROLE blacklist_owner LOGIN CREATEROLE NOSUPERUSER NOCREATEDB PASSWORD :'secret';
CREATE DATABASE blacklist OWNER blacklist_owner;
SQL
