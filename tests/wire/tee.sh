#!/bin/sh
# SPDX-License-Identifier: MIT OR Unlicense
# asm-tee between the protocol's own client and agent: tests/wire/tee.mjs, with the packages that judges.sh has put into
# place. Without them, or node, it is skipped.
#     sh tests/wire/judges.sh && sh tests/wire/tee.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(cd "${BUILD:-build}" && pwd) || exit 1

skip() {
    echo "skipped: $1"
    exit 0
}

command -v node > /dev/null || skip "$(sh tests/hint.sh node)"
[ -d "$build/wire/node_modules/@agentclientprotocol/sdk" ] || skip 'the packages of tests/wire/package.json are not there'
cp tests/wire/tee.mjs "$build/wire" || exit 1
exec node "$build/wire/tee.mjs" "$build/asm-tee"
