# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# How the sanitizers are run: their reports go to files, so that none is lost in a daemon's own log or
# with a process that a test kills.

# sanitizer_options FOLDER: exports the options; reports go to FOLDER, emptied first.
sanitizer_options() {
    local common="log_path=$1/report:exitcode=99"
    rm -rf "$1"
    mkdir -p "$1"
    export ASAN_OPTIONS="$common:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:\
check_initialization_order=1:allocator_may_return_null=1"
    export UBSAN_OPTIONS="$common:print_stacktrace=1:halt_on_error=1"
    export TSAN_OPTIONS="$common:second_deadlock_stack=1"
}

# sanitizer_reports FOLDER: shows the reports that were written; fails when there are any.
sanitizer_reports() {
    local report found=0
    for report in "$1"/report.*; do
        [ -s "$report" ] || continue
        found=$((found + 1))
        if [ $found -le 5 ]; then
            printf '\n--- %s\n' "$report"
            head -n 60 "$report"
        fi
    done
    [ $found = 0 ] && return 0
    echo "$found sanitizer reports in $1"
    return 1
}

# sanitized FLAVOUR COMMAND ARGUMENT…: runs a command on a sanitizer's build; fails on reports, too.
sanitized() {
    local flavour=$1 reports=$LOGS/${STEP:-$1}-reports status=0
    shift
    case $flavour in
    asan) export POSTHOUSE_SANITIZER=address ;;
    tsan) export POSTHOUSE_SANITIZER=thread ;;
    esac
    sanitizer_options "$reports"
    "$@" || status=$?
    sanitizer_reports "$reports" || return 1
    return $status
}
