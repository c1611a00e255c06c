#!/bin/sh
# Builds the container, and runs the demonstration in it, then a receiver and a worker as deploy/Containerfile says: a
# synthetic knee goes in over one association, its results come out at an archive (a third container), and all of it stops
# when it is told to.
#
# Needs root and podman (Debian: apt-get install podman netavark aardvark-dns), 8 GB, and the internet, unless the base image
# is here. PODMAN, BUILD and RUN add words to podman, to its build and to each of its runs; IMAGE names an image that is
# already built.
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
PODMAN=${PODMAN:-podman} BUILD=${BUILD:-} RUN=${RUN:-}
name=ctsma-test
settings=/etc/ctsma-node/node.toml

say() { printf '\n=== %s\n' "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
# shellcheck disable=SC2086 # several words each
podman_() { $PODMAN "$@"; }
# Nothing but the state's volume and /tmp can be written, and the process may do no more than any other.
# shellcheck disable=SC2086
start() { # name, then what podman run takes
    as=$name-$1
    shift
    $PODMAN run -d --name "$as" --network $name --read-only --cap-drop all --tmpfs /tmp --stop-timeout 120 \
        -v $name-state:/var/lib/ctsma-node -v "$work/etc:/etc/ctsma-node:ro" $RUN "$@" >/dev/null
}
of() { podman_ logs "$name-$1" 2>&1; }
until_() { # seconds, what, a command
    seconds=$1 what=$2
    shift 2
    for _ in $(seq "$seconds"); do
        if "$@"; then return; fi
        sleep 1
    done
    of work | tail -n 5 >&2
    fail "$what: not within $seconds s"
}
says() { of "$1" | grep -q "$2"; }
received() { [ "$(find "$work/archive" -type f | wc -l)" -ge "$1" ]; }
clean() {
    for each in receive work archive send; do podman_ rm -f "$name-$each" >/dev/null 2>&1 || true; done
    podman_ volume rm -f $name-state >/dev/null 2>&1 || true
    podman_ network rm -f $name >/dev/null 2>&1 || true
    rm -rf --one-file-system "$work"
}

[ "$(id -u)" -eq 0 ] || fail "must run as root"
command -v podman >/dev/null || fail "podman is missing (Debian: apt-get install podman netavark aardvark-dns)"
work=$(mktemp -d)
trap clean EXIT
mkdir -p "$work/etc" "$work/archive" "$work/scan"
chmod 755 "$work" "$work/etc"
chmod 777 "$work/archive" "$work/scan"

image=${IMAGE:-$name}
if [ -z "${IMAGE:-}" ]; then
    say "build"
    # shellcheck disable=SC2086
    $PODMAN build --format docker $BUILD -f "$source/deploy/Containerfile" -t $name "$source"
fi
[ "$(podman_ image inspect -f '{{.Config.User}}' "$image")" = "10104:10104" ] || fail "it runs as another account"
podman_ image inspect -f '{{json .HealthCheck}}' "$image" | grep -q '"health"' || fail "its health is not looked at"

say "what was installed agrees with itself, and its own settings are right"
# shellcheck disable=SC2086
once() { $PODMAN run --rm --network none --read-only --cap-drop all --tmpfs /tmp $RUN "$@"; }
once "$image" --version
once "$image" check-config --config $settings
once "$image" demo --out /tmp/demo || fail "the demonstration"

say "receiver, worker and archive"
podman_ network create $name >/dev/null
cat >"$work/etc/node.toml" <<EOF
[node]
bind = "0.0.0.0"
[[sources]]
ae_title = "CTSMA_SEND"
addresses = ["$(podman_ network inspect -f '{{(index .Subnets 0).Subnet}}' $name)"]
[[destinations]]
kind = "dicom"
name = "archive"
ae_title = "ARCHIVE"
host = "$name-archive"
port = 11113
EOF
start archive -v "$work/archive:/archive" --entrypoint python "$image" -m pynetdicom storescp 11113 -aet ARCHIVE -od /archive
start receive "$image" receive
start work "$image" work
until_ 60 "the receiver listens" says receive receive.listening
until_ 120 "the worker is ready" says work worker.ready

say "a knee goes in, its results come out"
# shellcheck disable=SC2086
$PODMAN run --rm --network none --tmpfs /tmp -v "$work/scan:/scan" $RUN --entrypoint ctsma-train "$image" scan --out /scan --preset small
# shellcheck disable=SC2086
$PODMAN run --rm --name $name-send --network $name --tmpfs /tmp -v "$work/scan:/scan:ro" $RUN "$image" \
    send /scan --to $name-receive:11112 --aet CTSMA
until_ 300 "results arrive" received 8
podman_ exec $name-receive ctsma-node health --part receive --config $settings || fail "the receiver is not well"
podman_ exec $name-work ctsma-node health --part analyse --part deliver --config $settings || fail "the worker is not well"

say "stopped, they end by themselves, and started again they find what they had"
for each in receive work; do
    podman_ stop $name-$each >/dev/null
    [ "$(podman_ inspect -f '{{.State.ExitCode}}' $name-$each)" = 0 ] || fail "$each did not end well"
    podman_ start $name-$each >/dev/null
done
cases() { podman_ exec $name-work ctsma-node status --config $settings | grep -q delivered; }
until_ 60 "the case is still known" cases

say "passed"
