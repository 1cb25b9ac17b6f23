#!/bin/sh
# Compares this library with others that C programs use for JSON and for signals, asm-cat with jq, and measures the
# agent server and what is written for interfaces:
#     sh bench/run.sh
#
#   EVENTS   how many events there are (200000; below 100000 the branch predictor learns them by heart)
#   PUBLISHES   how many messages are published (1000000)
#   ROUNDS   how often everything is measured, after a warm-up (5); of JSON each time in a process of its own
#   CC, CXX, CFLAGS   as for make (cc, c++, -O2); all that is compiled here gets the same
#   YYJSON, SIMDJSON   a checkout of that library, which is built here with the same flags, in place of the package
#
# The others are found by tests/dependencies.sh; a missing one is left out, and that is said. Everything is
# written to build/bench; the results are results.txt, results.json and results.svg there.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}/bench
cc=${CC:-cc} cxx=${CXX:-c++} flags=${CFLAGS:--O2}
EVENTS=${EVENTS:-200000} PUBLISHES=${PUBLISHES:-1000000} ROUNDS=${ROUNDS:-5}
export EVENTS PUBLISHES ROUNDS

die() { echo "bench/run.sh: $*" >&2; exit 1; }
show() { tee -a "$build/results.txt"; }

# compile OUTPUT SOURCE [FLAG]...
compile() {
    output=$1 source=$2
    shift 2
    case $source in
        *.cc | *.cpp) set -- "$cxx" -std=c++11 -DNDEBUG "$source" "$@" ;;
        *) set -- "$cc" -std=c99 -D_POSIX_C_SOURCE=200809L "$source" "$@" ;;
    esac
    # shellcheck disable=SC2086  # a list of words
    "$@" $flags -I. -Ibench -o "$build/$output" || die "cannot build $output from $source"
}

# add_library NAME SOURCE [FLAG]...
libraries=
add_library() {
    name=$1 source=$2
    shift 2
    compile "$name.so" "$source" -shared -fPIC "$@"
    libraries="$libraries $build/$name.so"
}

# add_peer NAME SOURCE: the same for a library that may be missing.
add_peer() {
    if peer_flags=$(sh tests/dependencies.sh "$1" 2> "$build/missing.txt"); then
        # shellcheck disable=SC2086  # a list of words
        add_library "$(basename "${2%.c*}")" "$2" $peer_flags
    else
        echo "left out: $(tail -n 1 "$build/missing.txt" | sed 's/^[^ ]*: //')" | show
    fi
}

version_of() { "$1" --version 2>/dev/null | head -n 1; }
processor() { sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1; }
quoted() { printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/.*/"&"/'; }

mkdir -p "$build" || exit 1
: > "$build/results.txt"
compile measure bench/measure.c
compile print_corpus bench/print_corpus.c bench/corpus.c -lm
compile bench_json bench/bench_json.c bench/corpus.c bench/figures.c -Wl,--export-dynamic -ldl -lm
compile bench_pubsub bench/bench_pubsub.c bench/figures.c -Wl,--export-dynamic -ldl
compile bench_agent bench/bench_agent.c bench/figures.c -ldl
compile bench_wire bench/bench_wire.c bench/figures.c -ldl
{ echo '#define ASM_IMPLEMENTATION'; ls asm_*.h | sed 's/.*/#include "&"/'; } > "$build/asm.c"
compile asm-cat tools/asm_cat.c tools/common/*.c "$build/asm.c"
add_library asm bench/ours.c
case $(uname -m) in x86_64 | amd64) add_library asm-sse2 bench/ours.c -DASM__AVX512=0 ;; esac
add_library asm-portable bench/ours.c -DASM_NO_SIMD
add_library limits bench/peer_limits.c
add_peer rapidjson bench/peer_rapidjson.cc
if [ -n "${SIMDJSON:-}" ]; then
    compile simdjson.o "$SIMDJSON/src/simdjson.cpp" -c -DNDEBUG -fPIC -I"$SIMDJSON/include" -I"$SIMDJSON/src"
    add_library peer_simdjson bench/peer_simdjson.cc "$build/simdjson.o" -I"$SIMDJSON/include"
else
    add_peer simdjson bench/peer_simdjson.cc
fi
if [ -n "${YYJSON:-}" ]; then
    compile yyjson.o "$YYJSON/src/yyjson.c" -c -fPIC
    add_library peer_yyjson bench/peer_yyjson.c "$build/yyjson.o" -isystem "$YYJSON/src"
else
    add_peer yyjson bench/peer_yyjson.c
fi
add_peer cjson bench/peer_cjson.c
add_peer json-c bench/peer_json_c.c
add_peer jansson bench/peer_jansson.c
json_libraries=$libraries libraries=
add_library pubsub_ours bench/pubsub_ours.c
add_library pubsub_plain bench/pubsub_plain.c
add_peer stb bench/pubsub_stb.c
add_peer glib bench/pubsub_glib.c
add_peer sigc++ bench/pubsub_sigcxx.cc

# All on one core, where that can be asked for.
pin=
cores=$(nproc 2>/dev/null || echo 1)
if taskset -c "$((cores - 1))" true 2>/dev/null; then pin="taskset -c $((cores - 1))"; fi

machine="$(processor), $cores cores, $(uname -srm)"
{
    echo "machine: $machine${pin:+, pinned to the last core}"
    echo "compilers: $(version_of "$cc"); $(version_of "$cxx"); $flags"
    echo "rounds: $ROUNDS after a warm-up, all rows taking turns; of JSON each in a process of its own"
} | show
# shellcheck disable=SC2086  # both are lists of words
$pin "$build/bench_json" "$build/rows.jsonl" $json_libraries > "$build/part.txt" || die "bench_json failed"
show < "$build/part.txt"
# shellcheck disable=SC2086
$pin "$build/bench_pubsub" "$build/rows.jsonl" $libraries > "$build/part.txt" || die "bench_pubsub failed"
show < "$build/part.txt"
$pin "$build/bench_agent" "$build/rows.jsonl" > "$build/part.txt" || die "bench_agent failed"
show < "$build/part.txt"
$pin "$build/bench_wire" "$build/rows.jsonl" > "$build/part.txt" || die "bench_wire failed"
show < "$build/part.txt"
$pin sh bench/bench_cat.sh "$build" "$build/rows.jsonl" > "$build/part.txt" || die "bench_cat.sh failed"
show < "$build/part.txt"

{
    printf '{"machine":%s,"compiler":%s,"flags":%s,' \
        "$(quoted "$machine")" "$(quoted "$(version_of "$cc")")" "$(quoted "$flags")"
    printf '"events":%d,"publishes":%d,"rounds":%d,"results":[\n' "$EVENTS" "$PUBLISHES" "$ROUNDS"
    sed '$!s/$/,/' "$build/rows.jsonl"
    echo ']}'
} > "$build/results.json"
sh bench/plot.sh "$build/results.json" > "$build/results.svg" || die "plot.sh failed"
echo "written: $build/results.txt, $build/results.json, $build/results.svg"
