#!/bin/sh
# Projects that use the headers by CMake, Meson and pkg-config: sh tests/packaging.sh
# A tool that is not there is one line. Versions have to be the same everywhere.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
source=$PWD build=${BUILD:-build} cxx=${CXX:-c++}
mkdir -p "$build" && work=$(mktemp -d "$build/packaging.XXXXXX") && work=$(cd "$work" && pwd) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
log=$work/log

die() { echo "$*"; [ ! -s "$log" ] || tail -n 20 "$log" | sed 's/^/    /'; failed=1; }
run() { "$@" >> "$log" 2>&1; }
has() { command -v "$1" > /dev/null || { echo "skipped: $(sh tests/hint.sh "$1")"; return 1; }; }

version=$(sed -n 's/^VERSION *:= *//p' Makefile)
for place in "asm_json.h:#define ASM_VERSION  *\"$version\"" "CMakeLists.txt:VERSION $version " "meson.build:version: '$version'"; do
    grep -q "${place#*:}" "${place%%:*}" || die "${place%%:*} has another version than the Makefile"
done
for header in asm_*.h; do
    grep -q "'$header'" meson.build || die "meson.build does not name $header"
done

# Only what belongs to the project, as a release has it.
mkdir "$work/asm-session" && cp -p asm_*.h CMakeLists.txt meson.build LICENSE "$work/asm-session"
in_cxx=OFF
if command -v "${cxx%% *}" > /dev/null; then in_cxx=ON; fi

# with_cmake WHAT FLAG...: configures, builds and runs the consumer.
with_cmake() {
    what=$1
    shift
    : > "$log"
    rm -rf "$work/cmake"
    run cmake -S tests/packaging/cmake -B "$work/cmake" -DCXX=$in_cxx "$@" && run cmake --build "$work/cmake" &&
        "$work/cmake/in_c" && { [ $in_cxx = OFF ] || "$work/cmake/in_cxx"; } || die "cmake: $what"
}
if has cmake; then
    with_cmake add_subdirectory -DSOURCE="$work/asm-session"
    (cd "$work" && tar -cf asm-session.tar asm-session)
    with_cmake FetchContent -DSOURCE="$work/asm-session.tar" -DFETCH=ON
    : > "$log"
    run cmake -S "$work/asm-session" -B "$work/installing" -DCMAKE_INSTALL_PREFIX="$work/prefix" &&
        run cmake --build "$work/installing" --target install || die 'cmake: install'
    with_cmake find_package -DCMAKE_PREFIX_PATH="$work/prefix" -DWANTED="${version%.*}"
    ! run cmake -S tests/packaging/cmake -B "$work/other" -DCMAKE_PREFIX_PATH="$work/prefix" -DWANTED=9.0 ||
        die 'cmake: another version was taken'
fi
if has meson && has ninja; then
    : > "$log"
    mkdir -p "$work/meson/subprojects"
    cp tests/packaging/meson/meson.build tests/packaging/program.c "$work/meson"
    cp -R "$work/asm-session" "$work/meson/subprojects"
    run meson setup "$work/meson/build" "$work/meson" && run meson compile -C "$work/meson/build" &&
        "$work/meson/build/in_c" || die 'meson: subproject'
    run meson setup --prefix "$work/by-meson" "$work/meson-install" "$work/asm-session" &&
        run meson install -C "$work/meson-install" || die 'meson: install'
    if has pkg-config; then
        [ "$(PKG_CONFIG_PATH=$work/by-meson/share/pkgconfig pkg-config --modversion asm-session)" = "$version" ] ||
            die 'meson: pkg-config'
    fi
fi
cd "$source" || exit 1
: > "$log"
if has reuse; then run reuse lint || die 'reuse: a file without a licence'; fi
[ $failed -eq 0 ] && echo 'packaging: all that could be tried works'
