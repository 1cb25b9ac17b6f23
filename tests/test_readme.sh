#!/bin/sh
# The README: its program is compiled and run, its files and targets of make exist.
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
fail() { echo "README.md: $*"; failed=1; }

awk '/^```c$/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md > "$work/program.c"
[ -s "$work/program.c" ] || fail 'no program'
${CC:-cc} -std=c99 -Wall -Wextra -Werror -I. "$work/program.c" -o "$work/program" || fail 'the program does not compile'
source=$PWD
cd "$work" || exit 1
LC_ALL=C.UTF-8 ./program > out.txt || fail 'the program fails'
printf '  ◐ Reading main.c\n' | diff - out.txt || fail 'the program prints something else'
sed 's/"ts":"20[0-9-]*T[0-9:.]*Z"/"ts":"NOW"/' session.jsonl | diff - "$source/tests/golden/examples/readme.jsonl" ||
    fail 'the program logs something else'
cd "$source" || exit 1

for file in $(grep -o '](\([^)]*\))' README.md | sed 's/^](//; s/)$//' | grep -v '^https:'); do
    [ -e "$file" ] || fail "there is no $file"
done
for file in asm_*.h examples/*.c examples/*.cpp; do
    grep -q "]($file)" README.md || fail "$file is not named"
done
for target in $(sed -n 's/^    make \([a-z]*\).*/\1/p' README.md); do
    grep -q "^$target:" Makefile || fail "there is no make $target"
done
exit $failed
