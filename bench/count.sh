#!/bin/sh
# Counts the instructions of the hot paths, which no other load of the machine moves:
#
#     sh bench/count.sh          compares with bench/instructions*.txt; status 1 where one is more than 3 % higher
#     sh bench/count.sh write    writes these files anew
#
# The figures hold for one compiler and processor family: with another there is nothing to compare. valgrind knows no
# AVX-512, so what it counts is what runs with SSE2 and SSSE3. With NEON they are counted by qemu, where that and a
# compiler for 64-bit ARM are.
set -u
# shellcheck disable=SC2086  # lists of words
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}/count
action=${1:-compare}
flags="-std=c99 -D_POSIX_C_SOURCE=200809L -O2 -g0 -I. -Ibench"
sources="bench/count.c bench/ours.c bench/corpus.c"

die() { echo "bench/count.sh: $*" >&2; exit 1; }

# name_of COMPILER: what the figures hold for.
name_of() {
    case $($1 --version 2> /dev/null) in *clang*) name=clang ;; *) name=gcc ;; esac
    echo "$name $($1 -dumpfullversion -dumpversion 2> /dev/null | head -n 1) $2"
}

# comparable FILE NAME
comparable() {
    [ "$action" = write ] || [ "$(head -n 1 "$1")" = "# $2" ] || {
        echo "skipped: instructions were counted with $(sed -n '1s/# //p' "$1"), not with $2"
        return 1
    }
}

# compare FILE NAME MEASURED: or write FILE.
compare() {
    [ "$(wc -l < "$3")" -eq "$("$build/count" | wc -l)" ] || die "not every figure was counted"
    if [ "$action" = write ]; then
        { echo "# $2"; cat "$3"; } > "$1"
        return
    fi
    echo "$2:"
    grep -v '^#' "$1" | awk '
        NR == FNR { before[$1] = $2; next }
        !($1 in before) { printf "  %s is not in the file\n", $1; worse++; next }
        { ratio = $2 / before[$1]; printf "  %-24s %10.2f %10.2f %+7.2f %%\n", $1, before[$1], $2, (ratio - 1) * 100 }
        ratio > 1.03 { worse++ }
        ratio < 0.97 { better++ }
        END {
            if (better) printf "%d fell by more than 3 %%: sh bench/count.sh write\n", better
            if (worse) printf "%d rose by more than 3 %%\n", worse
            exit worse > 0
        }' - "$3"
}

# count_figure NAME: "NAME INSTRUCTIONS", for an event or byte.
count_figure() {
    times=$(valgrind --tool=callgrind --toggle-collect=count_pass --callgrind-out-file="$build/$1.out" "$build/count" "$1" \
        2> "$build/$1.log") || die "failed: $1: $(tail -n 1 "$build/$1.log")"
    awk -v name="$1" -v times="$times" '/Collected *:/ { printf "%-24s %.2f\n", name, $NF / times }' "$build/$1.log"
}

count_here() {
    command -v valgrind > /dev/null || { echo "skipped: $(sh tests/hint.sh valgrind)"; return 0; }
    machine=$(name_of "${CC:-cc}" "$(uname -m)")
    comparable bench/instructions.txt "$machine" || return 0
    # One for each processor at a time.
    cores=$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)
    running=0
    for figure in $("$build/count"); do
        count_figure "$figure" > "$build/$figure.txt" &
        running=$((running + 1))
        [ $((running % cores)) -ne 0 ] || wait
    done
    wait
    for figure in $("$build/count"); do cat "$build/$figure.txt"; done > "$build/instructions.txt"
    compare bench/instructions.txt "$machine" "$build/instructions.txt"
}

count_arm() {
    for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
        command -v $tool > /dev/null || { echo "skipped: NEON was not counted: $(sh tests/hint.sh $tool)"; return 0; }
    done
    machine=$(name_of aarch64-linux-gnu-gcc aarch64)
    comparable bench/instructions.aarch64.txt "$machine" || return 0
    aarch64-linux-gnu-gcc $flags -static -o "$build/count-arm" $sources "$build/pubsub.c" -lm ||
        die "cannot build bench/count.c for ARM"
    "${CC:-cc}" -std=c99 -O2 -fPIC -shared -o "$build/plugin.so" bench/count_plugin.c || die "cannot build the plugin"
    qemu-aarch64 -plugin "$build/plugin.so" "$build/count-arm" all > "$build/arm.names" 2> "$build/arm.counts" || {
        echo "skipped: NEON was not counted: $(tail -n 1 "$build/arm.counts")"
        return 0
    }
    paste -d ' ' "$build/arm.names" "$build/arm.counts" | awk '{ printf "%-24s %.2f\n", $1, $3 / $2 }' > "$build/arm.txt"
    compare bench/instructions.aarch64.txt "$machine" "$build/arm.txt"
}

mkdir -p "$build" || exit 1
# asm_pubsub.h beside ours.c, which has what it stands on for itself.
printf '#define ASM_IMPLEMENTATION\n#include "asm_pubsub.h"\n' > "$build/pubsub.c"
"${CC:-cc}" $flags -o "$build/count" $sources "$build/pubsub.c" -lm || die "cannot build bench/count.c"

status=0
count_here || status=1
count_arm || status=1
exit $status
