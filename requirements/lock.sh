#!/bin/sh
# Resolves pyproject.toml into three locks with hashes, for CPython 3.11 on Linux x86_64:
#   node.txt  what a hospital's node installs         demo.txt  + the synthetic knees of `make run`
#   test.txt  + the trainer, the test tools and the linters
# The pins that are there are kept, unless --upgrade is given; the smaller sets take theirs from test.txt.
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
resolve demo.txt --extra phantom --constraint test.txt
resolve node.txt --constraint test.txt
