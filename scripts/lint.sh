# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev lint and ./dev fmt: see scripts/lint.py for the rules.

dev_lint() {
    need lint
    case "$*" in
    '') ;;
    --deep)
        need build deep test
        # clang-tidy wants config.h
        build_autoreconf
        [ -f "$BUILD/obj/config.h" ] || build_flavour obj
        ;;
    *) die "usage: ./dev lint [--deep]" ;;
    esac
    "$PYTHON" "$ROOT/scripts/lint.py" "$@"
}

dev_fmt() {
    local files
    need lint
    mapfile -t files < <("$PYTHON" "$ROOT/scripts/lint.py" --list-c)
    [ "${#files[@]}" -gt 0 ] || die "no C files here"
    clang-format-14 -i "${files[@]}"
    say "formatted ${#files[@]} files"
}
