#!/bin/sh
# Builds for other processors and systems, and runs what was built where there is an emulator:
#     sh tests/platforms.sh               after make: build/asm-cat is what the others are compared with
#     sh tests/platforms.sh s390x arm64   only these
#     sh tests/platforms.sh packages      the Debian packages that would be needed
# A platform whose compiler or emulator is not installed is skipped, and said so.
set -u
cd "$(dirname "$0")/.." || exit 1

# name | compiler | emulator | Debian packages
table() {
    cat <<'END'
i686    | i686-linux-gnu-gcc        | qemu-i386    | gcc-i686-linux-gnu libc6-dev-i386-cross qemu-user
armhf   | arm-linux-gnueabihf-gcc   | qemu-arm     | gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user
arm64   | aarch64-linux-gnu-gcc     | qemu-aarch64 | gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
s390x   | s390x-linux-gnu-gcc       | qemu-s390x   | gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user
riscv64 | riscv64-linux-gnu-gcc     | qemu-riscv64 | gcc-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user
windows | x86_64-w64-mingw32-gcc    | wine         | gcc-mingw-w64-x86-64 wine
END
}
if [ "${1:-}" = packages ]; then
    table | cut -d '|' -f 4 | tr ' ' '\n' | grep . | sort -u
    exit
fi

# Without those that need minutes under an emulator (ingest: asm-cat reads its streams), and those of asm-cat itself.
tests="json events buffer numbers render pubsub pubsub_model broadcaster presence mailbox agent agent_state"
# Without POSIX, and without numbers: they are compared with strtod(), which is not exact in Windows' old C library.
portable="json events buffer pubsub pubsub_model broadcaster presence agent agent_state"
portable_examples="examples/markdown_renderer.c examples/counting_sink.c examples/live_fanout.c
                   examples/callback_composition.c examples/custom_sink_migration.c"
examples="examples/quickstart.c $portable_examples" # the first waits with poll()
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef -Wstrict-prototypes -Werror -DASM__WARNINGS_ON"
build=${BUILD:-build}
work=$build/platforms
mkdir -p "$work" || exit 1
[ -x "$build/asm-cat" ] || { echo "tests/platforms.sh: there is no $build/asm-cat: run make" >&2; exit 1; }

# build COMPILER SOURCE PROGRAM FLAG...: static, as the emulators have no libraries for it.
build() {
    cc=$1 source=$2 program=$3
    shift 3
    "$cc" -std=c99 -O1 -static -I. "$source" -o "$program" "$@" -lm -pthread
}

upper() { echo "$1" | tr '[:lower:]' '[:upper:]'; }
declared=$(for header in asm_*.h; do printf ' -D%s_IMPLEMENTED' "$(upper "${header%.h}")"; done)

# build_objects COMPILER DIR FLAG...: each header's implementation, as the Makefile does it for tests.
build_objects() {
    cc=$1 dir=$2
    shift 2
    for header in asm_*.h; do
        # shellcheck disable=SC2086  # a list of words
        "$cc" -std=c99 -O1 -I. $warnings -include tests/memory.h -DASM_REALLOC=counted_realloc -DASM_FREE=counted_free "$@" \
            "-D$(upper "${header%.h}")_IMPLEMENTATION" -c -x c "$header" -o "$dir/${header%.h}.o" || return
    done
    "$cc" -std=c99 -O1 -c tests/memory.c -o "$dir/memory.o"
}

# objects SOURCE DIR: what a test is linked with; not what it implements itself.
objects() {
    for header in asm_*.h; do
        grep -Eq "^#define (ASM|$(upper "${header%.h}"))_IMPLEMENTATION" "$1" || echo "$2/${header%.h}.o"
    done
    echo "$2/memory.o"
}

build_tests() {
    cc=$1 dir=$2 posix=$3 list=$4
    for test in $list; do
        # shellcheck disable=SC2046,SC2086  # lists of words
        build "$cc" "tests/test_$test.c" "$dir/test_$test" -Itests/shim -DMODEL_STEPS=50000 $posix \
            $(objects "tests/test_$test.c" "$dir") || return
    done
}

