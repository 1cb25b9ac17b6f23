#!/bin/sh
# The release itself: sh tests/packages.sh. make dist, twice to the same bytes; what is in the tarball builds; Debian's
# packages are built from it, judged by lintian, installed into a folder and used; recipes are filled in and valid.
# Some minutes; what a tool is missing for is one line.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
source=$PWD build=${BUILD:-build} make=${MAKE:-make}
mkdir -p "$build" && work=$(mktemp -d "$build/packages.XXXXXX") && work=$(cd "$work" && pwd) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
log=$work/log

die() { echo "$*"; [ ! -s "$log" ] || tail -n 20 "$log" | sed 's/^/    /'; failed=1; }
run() { "$@" >> "$log" 2>&1; }
has() { command -v "$1" > /dev/null || { echo "skipped: $(sh tests/hint.sh "$1")"; return 1; }; }

# release NAME: what is committed, cloned, so that the work tree may be in any state.
release() {
    run git clone -q "$source" "$work/$1" && run "$make" -C "$work/$1" dist BUILD=build \
        HOMEPAGE=https://example.org/asm MAINTAINER='A Maintainer <maintainer@example.org>'
}

has git || exit 0
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
name=asm-session-$version
release one && release two || { die 'make dist'; exit 1; }
dist=$work/one/build/dist
for file in "$name.tar.gz" "$name.tar.gz.sha256" "$name.cdx.json"; do
    cmp "$dist/$file" "$work/two/build/dist/$file" || die "$file: other bytes the second time"
done
(cd "$dist" && run sha256sum -c "$name.tar.gz.sha256") || die 'the SHA-256 is another'
hash=$(cut -d ' ' -f 1 "$dist/$name.tar.gz.sha256")
grep -q "\"content\": \"$hash\"" "$dist/$name.cdx.json" || die 'the bill of materials has another hash'
grep -r '@[A-Z0-9]*@' "$dist/recipes" && die 'recipes: a mark that was not filled in'
for recipe in homebrew/asm-session.rb meson/asm-session.wrap xmake/xmake.lua; do
    grep -q "$hash" "$dist/recipes/$recipe" || die "$recipe has another hash"
done
if has python3; then
    run python3 tests/packaging/recipes/materials.py "$dist/$name.cdx.json" "$dist/$name.tar.gz" || die 'the bill of materials'
fi

: > "$log"
mkdir "$work/unpacked" && tar -xzf "$dist/$name.tar.gz" -C "$work/unpacked" && cd "$work/unpacked/$name" || exit 1
for file in asm.h asm-session.h asm-session.json; do
    [ -s "build/$file" ] || [ "$file" = asm-session.json ] || die "the tarball has no build/$file"
