#!/bin/sh
# Looks through every module of the tree: is its go.mod tidy, and has anything that its code calls a known vulnerability? The database is
# the Go project's; VULNDB names another, such as a mirror's URL or file:///path/to/vulndb/data/osv of a copy.
set -eu
cd "$(dirname "$0")/.."
for file in go.mod */*/go.mod */*/*/go.mod */*/*/*/go.mod; do
	[ -e "$file" ] || continue
	dir=$(dirname "$file")
	echo "$dir" >&2
	(cd "$dir" && GOFLAGS="" go mod tidy -diff && go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -test ${VULNDB:+-db "$VULNDB"} ./...)
done
