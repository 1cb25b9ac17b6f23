#!/bin/sh
# Every test compiles with the stand-in for cmocka, too: it serves where there is none.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
failed=0
left_out=$("${MAKE:-make}" -s left-out)
for source in tests/test_*.c; do
    case $left_out in *"left out: $source: "*) continue ;; esac
    ${CC:-cc} -std=c99 -D_POSIX_C_SOURCE=200809L -I. -Itests/shim -Werror=implicit-function-declaration -fsyntax-only "$source" ||
        failed=1
done
exit $failed
