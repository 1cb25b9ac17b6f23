#!/bin/sh
# Measures asm-cat: how fast it shows the event mix, beside jq, and how much memory it takes.
#
#     sh bench/bench_cat.sh BUILD-FOLDER ROWS-FILE
#
# Prints a table and appends one JSON line per figure to ROWS-FILE. EVENTS and ROUNDS are those of run.sh.
set -u
build=$1 rows_file=$2
corpus=$build/events.jsonl
stream_bytes=1000000000
line_bytes=67108864

die() { echo "bench/bench_cat.sh: $*" >&2; exit 1; }

# for_each_row DO: calls DO with a row's number, its name, where its output goes, and the command.
for_each_row() {
    "$1" 1 'asm-cat > /dev/null' /dev/null "$build/asm-cat" --renderer=compact --color=never "$corpus"
    "$1" 2 'asm-cat > file' "$build/shown.txt" "$build/asm-cat" --renderer=compact --color=never "$corpus"
    "$1" 3 'asm-cat --jsonl=file' /dev/null \
        "$build/asm-cat" --renderer=passthrough --jsonl="$build/again.jsonl" "$corpus"
    "$1" 4 'cat > file (limit)' "$build/copy.jsonl" cat "$corpus"
    [ -n "$jq" ] || return 0
    "$1" 5 'jq .type > /dev/null' /dev/null "$jq" .type "$corpus"
    "$1" 6 'jq .type > file' "$build/shown.txt" "$jq" .type "$corpus"
    "$1" 7 'jq -c . > file' "$build/shown.txt" "$jq" -c . "$corpus"
}

run_row() {
    result=$build/cat-$1.times name=$2 output=$3
    shift 3
    rm -f "$build/again.jsonl"
    "$build/measure" "$result" "$@" > "$output" || die "failed: $name"
}

# median FILE: the median, least and most processor time in it, without the warm-up round.
median() {
    tail -n +2 "$1" | awk '{ print $2 + $3 }' | sort -n |
        awk '{ time[NR] = $1 } END { print time[int((NR + 1) / 2)], time[1], time[NR] }'
}

print_row() {
    # shellcheck disable=SC2046  # three words
    set -- "$2" $(median "$build/cat-$1.times")
    awk -v name="$1" -v middle="$2" -v least="$3" -v most="$4" -v first="$first" -v size="$size" \
        -v count="$events" -v rows_file="$rows_file" 'BEGIN {
        printf "%-38s%9.3f%5.0f%%%7.2f%8.2f%10.0f\n", name, middle, (most - least) / middle * 100,
            middle / first, size / middle / 1e9, middle / count * 1e9
        printf "{\"table\":\"asm-cat\",\"input\":\"event mix\",\"row\":\"%s\",\"unit\":\"s\"," \
            "\"median\":%.4g,\"least\":%.4g,\"most\":%.4g,\"time_ratio\":%.4g}\n",
            name, middle, least, most, middle / first >> rows_file
    }'
}

# print_peak TIMES-FILE NAME LONGEST-LINE
print_peak() {
    awk -v name="$2" -v line="$3" -v rows_file="$rows_file" '{ peak = $4 } END {
        printf "%-38s%9.2f MB, %.2f MB more than the longest line\n", name, peak / 1048576,
            (peak - line) / 1048576
        printf "{\"table\":\"peak memory\",\"input\":\"%s\",\"row\":\"%s\",\"unit\":\"bytes\"," \
            "\"median\":%.0f,\"longest_line\":%.0f}\n", name, name, peak, line >> rows_file
    }' "$1"
}

longest_line() { LC_ALL=C awk 'length > most { most = length } END { print most }' "$1"; }

# measure_peak PROGRAM COMMAND...: reading a stream of 1 GB from a pipe, and a file of one long line.
measure_peak() {
    program=$1 times=$build/cat-peak.times
    shift
    rm -f "$times"
    "$build/print_corpus" stream 20000 "$stream_bytes" | "$build/measure" "$times" "$@" > /dev/null ||
        die "failed: $program, stream"
    print_peak "$times" "$program, stream of 1 GB" "$(longest_line "$corpus")"
    "$build/print_corpus" line "$line_bytes" > "$build/line.jsonl" || die "cannot write $build/line.jsonl"
    "$build/measure" "$times" "$@" "$build/line.jsonl" > /dev/null || die "failed: $program, long line"
    print_peak "$times" "$program, one line of 64 MB" "$(wc -c < "$build/line.jsonl")"
}

events=${EVENTS:-200000} rounds=${ROUNDS:-5}
jq=$(command -v jq) || echo "left out: jq is not installed: apt-get install jq"
rm -f "$build"/cat-*.times
"$build/print_corpus" events "$events" > "$corpus" || die "cannot write $corpus"
size=$(wc -c < "$corpus")

round=0
while [ "$round" -le "$rounds" ]; do
    for_each_row run_row
    round=$((round + 1))
done
first=$(median "$build/cat-1.times" | cut -d ' ' -f 1)
printf '\nasm-cat, %d events, %d bytes: processor time, ' "$events" "$size"
printf 'median, (most - least) / median, time in relation to the first row\n'
printf '%-38s%9s%13s%8s%10s\n' '' 's' '' 'GB/s' 'ns/event'
for_each_row print_row

printf '\npeak memory of a process\n'
measure_peak asm-cat "$build/asm-cat" --renderer=compact --color=never
[ -z "$jq" ] || measure_peak 'jq .type' "$jq" .type
rm -f "$build/line.jsonl" "$build/copy.jsonl" "$build/again.jsonl" "$build/shown.txt"
