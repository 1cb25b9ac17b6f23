#!/bin/sh
# Counts the instructions of the hot paths, which no other load of the machine moves:
#
#     sh bench/count.sh          compares with bench/instructions.txt; status 1 where one is more than 3 % higher
#     sh bench/count.sh write    writes that file anew
#
# The figures hold for one compiler and processor family: with another there is nothing to compare. valgrind knows no
# AVX-512, so what is counted is what runs with SSE2, SSSE3 and AVX2.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}/count
committed=bench/instructions.txt
cc=${CC:-cc}

die() { echo "bench/count.sh: $*" >&2; exit 1; }

command -v valgrind > /dev/null || { echo "skipped: $(sh tests/hint.sh valgrind)"; exit 0; }
compiler="$($cc -dumpfullversion -dumpversion 2> /dev/null | head -n 1) $(uname -m)"
case $($cc --version 2> /dev/null) in *clang*) name=clang ;; *) name=gcc ;; esac
machine="$name $compiler"
if [ "${1:-}" != write ] && [ "$(head -n 1 $committed)" != "# $machine" ]; then
    echo "skipped: instructions were counted with $(sed -n '1s/# //p' $committed), not with $machine"
    exit 0
fi

mkdir -p "$build" || exit 1
# asm_pubsub.h beside ours.c, which has what it stands on for itself.
printf '#define ASM_IMPLEMENTATION\n#include "asm_pubsub.h"\n' > "$build/pubsub.c"
"$cc" -std=c99 -D_POSIX_C_SOURCE=200809L -O2 -g0 -I. -Ibench -o "$build/count" bench/count.c bench/ours.c bench/corpus.c \
    "$build/pubsub.c" -lm || die "cannot build bench/count.c"

# count_figure NAME: "NAME INSTRUCTIONS", for an event or byte.
count_figure() {
    times=$(valgrind --tool=callgrind --toggle-collect=count_pass --callgrind-out-file="$build/$1.out" "$build/count" "$1" \
        2> "$build/$1.log") || die "failed: $1: $(tail -n 1 "$build/$1.log")"
    awk -v name="$1" -v times="$times" '/Collected *:/ { printf "%-24s %.2f\n", name, $NF / times }' "$build/$1.log"
}

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
[ "$(wc -l < "$build/instructions.txt")" -eq "$("$build/count" | wc -l)" ] || die "not every figure was counted"

if [ "${1:-}" = write ]; then
    { echo "# $machine"; cat "$build/instructions.txt"; } > $committed
    exit 0
fi
grep -v '^#' $committed | awk '
    NR == FNR { before[$1] = $2; next }
    { ratio = $2 / before[$1]; printf "  %-24s %10.2f %10.2f %+7.2f %%\n", $1, before[$1], $2, (ratio - 1) * 100 }
    !($1 in before) || ratio > 1.03 { worse++ }
    ratio < 0.97 { better++ }
    END {
        if (better) printf "%d fell by more than 3 %%: sh bench/count.sh write\n", better
        if (worse) printf "%d rose by more than 3 %%\n", worse
        exit worse > 0
    }' - "$build/instructions.txt"
