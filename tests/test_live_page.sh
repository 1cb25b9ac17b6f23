#!/bin/sh
# The page of asm-live in a headless browser; see tests/page/page.mjs, and its parts without one. Without node, Chromium or
# asm-live it is skipped, without npm only what the accessibility checker would say.
#     sh tests/test_live_page.sh
#     PICTURES=docs/pictures sh tests/test_live_page.sh    and pictures of it
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}

skip() {
    echo "skipped: $(sh tests/hint.sh "$1")"
    exit 0
}

command -v node > /dev/null || skip node
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' || { echo "skipped: node is older than 18"; exit 0; }
node tests/page/units.mjs || exit 1
[ -x "$build/asm-live" ] || skip microhttpd
browser=
for program in ${CHROMIUM:-} chromium chromium-browser google-chrome-stable google-chrome; do
    browser=$(command -v "$program") && break
done
[ -n "$browser" ] || skip chromium

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# One version, by its hash in package-lock.json; no scripts of it are run.
if command -v npm > /dev/null; then
    cp tests/page/package.json tests/page/package-lock.json "$work"
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --cache "$work/cache" > "$work/log" 2>&1 < /dev/null) &
    npm=$!
    n=0
    while kill -0 "$npm" 2> /dev/null && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done
    kill "$npm" 2> /dev/null
    wait "$npm" 2> /dev/null
else
    echo "skipped: $(sh tests/hint.sh npm)"
fi
axe=$work/node_modules/axe-core/axe.min.js
[ ! -f "$axe" ] || export AXE="$axe"

[ -z "${PICTURES:-}" ] || mkdir -p "$PICTURES" || exit 1
agent=
[ ! -x "$build/tests/page/agent" ] || agent=$build/tests/page/agent
node tests/page/page.mjs "$browser" "$build/asm-live" ${agent:+"$agent"}
