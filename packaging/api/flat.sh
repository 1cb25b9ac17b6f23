#!/bin/sh
# Prints the public part of build/asm.h as a flat header, for bindings and the shared library: declarations without
# macros but constants, comments kept: sh packaging/api/flat.sh VERSION ASM-H
# LuaJIT's ffi.cdef() takes what stands between the lines that begin with #.
set -eu
version=$1 single=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in stdbool stddef stdint; do : > "$work/$name.h"; done

cat <<END
/* asm-session.h - v$version - the functions of libasm-session, flat: no implementation, no macros but constants
 * SPDX-License-Identifier: MIT OR Unlicense
 * Made from the headers, which tell more.
 */
#ifndef ASM_SESSION_H
#define ASM_SESSION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

END
# Numbers and strings; what has arguments or is computed is no constant for everybody.
sed -n 's/^#define \(ASM_[A-Z0-9][A-Z0-9_]*\)  *\(-\{0,1\}[0-9][0-9A-Za-z]*\|"[^"]*"\)\( *\/\*.*\)\{0,1\}$/#define \1 \2/p' "$single" |
    sort -u
${CC:-cc} -std=c99 -E -P -C -nostdinc -I"$work" -DASM__WARNINGS_ON -DASM_API= "$single" | awk '
    # A comment is left where code follows, or at the top of a section; of the documentation of a header, its first line.
    inside == "" && /^\/\*/ { inside = "yes"; held = "" }
    inside != "" {
        sub(/^\*/, " *")
        held = held (held == "" ? "" : "\n") $0
        if (!/\*\/ *$/) next
        inside = ""
        if (held ~ /^\/\* asm_[a-z]*\.h - v/) {
            sub(/\n.*/, "", held)
            sub(/ - v[0-9.]*/, "", held)
            print "\n" held " */"
        } else if (held ~ /^\/\* ==/) {
            print "\n" held
        } else {
            next
        }
        held = ""
        next
    }
    /^ *$/ { next }
    held != "" { print "\n" held; held = ""; sub(/^ */, "") }
    { sub(/^ /, ""); print }'
cat <<'END'

#ifdef __cplusplus
}
#endif
#endif
END
