#!/bin/sh
# Writes .env beside docker-compose.yml with freshly generated passwords and keys, readable by its owner alone.
# An .env that is there already is left as it is: with other keys the data written under these could not be read.
set -eu
target=${1:-$(dirname "$0")/../.env}
if [ -e "$target" ]; then
    echo "$target is there already; move it away first if you really want new keys." >&2
    exit 1
fi
secret() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
umask 077
cat >"$target" <<EOF
POSTGRES_PASSWORD=$(secret)
DATABASE_PASSWORD=$(secret)
PITCALL_SNAPSHOT_KEY=$(secret)
INFLUXDB_PASSWORD=$(secret)
PITCALL_HISTORY_TOKEN=$(secret)
EOF
echo "Wrote $target."
