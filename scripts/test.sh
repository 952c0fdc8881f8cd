# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev test: builds and runs everything in two lanes side by side, keeps each step's output in
# build/logs, shows the output of what failed at the end, and closes with one line over all that ran.
#
# A step runs with its output in build/logs/STEP.log and leaves its counts in build/logs/STEP.counts;
# one that fails without counting a failure is one failure.

# shellcheck source=scripts/sanitizers.sh
. "$ROOT/scripts/sanitizers.sh"
# shellcheck source=scripts/fuzz.sh
. "$ROOT/scripts/fuzz.sh"

counts() { "$PYTHON" "$ROOT/scripts/counts.py" "$@"; }

has() { [ -e "$ROOT/$1" ]; }

# step STEP TITLE COMMAND ARGUMENT…: runs a command as a step; returns its outcome.
step() {
    local STEP=$1 title=$2 began=$SECONDS outcome=ok files
    shift 2
    rm -f "$LOGS/$STEP.counts"
    printf '...  %s\n' "$title"
    if ! ("$@") >"$LOGS/$STEP.log" 2>&1 </dev/null; then
        outcome=FAIL
        if ! grep -q '"failed": [1-9]' "$LOGS/$STEP.counts" 2>/dev/null; then
            echo '{"passed": 0, "failed": 1, "skipped": 0}' >"$LOGS/$STEP-itself.counts"
        fi
        echo "$STEP" >>"$LOGS/failed"
    fi
    files=$(ls "$LOGS/$STEP.counts" "$LOGS/$STEP-itself.counts" 2>/dev/null || true)
    # shellcheck disable=SC2086
    files=${files:+$(counts sum $files)}
    printf '%-4s %s: %s (%d s)\n' $outcome "$title" "${files:-done}" $((SECONDS - began))
    [ $outcome = ok ]
}

# --- what a step runs ---

run_lint() { nice -n 5 "$PYTHON" "$ROOT/scripts/lint.py" "$@" --counts "$LOGS/$STEP.counts"; }

run_deep() { run_lint --only-deep --budget "$DEEP_SECONDS" --nodes "$DEEP_NODES"; }

# run_unit FLAVOUR [MAKE ARGUMENT…]: make check, counted by test cases.
run_unit() {
    local flavour=$1 obj status=0 trs
    obj=$(build_folder "$flavour")
    shift
    find "$obj" -name '*.trs' -delete
    build_make "$flavour" -k check LOG_COMPILER='timeout -k 10 600' "$@" || status=1
    counts unit "$obj" >"$LOGS/$STEP.counts"
    [ $status = 0 ] && return 0
    find "$obj" -name '*.trs' -exec grep -lE '^:global-test-result: (FAIL|ERROR)' {} + | while read -r trs; do
        printf '\n--- %s\n' "${trs##*/}"
        tail -n 60 "${trs%.trs}.log"
    done
    return $status
}

# run_pytest TREE ARGUMENT…: pytest on a runnable tree.
run_pytest() {
    local tree=$1 status=0
    shift
    rm -f "$LOGS/$STEP.xml"
    POSTHOUSE_BUILD=$tree PYTHONPYCACHEPREFIX=$BUILD/pycache timeout -k 30 "$PYTEST_SECONDS" \
        "$VENV/bin/python" -m pytest -q -ra --tb=short --durations=10 -o cache_dir="$BUILD/pytest-cache" \
        --rootdir="$ROOT/tests" --junitxml="$LOGS/$STEP.xml" --timeout="$PYTEST_SECONDS" "$@" || status=$?
    # 5: no test was found, as in a folder that has none yet.
    [ $status != 5 ] || return 0
    counts junit "$LOGS/$STEP.xml" >"$LOGS/$STEP.counts"
    return $status
}

# run_e2e TREE: the end-to-end tests, five at a time: they wait more than they work.
run_e2e() { run_pytest "$1" -n 5 --dist worksteal "$ROOT/tests/e2e"; }