done
mkdir "$work/alone" && cp build/asm.h "$work/alone"
printf '#define ASM_IMPLEMENTATION\n#include "asm.h"\nint main(void) { return asm_version()[0] != %s; }\n' "'${version%"${version#?}"}'" > "$work/alone/p.c"
(cd "$work/alone" && run "${CC:-cc}" -std=c99 p.c -o p && ./p) || die 'build/asm.h alone'

# A wrap whose tarball is there already, as Meson has it after the first download.
if (cd "$source" && has meson) && (cd "$source" && has ninja); then
    : > "$log"
    mkdir -p "$work/meson/subprojects/packagecache"
    cp "$source"/tests/packaging/meson/meson* "$source/tests/packaging/program.c" "$work/meson"
    cp "$dist/recipes/meson/asm-session.wrap" "$work/meson/subprojects"
    cp "$dist/$name.tar.gz" "$work/meson/subprojects/packagecache"
    run meson setup "$work/meson/build" "$work/meson" && run meson compile -C "$work/meson/build" &&
        "$work/meson/build/in_c" || die 'meson: the wrap'
fi

# Recipes with stand-ins for what they call, which do what the tools do.
recipes=$source/tests/packaging/recipes
if (cd "$source" && has luajit); then
    : > "$log"
    mkdir "$work/xmake"
    run luajit "$recipes/xmake.lua" "$dist/recipes/xmake/xmake.lua" "$PWD" "$work/xmake" || die 'xmake'
fi
if (cd "$source" && has cmake); then
    : > "$log"
    run cmake -DPORT_DIR="$dist/recipes/vcpkg/asm-session" -DARCHIVE="$dist/$name.tar.gz" -DWORK="$work/vcpkg" \
        -P "$recipes/vcpkg.cmake" && run cmake -S "$source/tests/packaging/cmake" -B "$work/vcpkg/consumer" -DCXX=ON \
        -DCMAKE_PREFIX_PATH="$work/vcpkg/package" -DWANTED="${version%.*}" && run cmake --build "$work/vcpkg/consumer" &&
        run "$work/vcpkg/consumer/in_c" && run "$work/vcpkg/consumer/in_cxx" || die 'vcpkg: the port'
fi
if (cd "$source" && has ruby); then
    : > "$log"
    mkdir "$work/brew" && cp -R . "$work/brew/source"
    run ruby "$recipes/formula.rb" "$dist/recipes/homebrew/asm-session.rb" "$work/brew/source" "$work/brew/prefix" || die 'the formula'
fi
if (cd "$source" && has bazel); then
    : > "$log"
    run sh "$recipes/bazel.sh" "$dist/$name.tar.gz" "$source/tests/packaging/program.c" "$work/by-bazel" || die 'Bazel'
fi
if (cd "$source" && has nix); then
    : > "$log"
    run sh "$recipes/nix.sh" "$work/one" "$work/by-nix" &&
        "$work/by-nix/result/bin/asm-cat" --renderer=compact "$source/examples/data/claude_session.jsonl" | grep -q . &&
        run "${CC:-cc}" -std=c99 -I"$work/by-nix/result/include" "$source/tests/packaging/program.c" -o "$work/by-nix/in_c" &&
        run "$work/by-nix/in_c" &&
        run "${CXX:-c++}" -std=c++11 -x c++ -I"$work/by-nix/result/include" "$source/tests/packaging/program.c" -o "$work/by-nix/in_cxx" &&
        run "$work/by-nix/in_cxx" || die 'Nix'
fi

# debian: builds the packages, looks at them, uses them from a folder.
debian() {
    : > "$log"
    cp -R "$dist/recipes/debian" .
    profile=$(FETCH=no sh tests/dependencies.sh nats > /dev/null 2>&1 || echo pkg.asm-session.nonats)
    run env DEB_BUILD_PROFILES="$profile" DEB_BUILD_OPTIONS="nocheck parallel=$(getconf _NPROCESSORS_ONLN)" dpkg-buildpackage -us -uc -b -d || { die 'dpkg-buildpackage'; return; }
    mkdir "$work/root"
    for package in "$work"/unpacked/*.deb; do run dpkg-deb -x "$package" "$work/root" || die "${package##*/}"; done
    "$work/root/usr/bin/asm-cat" --renderer=compact "$source/examples/data/claude_session.jsonl" | grep -q . || die 'asm-cat of the package'
    library=$(dirname "$(find "$work/root" -name libasm-session.so)")
    run "${CC:-cc}" -std=c99 -I"$work/root/usr/include" "$source/tests/packaging/shared/program.c" -L"$library" -lasm-session \
        -o "$work/linked" && LD_LIBRARY_PATH=$library "$work/linked" || die 'a program with the packages'
    if (cd "$source" && has lintian); then
        lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs,bogus-mail-host-in-debian-changelog \
            "$work"/unpacked/*.changes > "$log" 2>&1 || die 'lintian'
    fi
}
if (cd "$source" && has dpkg-buildpackage); then debian; fi
cd "$source" || exit 1
[ $failed -eq 0 ] && echo 'packages: all that could be tried works'
