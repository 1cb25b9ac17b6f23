#!/bin/sh
# Adds members to a copy of asm_events.h as its table tells, one struct member and one row each, and runs the tests of
# the table over the copy; then leaves out the row, which must be noticed: sh tests/test_new_member.sh
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
: "${CC:=cc}"

# build FLAGS...: the tests over the copy.
build() {
    # shellcheck disable=SC2086  # CC and CFLAGS are lists of words
    $CC -std=c99 -Wall -Wextra "$@" -I"$work" -Itests -Itests/shim -D_POSIX_C_SOURCE=200809L -include tests/memory.h \
        -DASM_REALLOC=counted_realloc -DASM_FREE=counted_free -o "$work/test" "$work/json.c" tests/memory.c \
        tests/test_events_table.c > "$work/log" 2>&1
}

# add MEMBER KIND TYPE PAYLOAD: to the copy; without a row if KIND is none.
add() {
    if [ "$4" = envelope ]; then struct='asm_event' after='asm_str correlation_id;'
    else struct="asm_$4_payload" after=
    fi
    awk -v member="$1" -v kind="$2" -v type="$3" -v payload="$4" -v struct="$struct" -v after="$after" '
        $0 ~ "^typedef struct " struct " " { inside = 1 }
        { print }
        inside && (after == "" || index($0, after)) { print "    " type " " member ";"; inside = 0 }
        kind != "none" && $0 ~ "^#define ASM__ROWS_" payload "\\(" {
            printf "    X(P, %s, %s, %s) \\\n", member, member, kind
            next
        }' "$work/asm_events.h" > "$work/changed" && mv "$work/changed" "$work/asm_events.h"
}

fresh() {
    cp asm_json.h "$work/"
    # Rows that share a line with the macro, as short lists do, get one of their own.
    awk '/^#define ASM__ROWS_[a-z]*\(X, P\) X/ { sub(/ X\(P/, " \\\n    X(P") } { print }' asm_events.h > "$work/asm_events.h"
    printf '#define ASM_JSON_IMPLEMENTATION\n#include "asm_json.h"\n' > "$work/json.c"
}

# One of each kind, at the front of its list; seldom set ones of the envelope at the end of theirs by the struct alone.
fresh
add new_text TEXT asm_str message
add new_json JSON asm_str usage
add new_object JSON_OBJECT asm_str policy
add new_array JSON_ARRAY asm_str node
add new_int64 INT64 asm_optional_int64 todos
add new_double DOUBLE asm_optional_double state
add new_bool BOOL asm_optional_bool status
add new_true TRUE asm_optional_bool tool
add trace_id none asm_str envelope
awk '{ sub(/X\(P, metadata, metadata, JSON_OBJECT\)$/, "& \\\n    X(P, trace_id, trace_id, TEXT)") } { print }' \
    "$work/asm_events.h" > "$work/changed" && mv "$work/changed" "$work/asm_events.h"
for flags in -O0 -O2 -Os '-O2 -DASM_NO_SIMD'; do
    # shellcheck disable=SC2086
    if ! build $flags || ! "$work/test" > "$work/log" 2>&1; then
        echo "members that were added by the table do not pass with $flags:"
        cat "$work/log"
        failed=1
    fi
done

# expect_noticed MEMBER KIND TYPE PAYLOAD: what the table does not tell, a compiler or the tests do.
expect_noticed() {
    fresh
    add "$@"
    if build -O0 && "$work/test" > "$work/log" 2>&1; then
        echo "nothing notices $*"
        failed=1
    fi
}
expect_noticed trace_id none asm_str envelope
expect_noticed hidden none asm_optional_bool message
expect_noticed hidden none asm_optional_bool usage
expect_noticed hidden none asm_optional_int64 node
expect_noticed a_name_that_is_far_too_long TEXT asm_str policy
exit $failed