# run_counted COMMAND ARGUMENT…: a script that closes with "N passed, N failed", or is one test by itself.
run_counted() {
    local status=0
    "$@" || status=1
    counts lines "$LOGS/$STEP.log" $status >"$LOGS/$STEP.counts"
    return $status
}

# ./dev run on a new state, again on the same state, on the mocks, twice on PostgreSQL and on AWS. The state of those two is
# where root's PostgreSQL, which runs as another user, can get to it wherever this tree is.
run_first_message() {
    local state=$BUILD/first-message elsewhere set passed=0 failed=0
    rm -rf "$state"
    elsewhere=$(mktemp -d /tmp/posthouse-first-XXXXXX)
    chmod 711 "$elsewhere"
    for set in local local mock rds rds aws aws; do
        [[ $set != rds && $set != aws ]] || state=$elsewhere
        if "$ROOT/dev" run $set --once --state "$state/$set"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
    rm -rf "$elsewhere"
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
}

run_fuzz() {
    build_flavour fuzz
    sanitized fuzz run_counted fuzz_targets "$FUZZ_SECONDS"
}

run_valgrind() {
    run_unit obj LOG_COMPILER="$BUILD/obj/libtool --mode=execute timeout 1800 valgrind -q --leak-check=full \
--error-exitcode=98"
}

run_distcheck() { build_make obj distcheck DISTCHECK_CONFIGURE_FLAGS=--enable-werror; }

# --- which steps run ---

# A sanitizer's build with its unit tests and end-to-end tests, the long ones shortened.
steps_sanitized() {
    local flavour=$1
    step "$flavour-build" "$flavour: build" build_flavour "$flavour" || return 0
    step "$flavour-unit" "$flavour: unit tests" sanitized "$flavour" run_unit "$flavour" || true
    ! has tests/e2e ||
        POSTHOUSE_TEST_SCALE=$SANITIZED_SCALE step "$flavour-e2e" "$flavour: end to end" \
            sanitized "$flavour" run_e2e "$BUILD/$flavour" || true
}

steps_of_lane_plain() {
    step unit "unit tests" run_unit obj || true
    step dev "tests of ./dev" run_pytest "$BUILD" "$ROOT/tests/dev" || true
    step cloud "the tests' own AWS" run_pytest "$BUILD" "$ROOT/tests/cloud" || true
    step packaging "packaging" run_counted "$ROOT/tests/packaging/check" "$BUILD/obj" || true
    ! has etc/local.ini || step first-message "./dev run --once" run_counted run_first_message || true
    ! has tests/e2e || step e2e "end to end" run_e2e "$BUILD" || true
    ! compgen -G "$ROOT/tests/fuzz/fuzz_*.c" >/dev/null || step fuzz "fuzzing" run_fuzz || true
}

steps_of_lane_checked() {
    step lint "lint" run_lint || true
    steps_sanitized asan
    ! has infra/check || step infra "infrastructure, offline" run_counted "$ROOT/infra/check" offline || true
    step deep "clang-tidy and cppcheck" run_deep || true
}

# Two lanes side by side, each in its own process group, so that Ctrl-C ends all of it.
steps_all() {
    local plain checked
    step build "build" build_flavour obj || return 0
    set -m
    steps_of_lane_plain &
    plain=$!
    steps_of_lane_checked &
    checked=$!
    set +m
    trap 'kill -TERM -- -$plain -$checked 2>/dev/null; exit 130' INT TERM
    wait $plain || true
    wait $checked || true
    trap - INT TERM
    [ "$FULL" = 1 ] || return 0
    steps_sanitized tsan
    step valgrind "unit tests, valgrind" run_valgrind || true
    step distcheck "make distcheck" run_counted run_distcheck || true
}

# step_named NAME: a step, a unit test, or something that pytest knows.
step_named() {
    local name=$1 unit=${1##*/}
    unit=tests/unit/test_${unit#test_}
    case $name in
    lint) step lint lint run_lint || true ;;
    deep) step deep "clang-tidy and cppcheck" run_deep || true ;;
    unit) step unit "unit tests" run_unit obj || true ;;
    e2e) step e2e "end to end" run_e2e "$BUILD" || true ;;
    dev) step dev "tests of ./dev" run_pytest "$BUILD" "$ROOT/tests/dev" || true ;;
    cloud) step cloud "the tests' own AWS" run_pytest "$BUILD" "$ROOT/tests/cloud" || true ;;
    asan | tsan) steps_sanitized "$name" ;;
    fuzz) step fuzz "fuzzing" run_fuzz || true ;;
    first-message) step first-message "./dev run --once" run_counted run_first_message || true ;;
    packaging) step packaging packaging run_counted "$ROOT/tests/packaging/check" "$BUILD/obj" || true ;;
    infra) step infra "infrastructure, offline" run_counted "$ROOT/infra/check" offline || true ;;
    valgrind) step valgrind "unit tests, valgrind" run_valgrind || true ;;
    distcheck) step distcheck "make distcheck" run_counted run_distcheck || true ;;
    *.py | *.py::*) step "named-$((named += 1))" "$name" run_pytest "$BUILD" "$ROOT/$name" || true ;;
    *)
        has "$unit.c" || die "no such test: $name
  a step: lint deep unit dev cloud first-message e2e asan tsan fuzz packaging infra valgrind distcheck
  a unit test, such as test_uuid; or a file of pytest, such as tests/e2e/test_x.py[::test_y]"
        step "named-$((named += 1))" "$unit" run_unit obj TESTS="$unit" check_PROGRAMS="$unit" || true
        ;;
    esac
}

# Shows what failed and prints the closing line.
report() {
    local name status=0
    if [ -s "$LOGS/failed" ]; then
        status=1
        while read -r name; do
            printf '\n======== %s: the end of build/logs/%s.log\n' "$name" "$name"
            tail -n 150 "$LOGS/$name.log"
        done <"$LOGS/failed"
    fi
    printf '\nran %d min %02d s; logs are in build/logs\n' $((SECONDS / 60)) $((SECONDS % 60))
    counts sum "$LOGS"/*.counts || status=1
    return $status
}

dev_test() {
    local name named=0
    FULL=0
    if [ "${1:-}" = --full ]; then
        FULL=1
        shift
    fi
    case ${1:-} in -*) die "usage: ./dev test [--full] [NAME…]" ;; esac
    if [ $FULL = 1 ]; then
        export POSTHOUSE_TEST_SCALE=${POSTHOUSE_TEST_SCALE:-25} POSTHOUSE_CRASHES=${POSTHOUSE_CRASHES:-500} \
            POSTHOUSE_FAULT_SEEDS=${POSTHOUSE_FAULT_SEEDS:-+40}
        SANITIZED_SCALE=1 FUZZ_SECONDS=${FUZZ_SECONDS:-1800} PYTEST_SECONDS=14400 DEEP_SECONDS=7200 DEEP_NODES=0
    else
        export POSTHOUSE_TEST_SCALE=${POSTHOUSE_TEST_SCALE:-1}
        SANITIZED_SCALE=0.25 FUZZ_SECONDS=${FUZZ_SECONDS:-60} PYTEST_SECONDS=1200 DEEP_SECONDS=420 DEEP_NODES=75000
    fi
    export POSTHOUSE_SANITIZER='' POSTHOUSE_PYTHON=$VENV/bin/python
    need build test lint deep fuzz infra
    [ $FULL = 0 ] || need full
    need_venv
    mkdir -p "$LOGS"
    rm -f "$LOGS"/*.counts "$LOGS"/*.xml "$LOGS/failed"
    build_autoreconf
    if [ $# -eq 0 ]; then
        steps_all
    elif step build "build" build_flavour obj; then
        for name in "$@"; do
            step_named "$name"
        done
    fi
    report
}
