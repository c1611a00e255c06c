#!/bin/sh
# Installs or upgrades a CTSMA node under systemd. Run it from a clone or an unpacked release; see --help.
set -eu
umask 022

PREFIX=/opt/ctsma-node
SETTINGS=/etc/ctsma-node/node.toml
UNITS="ctsma-node-receive.service ctsma-node-work.service ctsma-node-web.service"
SOCKET=/etc/systemd/system/ctsma-node-receive.socket
NEEDED_MB=4000       # the packages with torch for CPUs take 1.5 GB, twice while a release replaces another
NEEDED_CUDA_MB=7000  # where pip may take the torch for GPUs

usage() {
    cat <<'EOF'
Usage: deploy/install.sh [options]

Installs a node, or upgrades the one that is there; settings and state are kept. Safe to run again.

  --wheelhouse DIR  install offline, from a folder that deploy/make-wheelhouse.sh filled
  --torch ARGS      what pip installs torch with (default: "torch==2.13.0"; see the Makefile for CPU and CUDA builds)
  --python PROGRAM  the Python to use, 3.11 to 3.13 (default: python3)
  --gpu             let the worker see the GPU
  --low-port        have systemd listen for the receiver on port 104 (ctsma-node-receive.socket)
  --start           start the node, too; without it the units are enabled and start at the next boot
  --no-packages     leave the Python packages alone
  --root DIR        install into another root (needs --no-packages); for images and tests
  --dry-run         say what would be done, change nothing
  --help            this text

What is installed: /opt/ctsma-node (one folder for each release, the link `venv` names the one in use),
/etc/ctsma-node (settings), /var/lib/ctsma-node (state), three units, and /usr/local/bin/ctsma-node.
EOF
}

say() { printf '%s\n' "$*"; }
fail() {
    printf 'install.sh: %s\n' "$*" >&2
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
    wheelhouse='' torch='torch==2.13.0' python=python3 gpu='' low_port='' start='' packages=yes root='' dry_run=''
    while [ $# -gt 0 ]; do
        case $1 in
        --wheelhouse | --torch | --python | --root)
            [ $# -ge 2 ] || fail "$1 needs a value; see --help"
            case $1 in
            --wheelhouse) wheelhouse=$2 ;;
            --torch) torch=$2 ;;
            --python) python=$2 ;;
            --root) root=${2%/} ;;
            esac
            shift
            ;;
        --gpu) gpu=yes ;;
        --low-port) low_port=yes ;;
        --start) start=yes ;;
        --no-packages) packages='' ;;
        --dry-run) dry_run=yes ;;
        --help | -h)
            usage
            exit 0
            ;;
        *) fail "no such option: $1; see --help" ;;
        esac
        shift
    done
}

# What is wrong is said before anything is changed.
check_machine() {
    source=$(cd "$(dirname "$0")/.." && pwd)
    [ -f "$source/requirements/node.txt" ] || fail "$source is not a clone or release of ctsma-node"
    if [ -n "$root" ]; then
        [ -z "$packages" ] || fail "--root needs --no-packages: an environment works only where it was made"
        [ -z "$start" ] || fail "--start and --root exclude each other"
        [ -d "$root" ] || fail "$root is not a folder"
    elif [ -z "$dry_run" ] && [ "$(id -u)" -ne 0 ]; then
        fail "must run as root (sudo $0 ...)"
    fi
    for program in systemctl systemd-sysusers systemd-tmpfiles; do
        command -v "$program" >/dev/null || fail "$program is missing: a node runs under systemd"
    done
    [ -z "$packages" ] || check_packages
}

check_packages() {
    command -v "$python" >/dev/null || fail "$python is missing (Debian: apt-get install python3 python3-venv)"
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' ||
        fail "$python is of another version: Python 3.11 to 3.13 is needed; name one with --python"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make environments (Debian: apt-get install python3-venv)"
    if [ -n "$wheelhouse" ]; then
        wheelhouse=$(cd "$wheelhouse" 2>/dev/null && pwd) || fail "--wheelhouse is not a folder"
        [ -n "$(find "$wheelhouse" -name 'torch-*.whl')" ] ||
            fail "$wheelhouse holds no torch: fill it with deploy/make-wheelhouse.sh"
    fi
    if [ -e "$PREFIX/venv" ] && [ ! -L "$PREFIX/venv" ]; then
        fail "$PREFIX/venv was not made by this installer: move it away first"
    fi
    free=$(df -Pm "$(nearest "$PREFIX")" | awk 'NR == 2 { print $4 }')
    needed=$NEEDED_CUDA_MB
    case "$torch" in *+cpu*) needed=$NEEDED_MB ;; esac
    ! holds_cpu_torch || needed=$NEEDED_MB
    [ "$free" -ge "$needed" ] || fail "$free MB are free for $PREFIX, $needed are needed"
}

holds_cpu_torch() {
    for wheel in "$wheelhouse"/torch-*+cpu*; do
        [ -z "$wheelhouse" ] || [ ! -e "$wheel" ] || return 0
    done
    return 1
}

nearest() {
    folder=$1
    while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
    say "$folder"
}

# --- packages ------------------------------------------------------------------------------------------------------

# Version and a digest of everything that decides what gets installed: the same source gives the same name.
release_name() {
    version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$source/ctsma_node/__init__.py")
    digest=$(
        cd "$source"
        {
            find ctsma_node trainer dicom_templates pyproject.toml requirements/node.txt \
                -type f ! -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
            say "$torch"
            "$python" -VV
        } | sha256sum | cut -c 1-12
    )
    say "$version-$digest"
}

