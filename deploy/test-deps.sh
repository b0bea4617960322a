#!/bin/sh
# Installs what the tests need and is missing, through the system's package manager; with the word prove what the long proofs need too.
set -eu

missing=""
# want NAME PACKAGE: PACKAGE is needed unless NAME is in PATH or in a PostgreSQL server folder.
want() {
	command -v "$1" >/dev/null 2>&1 && return
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin; do
		[ -x "$dir/$1" ] && return
	done
	missing="$missing $2"
}

# The race detector is C.
want gcc "gcc libc6-dev"
want curl curl
want jq jq
want postgres postgresql
want initdb postgresql
want psql postgresql-client
want redis-server redis-server
want chromium chromium

if [ "${1:-}" = prove ]; then
	want sqlmap sqlmap
	/usr/bin/python3 -c "import sqlalchemy, psycopg2" 2>/dev/null || missing="$missing python3-sqlalchemy python3-psycopg2"
	want promtool prometheus
	want systemd-analyze systemd
fi

[ -z "$missing" ] && exit 0
echo "installing:$missing" >&2
if ! command -v apt-get >/dev/null 2>&1; then
	echo "no apt-get here: install$missing with your package manager, then run make test again" >&2
	exit 1
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
# A server package must not start a cluster of its own.
$as_root mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
	echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
$as_root apt-get update -qq
# RUNLEVEL=1 keeps packages from starting their services: only their programs are wanted.
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing
