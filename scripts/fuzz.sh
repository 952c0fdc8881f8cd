# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev fuzz: runs each libFuzzer target of tests/fuzz for a while, from its seed corpus and from what
# earlier runs found (build/fuzz/corpus). A crash leaves its input in build/fuzz/crashes.

# shellcheck source=scripts/sanitizers.sh
. "$ROOT/scripts/sanitizers.sh"

# fuzz_one TARGET SECONDS
fuzz_one() {
    local name=${1##*/} seconds=$2 corpus seeds
    name=${name#fuzz_}
    corpus=$BUILD/fuzz/corpus/$name
    seeds=$ROOT/tests/fuzz/corpus/$name
    mkdir -p "$corpus" "$BUILD/fuzz/crashes"
    [ -d "$seeds" ] || seeds=
    "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$BUILD/fuzz/crashes/$name-" "$corpus" ${seeds:+"$seeds"}
}

# Runs the targets named, or all: fuzz_targets SECONDS TARGET…; prints a closing line with the counts.
fuzz_targets() {
    local seconds=$1 share target passed=0 failed=0 found=0
    shift
    for target in $(find "$BUILD/fuzz/obj/tests/fuzz" -maxdepth 1 -name 'fuzz_*' -type f -executable | sort); do
        if [ $# -gt 0 ] && [[ " $* " != *" ${target##*/fuzz_} "* ]]; then
            continue
        fi
        found=1
        share=$seconds
        # What every stranger can reach gets the whole time; when all run, the others get a sixth.
        if [ $# -eq 0 ] && [[ $target != *fuzz_http* ]]; then
            share=$(((seconds + 5) / 6))
        fi
        say "fuzzing ${target##*/} for $share s"
        if fuzz_one "$target" "$share"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            say "FAILED: ${target##*/}; its input is in build/fuzz/crashes"
        fi
    done
    if [ $found = 0 ]; then
        say "no such fuzz target: ${*:-none was built}"
        failed=1
    fi
    echo "fuzz: $passed passed, $failed failed"
    [ $failed = 0 ]
}

dev_fuzz() {
    local seconds=60
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        seconds=$1
        shift
    fi
    need build fuzz
    build_flavour fuzz
    sanitized fuzz fuzz_targets "$seconds" "$@"
}