# compare EMULATOR DIR: asm-cat there and here, over all the streams that we have, in every look.
compare() {
    compared=0
    for stream in examples/data/*.jsonl tests/golden/*.events.jsonl; do
        for look in compact verbose studio; do
            for cat in "$build/asm-cat" "$1 $2/asm-cat"; do
                # shellcheck disable=SC2086  # the emulator and its program
                $cat --clock=2026-02-09T12:00:00Z --renderer=$look --jsonl="$2/$look.jsonl" "$stream" > "$2/$look.txt" 2>&1
                status=$?
                echo "exit status $status" >> "$2/$look.txt"
                [ $status -lt 2 ] || { cat "$2/$look.txt"; return 1; } # it has shown nothing: nothing to compare
                cat "$2/$look.jsonl" >> "$2/$look.txt"
                rm -f "$2/$look.jsonl"
                [ "$cat" != "$build/asm-cat" ] || mv "$2/$look.txt" "$2/expected.txt"
            done
            diff "$2/expected.txt" "$2/$look.txt" > "$2/diff.txt" || { head -n 20 "$2/diff.txt"; return 1; }
            compared=$((compared + 1))
        done
    done
}

# Everything on one platform; the last line is the result.
run_platform() {
    name=$1 cc=$2 emulator=$3 packages=$4 dir=$work/$1 compared=''
    mkdir -p "$dir"
    command -v "$cc" > /dev/null || { echo "skipped: $name: $cc is not installed (apt-get install $packages)"; return; }
    posix='-D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64' suffix='' list=$tests
    programs=$examples
    if [ "$name" = windows ]; then posix='' suffix=.exe list=$portable programs=$portable_examples; fi
    # The implementation once, for tests and for programs.
    # shellcheck disable=SC2086  # lists of words
    build_objects "$cc" "$dir" $posix || return
    for program in $programs; do
        # shellcheck disable=SC2086  # lists of words
        build "$cc" "$program" "$dir/$(basename "$program" .c | tr _ -)" $warnings $posix $declared \
            "$dir"/asm_*.o "$dir/memory.o" || return
    done
    # shellcheck disable=SC2086  # lists of words
    [ "$name" = windows ] || build "$cc" tools/asm_cat.c "$dir/asm-cat" $warnings $posix $declared tools/common/*.c \
        "$dir"/asm_*.o "$dir/memory.o" || return
    build_tests "$cc" "$dir" "$posix" "$list" || return
    if "$dir/counting-sink$suffix" < /dev/null > /dev/null 2>&1; then # it runs here as it is
        emulator="env"
    elif ! command -v "$emulator" > /dev/null; then
        echo "$name: built, but not run: $emulator is not installed (apt-get install ${packages##* })"
        return
    fi
    set --
    for test in $list; do set -- "$@" "$dir/test_$test$suffix"; done
    JOBS=1 TITLE="$name" WRAPPER=$emulator sh tests/run.sh "$@" > "$dir/tests.log" || { cat "$dir/tests.log"; return 1; }
    [ "$name" = windows ] || compare "$emulator" "$dir" || { echo "$name: asm-cat does not do the same there"; return 1; }
    echo "$(tail -n 1 "$dir/tests.log")${compared:+, $compared outputs of asm-cat as here}"
}

# run_worker NUMBER: every second platform.
run_worker() {
    table | awk -v "turn=$1" -v "wanted= $wanted " 'NR % 2 == turn && index(wanted, " " $1 " ")' | sed 's/ *| */|/g' |
    while IFS='|' read -r name cc emulator packages; do
        if run_platform "$name" "$cc" "$emulator" "$packages" > "$work/$name.log" 2>&1 < /dev/null; then
            tail -n 1 "$work/$name.log"
        else
            sed 's/^/    /' "$work/$name.log"
            echo "$name: failed"
            touch "$work/failed"
        fi
    done
}

wanted=${*:-$(table | cut -d ' ' -f 1 | tr '\n' ' ')}
rm -f "$work/failed"
run_worker 0 &
run_worker 1
wait
[ ! -e "$work/failed" ]
