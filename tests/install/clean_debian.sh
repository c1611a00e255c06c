#!/bin/sh
# Installs, upgrades and removes a node in a clean Debian 12 without a network, and checks what is left each time.
#
# Needs root, debootstrap and 8 GB in TMPDIR. WHEELHOUSE names a folder that deploy/make-wheelhouse.sh filled with
# Debian's Python; without it one is made. BASE names a root that debootstrap made with INCLUDE, to save its time.
set -eu

INCLUDE=python3,python3-venv,systemd
MIRROR=${MIRROR:-http://deb.debian.org/debian}
source=$(cd "$(dirname "$0")/../.." && pwd)

say() { printf '\n=== %s\n' "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
# In the clean Debian, with loopback alone for a network and nothing of this machine's environment.
inside() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --net --mount -- sh -c '
        root=$1 wheelhouse=$2
        shift 2
        ip link set lo up
        mount -t proc proc "$root/proc"
        mount --bind "$wheelhouse" "$root/wheelhouse"
        exec env -i PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin HOME=/root chroot "$root" "$@"' \
        sh "$work/root" "$wheelhouse" "$@"
}
everything() { # names and kinds of all files, but for what programs leave behind by running
    (cd "$work/root" && find . -xdev \( -path ./proc -o -path ./root -o -path ./tmp -o -path ./var/log \
        -o -path ./run -o -path ./wheelhouse \) -prune -o -printf '%y %m %u %g %p\n') |
        grep -v -e '__pycache__' -e '/etc/\(passwd\|group\|shadow\|gshadow\)-$' -e '\.pwd\.lock$' | LC_ALL=C sort
}
present() { [ -e "$work/root$1" ] || [ -L "$work/root$1" ] || fail "$1 is missing"; }
absent() { if [ -e "$work/root$1" ] || [ -L "$work/root$1" ]; then fail "$1 is there"; fi; }

[ "$(id -u)" -eq 0 ] || fail "must run as root"
command -v debootstrap >/dev/null || fail "debootstrap is missing (Debian: apt-get install debootstrap)"
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT

wheelhouse=${WHEELHOUSE:-$work/wheelhouse}
if [ -z "${WHEELHOUSE:-}" ]; then
    say "wheelhouse"
    "$source/deploy/make-wheelhouse.sh" "$wheelhouse" --python python3.11
fi

say "clean Debian"
if [ -n "${BASE:-}" ]; then
    cp -a "$BASE" "$work/root"
else
    debootstrap --variant=minbase --include="$INCLUDE" bookworm "$work/root" "$MIRROR" >"$work/debootstrap.log" ||
        fail "debootstrap: $(tail -n 5 "$work/debootstrap.log")"
fi
mkdir -p "$work/root/wheelhouse" "$work/root/root/ctsma"
for part in ctsma_node trainer dicom_templates deploy requirements pyproject.toml README.md LICENSE; do
    cp -R "$source/$part" "$work/root/root/ctsma/"
done
everything >"$work/clean"

say "install, offline"
inside /root/ctsma/deploy/install.sh --wheelhouse /wheelhouse
inside ctsma-node --version
settings=$work/root/etc/ctsma-node/node.toml
state=$work/root/var/lib/ctsma-node
[ "$(inside stat -c '%a %U:%G' /var/lib/ctsma-node)" = "700 ctsma-node:ctsma-node" ] || fail "state folder's mode"
[ "$(inside stat -c '%a %U:%G' /etc/ctsma-node/node.toml)" = "640 root:ctsma-node" ] || fail "settings' mode"
[ "$(inside stat -c '%a %U:%G' /etc/ctsma-node/keys)" = "700 ctsma-node:ctsma-node" ] || fail "keys' mode"
for unit in ctsma-node-receive ctsma-node-work ctsma-node-web; do
    present "/etc/systemd/system/multi-user.target.wants/$unit.service"
    inside systemd-analyze verify "/etc/systemd/system/$unit.service"
done

say "the account can use what was installed, and change nothing of it"
as_service() { inside setpriv --reuid ctsma-node --regid ctsma-node --clear-groups "$@"; }
as_service ctsma-node check-config --config /etc/ctsma-node/node.toml
as_service sh -c '! touch /opt/ctsma-node/venv/x /etc/ctsma-node/x 2>/dev/null' || fail "the account can write programs"

say "receiver, worker and page start, and stop when they are told to"
for service in receive work web; do
    case $service in receive) sign=receive.listening ;; work) sign=worker.ready ;; web) sign=web.serving ;; esac
    # shellcheck disable=SC2016 # for the inner shell
    as_service sh -c '
        export MPLCONFIGDIR=/var/cache/ctsma-node/matplotlib
        ctsma-node "$1" --config /etc/ctsma-node/node.toml 2>"/var/lib/ctsma-node/$1.log" & node=$!
        for _ in $(seq 600); do
            grep -q "$2" "/var/lib/ctsma-node/$1.log" && break
            kill -0 $node 2>/dev/null || break
            sleep 0.2
        done
        kill $node && wait $node && grep -q "$2" "/var/lib/ctsma-node/$1.log"' sh "$service" "$sign" ||
        fail "$service: $(tail -n 3 "$state/$service.log")"
    rm "$state/$service.log"
done

say "the demonstration"
inside ctsma-node demo --out /tmp/demo || fail "the demonstration"

say "again: nothing changes"
printf '\n# a line of the site\n' >>"$settings"
everything >"$work/installed"
inside /root/ctsma/deploy/install.sh --wheelhouse /wheelhouse | grep "is there already" || fail "installed twice"
everything | cmp - "$work/installed" || fail "a second install changed something"

say "upgrade: a new release beside the old one, settings and state as they were"
before=$(readlink "$work/root/opt/ctsma-node/venv")
sed -i 's/^__version__ = .*/__version__ = "99.0.0"/' "$work/root/root/ctsma/ctsma_node/__init__.py"
inside /root/ctsma/deploy/install.sh --wheelhouse /wheelhouse
inside ctsma-node --version | grep -q 99.0.0 || fail "the old release is in use"
present "/opt/ctsma-node/$before"
grep -q "a line of the site" "$settings" || fail "the settings were replaced"
present /var/lib/ctsma-node/inbox.sqlite3

say "an upgrade that does not accept the settings leaves the old release in use"
printf '[no_such_section]\n' >>"$settings"
sed -i 's/^__version__ = .*/__version__ = "99.0.1"/' "$work/root/root/ctsma/ctsma_node/__init__.py"
! inside /root/ctsma/deploy/install.sh --wheelhouse /wheelhouse || fail "settings with a fault were accepted"
inside ctsma-node --version | grep -q 99.0.0 || fail "the new release is in use"

say "uninstall: settings and state stay"
inside /root/ctsma/deploy/uninstall.sh
absent /opt/ctsma-node
absent /usr/local/bin/ctsma-node
absent /etc/systemd/system/ctsma-node-work.service
absent /etc/systemd/system/multi-user.target.wants/ctsma-node-work.service
present /var/lib/ctsma-node/inbox.sqlite3
grep -q "a line of the site" "$settings" || fail "the settings are gone"

say "uninstall --purge: as if it had never been there"
inside /root/ctsma/deploy/uninstall.sh --purge
everything >"$work/purged"
diff "$work/clean" "$work/purged" || fail "something was left behind"

say "passed"
