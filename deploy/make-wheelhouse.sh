#!/bin/sh
# Fills a folder with every package that deploy/install.sh --wheelhouse needs, for a machine without internet.
set -eu

usage() {
    cat <<'EOF'
Usage: deploy/make-wheelhouse.sh DIR [--torch ARGS] [--python PROGRAM]

Run it on a machine with internet, with the Python version (3.11 on Debian 12) and architecture of the node;
then carry DIR and this source folder over, and there: deploy/install.sh --wheelhouse DIR

  --torch ARGS      what pip fetches torch with (default: "torch==2.13.0"; the CPU build:
                    "torch==2.13.0+cpu --index-url https://download.pytorch.org/whl/cpu")
  --python PROGRAM  the Python whose packages are fetched (default: python3)
  --help            this text

Locked packages are checked against their hashes here, and again when they are installed.
EOF
}

fail() {
    printf 'make-wheelhouse.sh: %s\n' "$*" >&2
    exit 1
}

folder='' torch='torch==2.13.0' python=python3
while [ $# -gt 0 ]; do
    case $1 in
    --torch | --python)
        [ $# -ge 2 ] || fail "$1 needs a value; see --help"
        if [ "$1" = --torch ]; then torch=$2; else python=$2; fi
        shift
        ;;
    --help | -h)
        usage
        exit 0
        ;;
    -*) fail "no such option: $1; see --help" ;;
    *) folder=$1 ;;
    esac
    shift
done
[ -n "$folder" ] || fail "name a folder; see --help"
"$python" -m pip --version >/dev/null 2>&1 || fail "$python has no pip (Debian: apt-get install python3-pip)"

lock=$(cd "$(dirname "$0")/.." && pwd)/requirements/node.txt
mkdir -p "$folder"
pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
# What torch requires comes at the versions of the lock, so that the install finds it there already.
sed -n 's/^\([A-Za-z0-9_.-]*==[^ \\;]*\).*/\1/p' "$lock" >"$pins"
fetch() { "$python" -m pip download --quiet --disable-pip-version-check --only-binary :all: --dest "$folder" "$@"; }
fetch --no-deps --require-hashes -r "$lock"
# shellcheck disable=SC2086 # several arguments in one option
fetch --constraint "$pins" --find-links "$folder" $torch
printf 'Done: %s packages, %s in %s\n' "$(find "$folder" -name '*.whl' | wc -l)" "$(du -sh "$folder" | cut -f 1)" "$folder"
