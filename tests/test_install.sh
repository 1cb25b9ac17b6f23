#!/bin/sh
# make install into a folder, then programs in C and C++ that are built from what stands there alone.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
make=${MAKE:-make} cc=${CC:-cc} cxx=${CXX:-c++}
build=${BUILD:-build}
mkdir -p "$build" && work=$(mktemp -d "$build/install.XXXXXX") && work=$(cd "$work" && pwd) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

die() { echo "$*"; exit 1; }
tree() { (cd "$work/stage" && find . -type f | sort); }

"$make" install BUILD="$build" DESTDIR="$work/stage" PREFIX=/opt/asm > "$work/log" 2>&1 || { cat "$work/log"; die 'make install failed'; }
tree > "$work/once"
{
    ls asm_*.h | sed 's|^|./opt/asm/include/|'
    ls asm_*.h | sed 's|\(.*\)\.h$|./opt/asm/share/man/man3/\1.3|'
    for file in pkgconfig/asm-session.pc cmake/asm-session/asm-session-config.cmake \
        cmake/asm-session/asm-session-config-version.cmake; do echo "./opt/asm/share/$file"; done
    for source in tools/*.c; do
        ! grep -q "^left out: $source:" "$work/log" || continue
        tool=$(basename "$source" .c | tr _ -)
        echo "./opt/asm/bin/$tool"
        for file in "man/man1/$tool.1" "bash-completion/completions/$tool" "zsh/site-functions/_$tool" \
            "fish/vendor_completions.d/$tool.fish"; do echo "./opt/asm/share/$file"; done
    done
} | sort | diff - "$work/once" || die 'something else was installed'
"$make" install BUILD="$build" DESTDIR="$work/stage" PREFIX=/opt/asm > "$work/log" 2>&1 || die 'make install failed the second time'
tree | cmp - "$work/once" || die 'something else was installed the second time'

find "$work/stage" -type f -empty | grep . && die 'empty files were installed'
# What each says of itself on its first line.
for page in "$work"/stage/opt/asm/share/man/man?/*; do
    name=$(basename "${page%.?}")
    head -n 1 "$page" | grep -q "^\.TH $name ${page##*.} " || die "$page is no manual page of $name"
done

# Away from the source, so that nothing of it is found by chance.
prefix=$work/prefix
"$make" install BUILD="$build" PREFIX="$prefix" > "$work/log" 2>&1 || { cat "$work/log"; die 'make install failed'; }
{
    echo '#define ASM_IMPLEMENTATION'
    (cd "$prefix/include" && ls asm_*.h) | sed 's/.*/#include <&>/'
    echo '#include <string.h>'
    echo 'int main(void) { return strcmp(asm_version(), ASM_VERSION); }'
} > "$work/program.c"
cd "$work" || exit 1

# build_with FLAGS...: a program in each language.
build_with() {
    # shellcheck disable=SC2086  # a list of words
    $cc -std=c99 -x c program.c "$@" -o in_c && ./in_c || die "in C with $*"
    if command -v "${cxx%% *}" > /dev/null; then
        $cxx -std=c++11 -x c++ program.c "$@" -o in_cxx && ./in_cxx || die "in C++ with $*"
    fi
}
command -v "${cxx%% *}" > /dev/null || echo "skipped: C++: $(sh "$OLDPWD/tests/hint.sh" c++)"
build_with -I"$prefix/include"
if command -v pkg-config > /dev/null; then
    PKG_CONFIG_PATH=$prefix/share/pkgconfig
    export PKG_CONFIG_PATH
    pkg-config --exact-version="$("$prefix/bin/asm-cat" --version | sed 's/.* //')" asm-session || die 'the version of pkg-config'
    # shellcheck disable=SC2046  # a list of words; its path has no blanks, or pkg-config says them with a backslash
    eval "build_with $(pkg-config --cflags --libs asm-session)"
fi

cd "$OLDPWD" || exit 1
"$make" uninstall BUILD="$build" DESTDIR="$work/stage" PREFIX=/opt/asm > "$work/log" 2>&1 || die 'make uninstall failed'
[ -z "$(tree)" ] || die "left after uninstall: $(tree)"
