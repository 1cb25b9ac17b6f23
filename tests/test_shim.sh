#!/bin/sh
# Every test compiles with the stand-in for cmocka, too: it serves where there is none.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0
for source in tests/test_*.c; do
    ${CC:-cc} -std=c99 -D_POSIX_C_SOURCE=200809L -I. -Itests/shim -Werror=implicit-function-declaration -fsyntax-only "$source" ||
        failed=1
done
exit $failed
