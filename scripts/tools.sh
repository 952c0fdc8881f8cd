# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The commands of ./dev that hand over to a program of another folder: bench, docs, infra; and clean.

dev_bench() {
    [ -e "$ROOT/bench/run" ] || die "bench/run is not in this tree"
    need build bench
    need_venv
    build_flavour obj
    exec "$VENV/bin/python" "$ROOT/bench/run" "$@"
}

dev_docs() {
    [ -x "$ROOT/docs/make" ] || die "docs/make is not in this tree"
    need build docs
    build_flavour obj
    exec "$ROOT/docs/make" "$@"
}

dev_infra() {
    [ -x "$ROOT/infra/check" ] || die "infra/check is not in this tree"
    need infra
    exec "$ROOT/infra/check" "$@"
}

dev_clean() {
    [ $# -eq 0 ] || die "usage: ./dev clean"
    rm -rf "$BUILD"
    say "removed build/"
}
