#!/bin/sh
# Removes a CTSMA node that deploy/install.sh installed; see --help.
set -eu

PREFIX=/opt/ctsma-node
ACCOUNT=ctsma-node
UNITS="ctsma-node-receive.socket ctsma-node-receive.service ctsma-node-work.service ctsma-node-web.service"
OURS="/opt/ctsma-node /usr/local/bin/ctsma-node
/etc/systemd/system/ctsma-node-receive.socket
/etc/systemd/system/ctsma-node-receive.service
/etc/systemd/system/ctsma-node-receive.service.d/low-port.conf
/etc/systemd/system/ctsma-node-work.service /etc/systemd/system/ctsma-node-work.service.d/gpu.conf
/etc/systemd/system/ctsma-node-web.service
/usr/lib/sysusers.d/ctsma-node.conf /usr/lib/tmpfiles.d/ctsma-node.conf /var/cache/ctsma-node"
SITES="/var/lib/ctsma-node /etc/ctsma-node" # state and settings
DROP_INS="/etc/systemd/system/ctsma-node-receive.service.d /etc/systemd/system/ctsma-node-work.service.d
/etc/systemd/system/ctsma-node-web.service.d"

usage() {
    cat <<'EOF'
Usage: deploy/uninstall.sh [--purge] [--dry-run] [--root DIR] [--help]

Stops the node and removes its programs and units. Settings (/etc/ctsma-node), state (/var/lib/ctsma-node: received
instances, results, ledgers), drop-ins that the site wrote for the units, and the account ctsma-node stay: installing
again, with the same options, goes on where it was.

  --purge     remove settings, state and account, too; what was not delivered is lost
  --dry-run   say what would be done, change nothing
  --root DIR  in another root; for images and tests
EOF
}

say() { printf '%s\n' "$*"; }
fail() {
    printf 'uninstall.sh: %s\n' "$*" >&2
    exit 1
}
run() {
    if [ -n "$dry_run" ]; then
        say "would run: $*"
    else
        "$@"
    fi
}

read_options() {
    purge='' dry_run='' root=''
    while [ $# -gt 0 ]; do
        case $1 in
        --purge) purge=yes ;;
        --dry-run) dry_run=yes ;;
        --root)
            [ $# -ge 2 ] || fail "--root needs a value; see --help"
            root=${2%/}
            shift
            ;;
        --help | -h)
            usage
            exit 0
            ;;
        *) fail "no such option: $1; see --help" ;;
        esac
        shift
    done
}

stop_units() {
    # shellcheck disable=SC2086 # several units
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then
        run systemctl stop $UNITS || true # one that was never started or is gone already
    fi
    for unit in $UNITS; do
        [ ! -e "$root/etc/systemd/system/$unit" ] || run systemctl "--root=${root:-/}" --quiet disable "$unit"
    done
}

remove() {
    for path in $1; do
        if [ -e "$root$path" ] || [ -L "$root$path" ]; then
            run rm -rf "$root$path"
        fi
    done
}

# A folder of drop-ins that the site put nothing into.
remove_empty() {
    for path in $DROP_INS; do
        [ -n "$dry_run" ] || rmdir "$root$path" 2>/dev/null || true
    done
}

remove_account() {
    if grep -qs "^$ACCOUNT:" "$root/etc/passwd"; then
        run userdel ${root:+--root "$root"} "$ACCOUNT"
    fi
    if grep -qs "^$ACCOUNT:" "$root/etc/group"; then
        run groupdel ${root:+--root "$root"} "$ACCOUNT"
    fi
}

read_options "$@"
if [ "$(id -u)" -ne 0 ] && [ -z "$root$dry_run" ]; then
    fail "must run as root (sudo $0 ...)"
fi
stop_units
remove "$OURS"
remove_empty
if [ -n "$purge" ]; then
    remove "$SITES $DROP_INS"
    [ "$(id -u)" -ne 0 ] || remove_account
    say "Removed, with settings, state and account."
else
    say "Removed $PREFIX and the units. Kept: $SITES, the site's own drop-ins and the account $ACCOUNT (--purge removes them)."
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    run systemctl daemon-reload
fi
