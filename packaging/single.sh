#!/bin/sh
# Prints all headers as one file, each after those that it stands on: sh packaging/single.sh VERSION asm_*.h
set -u
version=$1
shift

# stands_on HEADER: the headers that it includes itself.
stands_on() { sed -n 's/^#include "\(asm_[a-z]*\.h\)".*/\1/p' "$1"; }

for header; do
    echo "$header $header" # alone, it stands on itself
    stands_on "$header" | sed "s/\$/ $header/"
done | tsort | {
    headers=$(cat)
    parts=$(echo "$headers" | tr '[:lower:]' '[:upper:]' | sed 's/\.H$//; s/.*/defined(&_IMPLEMENTATION)/')
    cat <<END
/* asm.h - v$version - the sessions of AI agents in C: all headers of asm-session in one file, which needs no other
 * SPDX-License-Identifier: MIT OR Unlicense
 * MIT or public domain, your choice: see the end of this file.
 *
 * In exactly one C or C++ file:
 *     #define ASM_IMPLEMENTATION
 *     #include "asm.h"
 * In every other file just include it. Each part begins with its documentation:
$(echo "$headers" | sed 's/.*/ *     &/')
 */
#if $(echo "$parts" | tr '\n' '@' | sed 's/@$//; s/@/ || \\\n    /g')
#define ASM__SHARED
#endif
END
    for header in $headers; do
        # The licence stands once, at the end.
        echo
        awk '/^#include "asm_[a-z]*\.h"/ { next }
             /^\/\* ==/ { held = $0; next }
             held != "" { if (/^ \* Licence: /) exit; print held; held = "" }
             { print }' "$header"
        last=$header
    done
    awk '/^\/\* ==/ { held = $0; next }
         held != "" && /^ \* Licence: / { print held; found = 1 }
         { held = "" }
         found { print }' "$last"
}
