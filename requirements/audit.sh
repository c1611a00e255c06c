#!/bin/sh
# Asks whether an advisory is known of anything that is locked, or of torch, which no lock names: `make audit`.
#
# First of all it asks for a package with a well-known advisory: where that is not found, nothing could be looked
# up, and silence about the locks would mean nothing. Exit status: 0 nothing is known, 1 something is (or a package
# could not be looked up), 2 the service does not answer as it should. Needs the internet (pypi.org); options go to
# pip-audit, such as `--vulnerability-service osv`.
set -eu
cd "$(dirname "$0")"

PYTHON=${PYTHON:-python3}
LOCKS=${LOCKS:-node.txt test.txt}
KNOWN_BAD='jinja2==2.11.2' # CVE-2024-22195 and older ones
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

audit() { "$PYTHON" -m pip_audit --strict --disable-pip --progress-spinner off "$@"; }

echo "$KNOWN_BAD" >"$folder/control.txt"
if audit --no-deps -r "$folder/control.txt" --format json "$@" >"$folder/found.json" 2>"$folder/said" ||
    ! grep -qE '"id": "(PYSEC|GHSA|CVE)-' "$folder/found.json"; then
    cat "$folder/said" >&2
    echo "audit: the advisories of $KNOWN_BAD were not found: nothing can be looked up from here" >&2
    exit 2
fi

sed -n 's/^TORCH ?= //p' ../Makefile >"$folder/torch.txt"
status=0
echo "torch:" && audit --no-deps -r "$folder/torch.txt" "$@" || status=1
for lock in $LOCKS; do
    echo "$lock:" && audit --require-hashes -r "$lock" "$@" || status=1
done
exit $status
