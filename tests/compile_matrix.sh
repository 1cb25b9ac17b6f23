#!/bin/sh
# Compiles the headers with every compiler at hand, as every language version, in every way they may be used:
#     sh tests/compile_matrix.sh
#     sh tests/compile_matrix.sh quick     only each header by itself and one strict set, with CC as C99 and CXX as C++11
# Prints a line for each combination that fails, with the compiler's first message.
set -u
cd "$(dirname "$0")/.." || exit 1
headers=$(ls asm_*.h)
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef -Werror -DASM__WARNINGS_ON"
quick=${1:-}

# Relative, as the way to this folder may have blanks.
build=${BUILD:-build}
mkdir -p "$build" && work=$(mktemp -d "$build/matrix.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# write_source NAME LINE...: writes a file to compile; a line @ includes all headers.
write_source() {
    file=$work/$1.c
    shift
    for line; do
        case $line in
            @) for header in $headers; do echo "#include \"$header\""; done ;;
            *) echo "$line" ;;
        esac
    done > "$file"
}

standard_headers='#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <errno.h>'
main='#include <string.h>
int main(void) { return strcmp(asm_version(), ASM_VERSION); }'
other='const char *version_elsewhere(void);
const char *version_elsewhere(void) { return asm_version(); }'

parts=
for header in $headers; do
    name=${header%.h}
    macro=$(echo "${name}_IMPLEMENTATION" | tr '[:lower:]' '[:upper:]')
    write_source "declare-$name" "#include \"$header\"" "#include \"$header\"" 'int unit;'
    write_source "implement-$name" "#define $macro" "#include \"$header\""
    parts="$parts implement-$name"
done
write_source all '#define ASM_IMPLEMENTATION' @
write_source strict 'static int at, count, data, event, length, next, out, result, size, state, text, value;' \
    '#define ASM_IMPLEMENTATION' @ 'int main(void)' \
    '{ return at + count + data + event + length + next + out + result + size + state + text + value; }'
# shellcheck disable=SC2086  # a list of names
sh packaging/single.sh 0 $headers > "$work/asm.h"
write_source single '#define ASM_IMPLEMENTATION' '#include "asm.h"' '#include "asm.h"' "$main"
write_source single-other '#include "asm.h"' "$other"
write_source twice '#define ASM_IMPLEMENTATION' @ @ '#undef ASM_IMPLEMENTATION' @ "$main"
write_source no-stdio '#define ASM_NO_STDIO' '#define ASM_IMPLEMENTATION' @
write_source no-stb '#define ASM_NO_STB_DS' '#define ASM_IMPLEMENTATION' @
write_source no-simd '#define ASM_NO_SIMD' '#define ASM_IMPLEMENTATION' @
write_source after-standard-headers "$standard_headers" '#define ASM_IMPLEMENTATION' @
write_source declarations @ "$main"
write_source static '#define ASM_STATIC' @ "$main"
write_source static-other '#define ASM_STATIC' @ "$other"

# The headers of a 64-bit system are enough to compile C for 32 bits, but for one that is empty.
mkdir -p "$work/stubs/gnu"
: > "$work/stubs/gnu/stubs-32.h"
headers_for_32="-isystem $work/stubs"
for dir in /usr/include/x86_64-linux-*; do
    [ ! -d "$dir" ] || headers_for_32="$headers_for_32 -isystem $dir"
done

# strict_sets LANGUAGE: what projects ask for that are stricter than we are; what is not known to a compiler is passed over.
strict_sets() {
    echo "-Weverything"
    common="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wcast-qual -Wcast-align -Wformat=2 -Wswitch-enum \
-Wswitch-default -Wfloat-equal -Wdouble-promotion -Wredundant-decls -Wmissing-declarations -Wunused-macros -Wvla"
    gcc="-Wnull-dereference -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wcast-align=strict \
-Wimplicit-fallthrough=5 -Waggregate-return -Wpadded"
    case $1 in
        c)
            own="-Wdeclaration-after-statement -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
-Wbad-function-cast -Wnested-externs -Wc++-compat"
            echo "$common $own"
            echo "$common $own $gcc -Wjump-misses-init -Wunsuffixed-float-constants -O2"
            ;;
        *)
            own="-Wold-style-cast -Wzero-as-null-pointer-constant -Woverloaded-virtual -Wextra-semi"
            echo "$common $own"
            echo "$common $own $gcc -Weffc++ -Wuseless-cast -Wredundant-tags -Wmismatched-tags -O2"
            ;;
    esac
}

strict_jobs() {
    strict_sets "$2" | while IFS= read -r set; do
        # shellcheck disable=SC2086  # lists of words
        ! echo 'int main(void) { return 0; }' | $1 -x "$2" $set -Werror -c -o "$work/probe.o" - 2> /dev/null ||
            echo "strict|$1|-x $2 -std=$3 $set -Werror|compile|strict"
    done
}

