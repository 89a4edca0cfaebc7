#!/bin/sh
# The secrets of compose.yaml, each in a file, readable by root's group alone: deploy/make-secrets.sh; run as root, once.
# None is ever made over: secret_key belongs to the database for as long as that lives.
set -eu
umask 027
folder=$(dirname "$0")/secrets
mkdir -p "$folder"
word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
put() { [ -e "$folder/$1" ] || printf '%s' "$2" > "$folder/$1"; chmod 0640 "$folder/$1"; }
put superuser_password "$(word)"
put owner_password "$(word)"
put service_password "$(word)"
put sealer_password "$(word)"
put secret_key "$(head -c 32 /dev/urandom | base64)"
put owner_url "postgresql://blacklist_owner:$(cat "$folder/owner_password")@database/blacklist"
put service_url "postgresql://blacklist_service:$(cat "$folder/service_password")@database/blacklist"
put sealer_url "postgresql://blacklist_sealing:$(cat "$folder/sealer_password")@database/blacklist"
# PostgreSQL's container has a user of its own, and needs the first two.
chown 999 "$folder/superuser_password" "$folder/owner_password" 2> /dev/null || true