pip_install() {
    if [ -n "$wheelhouse" ]; then
        set -- --no-index --find-links "$wheelhouse" "$@"
    fi
    run "$release/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@"
}

install_packages() {
    release=$PREFIX/releases/$(release_name)
    if [ -e "$release/.complete" ]; then
        say "Packages: $(basename "$release") is there already."
        return
    fi
    say "Packages: installing $(basename "$release") (minutes)"
    run rm -rf "$release"
    run mkdir -p "$PREFIX/releases"
    run "$python" -m venv "$release"
    # Locked packages first: what torch requires is then there at its locked version, and pip fetches torch alone.
    pip_install --no-deps --require-hashes -r "$source/requirements/node.txt"
    # shellcheck disable=SC2086 # several arguments in one option
    pip_install $torch
    install_project
    run "$release/bin/python" -m pip check --quiet --disable-pip-version-check
    run touch "$release/.complete"
}

# From a copy: building leaves files beside the sources.
install_project() {
    copy=$(mktemp -d)
    for part in ctsma_node trainer dicom_templates pyproject.toml README.md LICENSE; do
        cp -R "$source/$part" "$copy/"
    done
    pip_install --no-deps --no-build-isolation "$copy"
    rm -rf "$copy"
}

# An upgrade that cannot read the site's settings leaves the old release in use.
use_release() {
    if [ -f "$SETTINGS" ] && [ -L "$PREFIX/venv" ]; then
        run "$release/bin/ctsma-node" check-config --config "$SETTINGS" ||
            fail "the new release does not accept $SETTINGS (above); the release in use was left as it is"
    fi
    before=$(readlink "$PREFIX/venv" || true)
    run ln -sfn "releases/$(basename "$release")" "$PREFIX/venv.new"
    run mv -T "$PREFIX/venv.new" "$PREFIX/venv"
    run ln -sfn "$PREFIX/venv/bin/ctsma-node" /usr/local/bin/ctsma-node
    remove_old_releases
}

# The release in use and the one before it stay: the way back is one link.
remove_old_releases() {
    now=releases/$(basename "$release")
    if [ -n "$before" ] && [ "$before" != "$now" ]; then
        run ln -sfn "$before" "$PREFIX/venv.before"
    fi
    kept=$(readlink "$PREFIX/venv.before" || true)
    for folder in "$PREFIX"/releases/*/; do
        [ -d "$folder" ] || continue
        name=releases/$(basename "$folder")
        if [ "$name" != "$now" ] && [ "$name" != "$kept" ] && [ "$name" != "$before" ]; then
            run rm -rf "$PREFIX/$name"
        fi
    done
}

# --- accounts, folders, settings, units ----------------------------------------------------------------------------

put() { # put MODE FROM TO: a file of ours, replaced where it differs
    if ! cmp -s "$2" "$root$3"; then
        run install -D -m "$1" "$2" "$root$3"
        changed=yes
    fi
}

install_folders() {
    put 644 "$source/deploy/ctsma-node.sysusers.conf" /usr/lib/sysusers.d/ctsma-node.conf
    put 644 "$source/deploy/ctsma-node.tmpfiles.conf" /usr/lib/tmpfiles.d/ctsma-node.conf
    if [ -e "$root$SETTINGS" ]; then
        say "Settings: $SETTINGS is kept."
    else
        say "Settings: $SETTINGS is made from the example; edit [node] bind, [[sources]] and [[destinations]]."
        run install -D -m 640 "$source/deploy/node.example.toml" "$root$SETTINGS"
    fi
    put 644 "$source/deploy/node.example.toml" /etc/ctsma-node/node.example.toml
    if [ "$(id -u)" -ne 0 ] && [ -z "$dry_run" ]; then
        say "Not root: account and owners are left out."
        return
    fi
    run systemd-sysusers "--root=${root:-/}" ctsma-node.conf
    run systemd-tmpfiles "--root=${root:-/}" --create ctsma-node.conf
}

install_units() {
    for unit in $UNITS; do
        put 644 "$source/deploy/$unit" "/etc/systemd/system/$unit"
    done
    [ -z "$gpu" ] ||
        put 644 "$source/deploy/drop-ins/gpu.conf" /etc/systemd/system/ctsma-node-work.service.d/gpu.conf
    if [ -n "$low_port" ]; then
        put 644 "$source/deploy/drop-ins/low-port.conf" /etc/systemd/system/ctsma-node-receive.service.d/low-port.conf
        # The site may have changed its port.
        [ -e "$root$SOCKET" ] || put 644 "$source/deploy/ctsma-node-receive.socket" "$SOCKET"
        run systemctl "--root=${root:-/}" --quiet enable ctsma-node-receive.socket
    fi
    # shellcheck disable=SC2086 # several units
    run systemctl "--root=${root:-/}" --quiet enable $UNITS
}

start_units() {
    if [ -n "$root" ] || [ ! -d /run/systemd/system ]; then
        [ -z "$start" ] || say "systemd does not run here: the node starts with the machine."
        return
    fi
    run systemctl daemon-reload
    # shellcheck disable=SC2086 # several units
    if [ -n "$start" ]; then
        run systemctl restart $UNITS
    elif [ -n "$changed" ]; then
        run systemctl try-restart $UNITS # a node that runs goes on with the new release; one that is stopped stays so
    fi
}

read_options "$@"
check_machine
changed='' before='' release=''
if [ -n "$packages" ]; then
    install_packages
fi
install_folders
if [ -n "$packages" ]; then
    use_release
    [ "$before" = "releases/$(basename "$release")" ] || changed=yes
fi
install_units
start_units
say "Done. Next: edit $SETTINGS, then: sudo ctsma-node check-config --echo; sudo systemctl start $UNITS"
