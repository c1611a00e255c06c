#!/bin/sh
# Resolves pyproject.toml into two locks with hashes, for CPython 3.11 on Linux x86_64:
#   node.txt  what a node installs, and `make run`    test.txt  + the trainer, the test tools and the linters
# The pins that are there are kept, unless --upgrade is given; the smaller one takes its from test.txt.
set -eu
cd "$(dirname "$0")"

resolve() {
    lock=$1
    shift
    echo "resolving $lock" >&2
    uv pip compile --quiet --no-config --no-header --generate-hashes \
        --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
        --override overrides.in --output-file "$lock" ../pyproject.toml torch.in "$@" >/dev/null
}

resolve test.txt --extra trainer --extra test "$@"
resolve node.txt --constraint test.txt
