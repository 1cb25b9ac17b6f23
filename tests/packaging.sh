#!/bin/sh
# Projects that use the headers by CMake, Meson and pkg-config: sh tests/packaging.sh
# A tool that is not there is one line. Versions have to be the same everywhere.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
source=$PWD build=${BUILD:-build} cxx=${CXX:-c++} make=${MAKE:-make}
mkdir -p "$build" && work=$(mktemp -d "$build/packaging.XXXXXX") && work=$(cd "$work" && pwd) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
log=$work/log

die() { echo "$*"; [ ! -s "$log" ] || tail -n 20 "$log" | sed 's/^/    /'; failed=1; }
run() { "$@" >> "$log" 2>&1; }
has() { command -v "$1" > /dev/null || { echo "skipped: $(sh tests/hint.sh "$1")"; return 1; }; }

version=$(sed -n 's/^VERSION *:= *//p' Makefile)
# FILE:what it says of the version.
while IFS=: read -r file text; do
    grep -q "$text" "$file" || die "$file has another version than the Makefile"
done <<END
asm_json.h:#define ASM_VERSION  *"$version"
CMakeLists.txt:VERSION $version 
meson.build:version: '$version'
MODULE.bazel:version = "$version"
clib.json:"version": "$version"
library.json:"version": "$version"
idf_component.yml:version: "$version"
packaging/conan/conanfile.py:version = "$version"
packaging/nix/package.nix:version = "$version"
packaging/vcpkg/asm-session/vcpkg.json:"version": "$version"
END
grep -q "^## \[$version\]" CHANGELOG.md || die "CHANGELOG.md has no section $version"
for header in asm_*.h; do
    head -n 1 "$header" | grep -q " - v$version - " || die "$header has another version on its first line"
    for file in meson.build clib.json library.json; do
        grep -q "['\"]${header}['\"]" "$file" || die "$file does not name $header"
    done
done
for header in $(sed -n "s/.*['\"]\(asm_[a-z]*\.h\)['\"].*/\1/p" meson.build clib.json library.json); do
    [ -e "$header" ] || die "there is no $header"
done

# Recipes whose tools are not to be had everywhere: by what their schemas ask for, with stand-ins for what they call.
# Those that name the tarball are tried by tests/packages.sh.
if has python3; then
    : > "$log"
    mkdir "$work/manifests"
    python3 tests/packaging/recipes/manifests.py "$work/manifests" > "$log" 2>&1 || die 'manifests'
    sed -n '/^skipped/p' "$log"
    for file in MODULE.bazel BUILD.bazel; do
        run python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$file" || die "$file: not its language"
    done
