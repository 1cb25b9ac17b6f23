#!/bin/sh
# The EXAMPLE at the top of each header compiles, as C99 without a warning. One that is a whole program is linked and run.
# What stands far to the right of a line tells what it does; `…` stands for the reader's own.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
build=${BUILD:-build}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
fail() { echo "$*"; failed=1; }
declared=$(for header in asm_*.h; do printf ' -D%s_IMPLEMENTED' "$(basename "$header" .h | tr '[:lower:]' '[:upper:]')"; done)

# compile FILE MORE...
compile() {
    # shellcheck disable=SC2086  # lists of words
    ${CC:-cc} -std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -I. $declared "$@" > "$work/log" 2>&1
}

for header in asm_*.h; do
    # Functions go to one file, statements to another.
    awk -v functions="$work/functions" -v statements="$work/statements" '
        BEGIN { printf "" > functions; printf "" > statements }
        /^ \* EXAMPLE/ { inside = 1; next }
        inside && /^ \* [A-Z]/ { exit }
        !inside || !/^ \*       / { next }
        {
            sub(/^ \*       /, "")
            sub(/[;){]   .*/, substr($0, match($0, /[;){]   /), 1))
            gsub(/…/, "")
            if (/^\.\.\./ || /^ +\.\.\./) next
            if (/^(static|int main).*\{/) is_function = 1
            print > (is_function || /^#/ ? functions : statements)
            if (/^\}/ || /^(static|int main).*\}$/) is_function = 0
        }' "$header"
    [ -s "$work/functions" ] || [ -s "$work/statements" ] || { fail "$header: no example"; continue; }
    if grep -q '^int main(' "$work/functions"; then
        curl=$(pkg-config --cflags --libs libcurl 2> /dev/null) || { echo "skipped: $header: $(sh tests/hint.sh curl)"; continue; }
        # shellcheck disable=SC2086
        compile -x c "$work/functions" -x none "$build/asm.o" $curl -lm -pthread -o "$work/program" ||
            { fail "$header: the example does not compile"; head -n 12 "$work/log"; continue; }
        env -u ANTHROPIC_API_KEY timeout 20 "$work/program" > "$work/log" 2>&1
        { [ $? -eq 1 ] && grep -q 'ANTHROPIC_API_KEY is not set' "$work/log"; } ||
            fail "$header: what the example says without a key"
        continue
    fi
    {
        printf '#include "%s"\n#include <poll.h>\n#include <stdio.h>\n#include <unistd.h>\n' "$header"
        # What stands around the example in the program of a reader.
        case $header in
            asm_render.h | asm_wire.h | asm_pubsub.h) echo 'static asm_event event;' ;;
            asm_ingest.h) echo 'static int fd; static char bytes[100]; static ssize_t size;' ;;
        esac
        case $header in
            asm_render.h) echo 'static asm_time now;' ;;
            asm_ingest.h) echo 'static asm_time now(void) { return 0; }' ;;
            asm_wire.h) echo 'static void *connection;' ;;
            asm_agent.h)
                echo 'static asm_pubsub bus; static asm_turn question; static struct pollfd *sockets; static nfds_t socket_count;'
                echo 'static asm_time wall_clock(void) { return 0; }'
                echo 'static int64_t monotonic_clock(void) { return 0; }'
                echo 'static void on_event(void *user, const asm_message *message) { (void)user; (void)message; }' ;;
        esac
        cat "$work/functions"
        echo 'int example(void); int example(void) {'
        cat "$work/statements"
        echo 'return 0; }'
    } > "$work/example.c"
    compile -Wno-return-type -Wno-unused -Wno-unused-parameter -fsyntax-only "$work/example.c" ||
        { fail "$header: the example does not compile"; head -n 12 "$work/log"; }
done
[ $failed -eq 0 ] && echo 'the examples of all headers compile'
exit $failed
