# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev build: configure and make out of tree, then install a runnable tree. Each flavour has its own:
#   obj   build/obj        → build/                gcc -O2 -g, what ./dev run, test and bench use
#   asan  build/asan/obj   → build/asan/           address and undefined behaviour sanitizers
#   tsan  build/tsan/obj   → build/tsan/           thread sanitizer
#   fuzz  build/fuzz/obj   (nothing installed)     clang, libFuzzer with address and undefined

# Regenerates configure when one of its inputs changed. One place and one lock for all flavours, so
# that two builds at the same time never rewrite the source tree under each other.
build_autoreconf() {
    local stamp=$BUILD/autoreconf.sum sum
    mkdir -p "$BUILD"
    (
        flock 9
        sum=$(cd "$ROOT" && find . \( -path ./build -o -name '.?*' \) -prune -o \
            \( -name configure.ac -o -name Makefile.am -o -name include.am -o -name '*.pc.in' \) -print0 |
            sort -z | xargs -0 sha256sum)
        if [ ! -x "$ROOT/configure" ] || [ ! -f "$ROOT/Makefile.in" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ]; then
            say "generating configure"
            (cd "$ROOT" && quietly autoreconf autoreconf -fi) || exit 1
            printf '%s\n' "$sum" >"$stamp"
        fi
    ) 9>"$BUILD/autoreconf.lock" || die "autoreconf failed"
}

# What configure finds depends on these: the versions of the libraries and tools that are installed.
build_surroundings() {
    local packages
    mapfile -t packages < <(packages_of build test fuzz)
    # It fails when it does not know one of them, such as a test's package on a machine that only runs the daemon.
    # shellcheck disable=SC2016
    { dpkg-query -W -f='${Package} ${Version}\n' "${packages[@]}" 2>/dev/null || true; } | sha256sum
}

# build_configure FLAVOUR PREFIX ARGUMENT…: configures when it was never done, or the arguments or what is
# installed changed.
build_configure() {
    local flavour=$1 prefix=$2 obj stamp
    obj=$(build_folder "$flavour")
    shift 2
    set -- --prefix="$prefix" --libdir="$prefix/lib" --sysconfdir="$prefix/etc" --enable-werror "$@"
    stamp="$* $(build_surroundings)"
    if [ -f "$obj/Makefile" ] && [ "$(cat "$obj/configure.stamp" 2>/dev/null)" = "$stamp" ]; then
        return 0
    fi
    [ ! -f "$ROOT/config.status" ] ||
        die "the source folder itself is configured; 'make distclean' there first, or take a clean clone"
    say "configuring ${obj#"$ROOT"/}"
    rm -rf "$obj"
    mkdir -p "$obj"
    (cd "$obj" && quietly "configure-$flavour" "$ROOT/configure" "$@") || die "configure failed"
    printf '%s\n' "$stamp" >"$obj/configure.stamp"
}

build_folder() {
    case $1 in
    obj) echo "$BUILD/obj" ;;
    *) echo "$BUILD/$1/obj" ;;
    esac
}

# Where a flavour's runnable tree is.
build_tree() {
    case $1 in
    obj) echo "$BUILD" ;;
    *) echo "$BUILD/$1" ;;
    esac
}

# build_make FLAVOUR TARGET…
build_make() {
    local flavour=$1 tree
    tree=$(build_tree "$flavour")
    shift
    make -C "$(build_folder "$flavour")" --no-print-directory -j"$JOBS" posthouseconfdir="$tree/etc" "$@"
}

# Installs the runnable tree and removes what an earlier build left there, such as a renamed plugin.
build_install() {
    local flavour=$1 tree marker folder
    tree=$(build_tree "$flavour")
    marker=$tree/.installed
    mkdir -p "$tree"
    touch "$marker"
    quietly "install-$flavour" build_make "$flavour" install || return 1
    for folder in bin lib/posthouse include/posthouse etc share/man; do
        [ ! -d "$tree/$folder" ] || find "$tree/$folder" -type f ! -newer "$marker" -delete
    done
}

# build_flavour obj|asan|tsan|fuzz
build_flavour() {
    local flavour=$1 tree targets=()
    local fuzz_flags='-O1 -g'
    tree=$(build_tree "$flavour")
    build_autoreconf
    case $flavour in
    obj) build_configure obj "$tree" CFLAGS='-O2 -g' ;;
    asan) build_configure asan "$tree" --enable-sanitizers=address,undefined CFLAGS='-O1 -g' ;;
    tsan) build_configure tsan "$tree" --enable-sanitizers=thread CFLAGS='-O1 -g' ;;
    fuzz)
        build_configure fuzz "$tree" --enable-fuzzers --enable-sanitizers=address,undefined \
            CC=clang-14 CFLAGS="$fuzz_flags"
        ;;
    *) die "no such build: $flavour" ;;
    esac
    say "building ${tree#"$ROOT"/} ($flavour)"
    if [ "$flavour" = fuzz ]; then
        mapfile -t targets < <(cd "$ROOT" && compgen -G 'tests/fuzz/fuzz_*.c' | sed 's/\.c$//')
    fi
    quietly "make-$flavour" build_make "$flavour" "${targets[@]}" || die "the build failed"
    [ "$flavour" = fuzz ] || build_install "$flavour" || die "the installation into ${tree#"$ROOT"/} failed"
}

dev_build() {
    local flavour=${1:-obj}
    need build
    case $flavour in
    obj | asan | tsan) [ "$flavour" = obj ] || need test ;;
    fuzz) need fuzz ;;
    *) die "usage: ./dev build [obj|asan|tsan|fuzz]" ;;
    esac
    build_flavour "$flavour"
    say "built $(build_tree "$flavour" | sed "s|^$ROOT/||")"
    [ "$flavour" = fuzz ] || (
        cd "$(build_tree "$flavour")" || exit
        find bin lib/posthouse -maxdepth 1 -type f -printf '    %h/%f\n' 2>/dev/null | sort || true
    )
}