fi
if has nix-instantiate; then
    for file in packaging/nix/*.nix; do run nix-instantiate --parse "$file" || die "$file: not Nix"; done
fi
if has ruby; then run ruby -c packaging/homebrew/asm-session.rb.in || die 'the formula: not Ruby'; fi
if has luajit; then
    : > "$log"
    mkdir "$work/xmake"
    sed "s/@VERSION@/$version/; s/@SHA256@/$(printf '%064d' 0)/" packaging/xmake/xmake.lua.in > "$work/xmake/xmake.lua"
    run luajit tests/packaging/recipes/xmake.lua "$work/xmake/xmake.lua" "$source" "$work/xmake/prefix" &&
        ls asm_*.h > "$work/xmake/wanted" && (cd "$work/xmake/prefix/include" && ls) | run diff "$work/xmake/wanted" - || die 'xmake'
fi

# Only what belongs to the project, as a release has it.
mkdir "$work/asm-session" && cp -pR asm_*.h CMakeLists.txt meson.build zephyr LICENSE "$work/asm-session"
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
# other_version PREFIX: is refused.
other_version() {
    ! run cmake -S tests/packaging/cmake -B "$work/other" -DCMAKE_PREFIX_PATH="$1" -DWANTED=9.0 ||
        die "cmake: another version was taken from $1"
    rm -rf "$work/other"
}
if has cmake; then
    with_cmake add_subdirectory -DSOURCE="$work/asm-session"
    with_cxx=$in_cxx in_cxx=OFF # once is enough
    (cd "$work" && tar -cf asm-session.tar asm-session)
    with_cmake FetchContent -DSOURCE="$work/asm-session.tar" -DFETCH=ON
    : > "$log"
    run cmake -S "$work/asm-session" -B "$work/installing" -DCMAKE_INSTALL_PREFIX="$work/prefix" &&
        run cmake --build "$work/installing" --target install || die 'cmake: install'
    with_cmake find_package -DCMAKE_PREFIX_PATH="$work/prefix" -DWANTED="${version%.*}"
    other_version "$work/prefix"
    : > "$log"
    run "$make" install BUILD="$build" PREFIX="$work/by-make" || die 'make install'
    with_cmake 'find_package after make install' -DCMAKE_PREFIX_PATH="$work/by-make" -DWANTED="${version%.*}"
    other_version "$work/by-make"
    : > "$log"
    run cmake -S tests/packaging/components -B "$work/components" -DSOURCE="$work/asm-session" || die 'cmake: ESP-IDF, Zephyr'
    in_cxx=$with_cxx
fi
if has meson && has ninja; then
    : > "$log"
    mkdir -p "$work/meson/subprojects"
    cp tests/packaging/meson/meson* tests/packaging/program.c "$work/meson"
    cp tests/packaging/program.c "$work/meson/program.cpp"
    in_meson=false
    if [ $in_cxx = ON ]; then in_meson=true; fi
    cp -R "$work/asm-session" "$work/meson/subprojects"
    run meson setup -Dcxx=$in_meson "$work/meson/build" "$work/meson" && run meson compile -C "$work/meson/build" &&
        "$work/meson/build/in_c" && { [ $in_cxx = OFF ] || "$work/meson/build/in_cxx"; } || die 'meson: subproject'
    run meson setup --prefix "$work/by-meson" "$work/meson-install" "$work/asm-session" &&
        run meson install -C "$work/meson-install" || die 'meson: install'
    if has pkg-config; then
        [ "$(PKG_CONFIG_PATH=$work/by-meson/share/pkgconfig pkg-config --modversion asm-session)" = "$version" ] ||
            die 'meson: pkg-config'
        rm -rf "$work/meson/subprojects" "$work/meson/build"
        PKG_CONFIG_PATH=$work/by-meson/share/pkgconfig run meson setup "$work/meson/build" "$work/meson" &&
            run meson compile -C "$work/meson/build" && "$work/meson/build/in_c" || die 'meson: installed'
    fi
fi

# What the programs tell of themselves.
: > "$log"
if run "$make" install BUILD="$build" PREFIX="$work/installed"; then
    if has bash; then for file in "$work"/installed/share/bash-completion/completions/*; do run bash -n "$file" || die "bash: $file"; done; fi
    if has zsh; then for file in "$work"/installed/share/zsh/site-functions/*; do run zsh -n "$file" || die "zsh: $file"; done; fi
    if has fish; then for file in "$work"/installed/share/fish/vendor_completions.d/*; do run fish -n "$file" || die "fish: $file"; done; fi
    if has mandoc; then
        mandoc -Tlint -W warning "$work"/installed/share/man/man1/*.1 | grep -v 'missing date' > "$log" && die 'manual pages'
    fi
    for file in "$work"/installed/share/man/man?/*; do
        head -n 1 "$file" | grep -qF " $version\"" || die "$(basename "$file"): another version"
    done
    run "$make" install-shared uninstall BUILD="$build" PREFIX="$work/installed"
    [ -z "$(find "$work/installed" -type f -o -type l)" ] || die "left after make uninstall: $(find "$work/installed" -type f -o -type l)"
else
    die 'make install'
fi

# The shared library: its symbols, the flat header, and two languages that read the same events as the program does.
shared() {
    : > "$log"
    run "$make" shared BUILD="$build" || { die 'make shared'; return; }
    run "$make" install-shared BUILD="$build" PREFIX="$work/shared" || die 'make install-shared'
    nm -D --defined-only "$build/libasm-session.so" | sed -n 's/.* T //p' | sed "s/@@ASM_SESSION_${version%.*}\$//" | sort > "$work/symbols"
    sed -n 's/^ASM_API .*[ *]\(asm_[a-z0-9_]*\)(.*/\1/p' asm_*.h | sort -u | diff - "$work/symbols" > "$work/diff" ||
        die "the shared library: $(cat "$work/diff")"
    ${CC:-cc} -std=c99 -I"$work/shared/include" tests/packaging/shared/program.c -L"$work/shared/lib" -lasm-session \
        -o "$work/linked" && LD_LIBRARY_PATH=$work/shared/lib "$work/linked" || die 'a program with the shared library'
    "$build/asm-cat" --renderer=passthrough --jsonl="$work/events" examples/data/asm_session.jsonl
    if has luajit; then
        luajit examples/bindings/session.lua "$build" < examples/data/asm_session.jsonl 2> "$work/told" | cmp - "$work/events" &&
            grep -q '^[1-9][0-9]* tool calls$' "$work/told" || die 'from Lua'
    fi
    if has python3; then
        python3 -B examples/bindings/session.py "$build" < examples/data/asm_session.jsonl 2> "$work/told" | cmp - "$work/events" &&
            grep -q '^[1-9][0-9]* tool calls$' "$work/told" || die 'from Python'
        ls asm_*.h | python3 -B tests/packaging/shared/layout.py "$build" > "$work/layout.c" &&
            ${CC:-cc} -std=c99 -I. "$work/layout.c" -o "$work/layout" && "$work/layout" > "$work/layout.txt" &&
            run python3 -B tests/packaging/shared/layout.py "$build" "$work/layout.txt" || die 'the description: another layout'
        : > "$log"
        python3 -B tests/packaging/shared/null.py "$build" > "$work/null.c" &&
            run ${CC:-cc} -std=c99 -D_POSIX_C_SOURCE=200809L -w -I"$build" "$work/null.c" -L"$build" -lasm-session -o "$work/null" &&
            LD_LIBRARY_PATH=$build run "$work/null" || die 'NULL'
    fi
}
case $(uname -s) in
    Linux) shared ;;
    *) echo "skipped: the shared library is for ELF and GNU's linker" ;;
esac
cd "$source" || exit 1
: > "$log"
if has reuse; then run reuse lint || die 'reuse: a file without a licence'; fi
[ $failed -eq 0 ] && echo 'packaging: all that could be tried works'