# jobs COMPILER LANGUAGE STANDARD: lines of "what|compiler|flags|what to do|sources".
jobs() {
    flags="-x $2 -std=$3 $warnings"
    [ "$2" != c ] || flags="$flags -Wstrict-prototypes"
    for header in $headers; do
        echo "declare-${header%.h}|$1|$flags|declare|declare-${header%.h}"
        case $quick$3 in
            c99 | c++11) ;; # a-file-for-each compiles them
            *) echo "implement-${header%.h}|$1|$flags|check|implement-${header%.h}" ;;
        esac
    done
    if [ "$quick" = quick ]; then
        echo "single|$1|$flags|run|single single-other"
        strict_jobs "$1" "$2" "$3" | sed 's/|compile|/|check|/; q'
        return
    fi
    echo "no-stdio|$1|$flags|no-stdio|no-stdio"
    for mode in no-stb no-simd after-standard-headers twice; do
        echo "$mode|$1|$flags|check|$mode"
    done
    case $3 in
        c99 | c++11)
            echo "optimised|$1|$flags -O2|compile|all"
            [ -z "$m32" ] || echo "32-bit|$1|$flags -O2 $m32|compile|all"
            strict_jobs "$1" "$2" "$3"
            linked=run
            ;;
        *) linked=check ;; # code is made and linked alike, whatever the standard
    esac
    echo "single|$1|$flags|$linked|single single-other"
    echo "two-files|$1|$flags|$linked|declarations all"
    [ "$linked" = check ] || echo "a-file-for-each|$1|$flags|run|declarations$parts"
    echo "static-in-two-files|$1|$flags|$linked|static static-other"
}

# standards COMPILER LANGUAGE STANDARD...: the jobs for a compiler, or why there are none.
standards() {
    compiler=$1 language=$2
    shift 2
    command -v "${compiler%% *}" >/dev/null || { echo "skipped: $compiler is not installed" >> "$work/notes"; return; }
    m32="-m32 $headers_for_32"
    # shellcheck disable=SC2086  # a list of words
    if [ "$quick" != quick ] && ! echo '#include <stdlib.h>' | $compiler -x "$language" $m32 -fsyntax-only - 2>/dev/null; then
        m32=
        echo "skipped: $compiler -m32 cannot compile here" >> "$work/notes"
    fi
    for standard; do
        jobs "$compiler" "$language" "$standard"
    done
}

# identity COMPILER: what it says of itself, but for the name that it was called by.
identity() { "$1" --version 2>/dev/null | sed '1s/^[^ ]* //'; }

all_standards() {
    if [ "$quick" = quick ]; then
        standards "${CC:-cc}" c c99
        standards "${CXX:-c++}" c++ c++11
        return
    fi
    standards gcc c c99 c11 gnu99
    standards clang c c99 c11 gnu99
    standards g++ c++ c++11 c++17 c++20
    standards clang++ c++ c++11 c++17 c++20
    [ "$(identity cc)" = "$(identity gcc)" ] || [ "$(identity cc)" = "$(identity clang)" ] ||
        standards cc c c99 c11 gnu99
}

# without HEADERS COMMAND...: whether preprocessing does without all of these headers, separated by |.
without() {
    pattern=$1
    shift
    unwanted=$("$@" -E | sed -En "s/^# [0-9]+ \".*\/($pattern)\.h\".*/\1/p" | head -n 1)
    [ -z "$unwanted" ] || { echo "error: <$unwanted.h> is included"; return 1; }
}

# run_job COMPILER FLAGS ACTION SOURCES
run_job() {
    program=$work/program-$worker files=
    for name in $4; do files="$files $work/$name.c"; done
    # shellcheck disable=SC2086  # lists of words
    case $3 in
        declare)
            $1 $2 -I. -fsyntax-only $files &&
                without 'stdio|stdlib|string|unistd|windows' $1 $2 -I. $files
            ;;
        no-stdio)
            $1 $2 -I. -fsyntax-only $files && without 'stdio|unistd|fcntl' $1 $2 -I. $files
            ;;
        check) $1 $2 -I. -fsyntax-only $files ;;
        compile) $1 $2 -I. -c -o "$program.o" $files ;;
        run)
            $1 $2 -I. -o "$program" $files &&
                { "$program" || { echo "error: the program ended with status $?"; false; }; }
            ;;
    esac
}

# run_worker NUMBER: every second job.
run_worker() {
    worker=$1
    while IFS='|' read -r what compiler flags action sources; do
        if run_job "$compiler" "$flags" "$action" "$sources" > "$work/log-$worker" 2>&1; then
            echo passed
        else
            standard=${flags#*-std=}
            message=$(grep -m 1 -E 'error|warning|undefined|multiple' "$work/log-$worker")
            echo "failed: $compiler ${standard%% *} $what: $(echo "$message" | sed "s|$work/||")"
        fi
    done < "$work/jobs-$worker" > "$work/results-$worker"
}

: > "$work/notes"
all_standards > "$work/jobs"
awk -v base="$work/jobs-" '{ print > (base NR % 2) }' "$work/jobs"
touch "$work/jobs-0" "$work/jobs-1"
run_worker 0 &
run_worker 1
wait

cat "$work/notes"
cat "$work/results-0" "$work/results-1" | grep '^failed'
passed=$(cat "$work/results-0" "$work/results-1" | grep -c '^passed')
failed=$(cat "$work/results-0" "$work/results-1" | grep -c '^failed')
echo "compile matrix: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
