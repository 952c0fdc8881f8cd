# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What every part of ./dev shares: where things are, how it speaks, and how it installs what is missing.
# Sourced by ./dev with ROOT set; defines functions and variables, does nothing by itself.

BUILD=$ROOT/build
LOGS=$BUILD/logs
VENV=$BUILD/venv
# Debian's own interpreter: a python3 found first in PATH may be any version, with any modules.
PYTHON=/usr/bin/python3
# shellcheck disable=SC2034
JOBS=$(nproc 2>/dev/null || echo 2)
export LC_ALL=C.UTF-8

say() { printf '==> %s\n' "$*"; }

die() {
    printf './dev: %s\n' "$*" >&2
    exit 1
}

# Runs a command with its output in a log; shows the end of the log when it fails.
# quietly LOGNAME COMMAND…
quietly() {
    local log=$LOGS/$1.log
    shift
    mkdir -p "$LOGS"
    if "$@" >"$log" 2>&1 </dev/null; then
        return 0
    fi
    printf './dev: failed: %s\n./dev: the end of %s:\n' "$*" "$log" >&2
    tail -n 60 "$log" >&2
    return 1
}

# The command that installs as root: nothing, or sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Debian's package manager, run by root or by sudo, waiting for another run of it to end.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# The packages of the groups named, one a line.
packages_of() {
    local group
    for group in "$@"; do
        sed -n "s/^$group: *//p" "$ROOT/scripts/packages" | tr ' ' '\n'
    done | sort -u
}

# Of the packages given, those that are not installed.
packages_missing() {
    # dpkg-query fails when it does not know one of them; its answer about the others still counts.
    # shellcheck disable=SC2016
    comm -23 <(printf '%s\n' "$@" | sort -u) \
        <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

# Installs what is missing of these groups of scripts/packages.
need() {
    local wanted missing
    mapfile -t wanted < <(packages_of "$@")
    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian: expecting these packages' like to be here: ${wanted[*]}"
        return 0
    fi
    mapfile -t missing < <(packages_missing "${wanted[@]}")
    [ "${#missing[@]}" -gt 0 ] || return 0
    # On a terminal sudo may ask for the password, once.
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null && ! { [ -t 0 ] && sudo -v; }; then
        die "these packages are missing, and installing them needs root:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    say "installing ${missing[*]}"
    quietly apt-update apt_get update || die "apt-get update failed; is a Debian mirror reachable?"
    quietly apt-install apt_get install --no-install-recommends "${missing[@]}" ||
        die "could not install: ${missing[*]}"
}

# The environment for the Python tests: made by Debian's python3, with the pinned packages of
# tests/requirements.txt. Made anew when that file or the interpreter changes.
need_venv() {
    local stamp=$VENV/.requirements sum
    need test
    sum=$(cat "$ROOT/tests/requirements.txt" <("$PYTHON" --version) | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || return 0
    say "installing the Python test packages into ${VENV#"$ROOT"/}"
    rm -rf "$VENV"
    quietly venv "$PYTHON" -m venv "$VENV" || die "could not make $VENV"
    quietly pip "$VENV/bin/pip" install --disable-pip-version-check --no-input -r "$ROOT/tests/requirements.txt" ||
        die "could not install the packages of tests/requirements.txt"
    printf '%s\n' "$sum" >"$stamp"
}

# git in this tree, also when the tree belongs to another user.
git_here() { git -c safe.directory='*' -C "$ROOT" "$@"; }
