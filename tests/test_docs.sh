#!/bin/sh
# The documentation: every program in it is compiled and run, every command is run, every link leads somewhere.
#   ```c, ```cpp     a program, if it has main(): compiled without a warning, run, and has to end well; else a piece of
#                    one, which has to compile, by itself or within a function
#   ```sh            commands, run where the source is as it is for a reader; ```console and indented ones are not run
#   <!-- input: FILE -->   before a block: what its program reads
#   <!-- output -->        before a ```text block: what the program before it has to print
#   <!-- file: NAME -->    before a block: is written to NAME, not compiled
#   <!-- needs: NAME -->   before a block: is left out where there is no such program
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
source=$PWD build=$(cd "${BUILD:-build}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
fail() { echo "$*"; failed=1; }
# With what was said, the beginning of it.
fail_with() { fail "$*" && { head -n 12; tail -n 1; } < "$work/log" | sed 's/^/    /'; }
# within COMMAND...: a command that does not end is stopped, and said to be: of that make says "wait: No child processes".
limit=240
within() {
    timeout -k 10 "$limit" "$@"
    status=$?
    [ $status -ne 124 ] || echo "stopped after $limit s" >&2
    return $status
}

declared=$(for header in asm_*.h; do printf ' -D%s_IMPLEMENTED' "$(basename "$header" .h | tr '[:lower:]' '[:upper:]')"; done)
headers=$(for header in asm_*.h; do printf '#include "%s"\\n' "$header"; done)
# compile LANGUAGE FILE PROGRAM: PROGRAM may be nothing, then it is only compiled.
compile() {
    case $1 in
        c) compiler="${CC:-cc} -std=c99 -x c" ;; # as the first page of the guide has it
        cpp) compiler="${CXX:-c++} -std=c++11 -x c++" ;;
    esac
    # shellcheck disable=SC2086  # lists of words
    if [ -z "$3" ]; then $compiler -fsyntax-only -I. $declared "$2"
    elif grep -q '^#define ASM_STATIC' "$2"; then $compiler -Wall -Wextra -Werror -I. "$2" -o "$3"
    else $compiler -Wall -Wextra -Werror -I. $declared "$2" -x none "$build/asm.o" -lm -pthread -o "$3"; fi
}

# check_block LANGUAGE FILE INPUT PLACE OUTPUT: OUTPUT gets what it prints.
check_block() {
    case $1 in
        c | cpp)
            if [ "$1" = cpp ] && ! command -v "${CXX:-c++}" > /dev/null; then
                rm -f "$5"
                echo "skipped: $4: $(sh tests/hint.sh c++)"
                return
            fi
            if grep -q '^int main(' "$2"; then
                compile "$1" "$2" "$work/program" > "$work/log" 2>&1 || { fail_with "$4: does not compile"; return; }
                (cd "$work/reader" && within env LC_ALL=C.UTF-8 "$work/program" < "${3:-/dev/null}") > "$5" 2> "$work/log" ||
                    fail_with "$4: the program fails"
            else
                { printf '#define ASM_IMPLEMENTATION\n%b#include <stdio.h>\n' "$headers"; cat "$2"; } > "$work/piece"
                { printf '#define ASM_IMPLEMENTATION\n%b#include <stdio.h>\nvoid piece(void);\nvoid piece(void) {\n' "$headers"; cat "$2"; echo '}'; } > "$work/inside"
                compile "$1" "$work/piece" '' > "$work/log" 2>&1 || compile "$1" "$work/inside" '' >> "$work/log" 2>&1 ||
                    fail_with "$4: does not compile"
            fi
            ;;
        sh)
            (cd "$work/reader" && within env PATH="$build:$PATH:$work/bin" sh -e "$2") > "$5" 2> "$work/log" < /dev/null ||
                fail_with "$4: a command fails"
            ;;
    esac
}

# A compiler of another name serves as the reader's.
mkdir "$work/bin"
printf '#!/bin/sh\nexec %s "$@"\n' "${CC:-cc}" > "$work/bin/cc"
chmod +x "$work/bin/cc"

# What a reader has: the source, and what was built. Files are written beside it.
reader() {
    rm -rf "$work/reader" && mkdir "$work/reader" || exit 1
    for file in *; do [ "$file" = build ] || ln -s "$source/$file" "$work/reader/$file"; done
    ln -s "$build" "$work/reader/build"
}

pages=$(find docs README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md packaging -name '*.md' | sort)
for page in $pages; do
    # Blocks as files: NUMBER.LANGUAGE, with NUMBER.input, NUMBER.name and NUMBER.output where a comment says so.
    rm -rf "$work/blocks" && mkdir "$work/blocks"
    awk -v folder="$work/blocks" '
        /^```/ && !inside { inside = 1; language = substr($0, 4); number++; file = sprintf("%s/%03d", folder, number)
            if (note != "") print value > (file "." note)
            place = NR; printf "" > (file ".block"); next }
        /^```/ { inside = 0; print language, place > (file ".language"); note = ""; next }
        inside { print > (file ".block"); next }
        /^<!-- (input|file|needs): .* -->$/ { note = substr($2, 1, length($2) - 1); value = $3; next }
        /^<!-- output -->$/ { note = "output"; value = ""; next }
        !/^ *$/ { note = "" }' "$page"
    grep -q '^```\(c\|cpp\|sh\)$' "$page" && reader
    for file in "$work"/blocks/*.language; do
        [ -e "$file" ] || continue
        block=${file%.language}
        read -r language line < "$file"
        if [ -e "$block.file" ]; then
            name=$work/reader/$(cat "$block.file")
            mkdir -p "$(dirname "$name")" && cp "$block.block" "$name"
        elif [ -e "$block.output" ]; then
            [ ! -e "$work/printed" ] || diff "$block.block" "$work/printed" > "$work/log" || fail_with "$page:$line: the program before prints something else"
        elif [ -e "$block.needs" ] && ! command -v "$(cat "$block.needs")" > /dev/null; then
            echo "skipped: $page:$line: $(sh tests/hint.sh "$(cat "$block.needs")")"
        elif [ "$page" != README.md ]; then # README's program has a test of its own
            input=$([ ! -e "$block.input" ] || sed "s|^|$source/|" "$block.input")
            check_block "$language" "$block.block" "$input" "$page:$line" "$work/printed"
        fi
    done
done

# anchors FILE: what its headings are called, as GitHub does it.
anchors() {
    awk '/^```/ { inside = !inside } !inside && /^##* /' "$1" | sed 's/^#* //; s/\[\([^]]*\)\]([^)]*)/\1/g' |
        tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
for page in $pages; do
    awk '/^```/ { inside = !inside } !inside && !/^    /' "$page" | grep -o '](\([^) ]*\))' | sed 's/^](//; s/)$//' | sort -u > "$work/links"
    while read -r link; do
        case $link in http:* | https:* | mailto:*) continue ;; esac
        target=$(dirname "$page")/${link%%#*}
        case $link in '#'*) target=$page ;; esac
        [ -e "$target" ] || { fail "$page: there is no ${link%%#*}"; continue; }
        case $link in
            *.md'#'* | '#'*) anchors "$target" | grep -qx "${link#*#}" || fail "$page: there is no heading ${link#*#} in $target" ;;
        esac
    done < "$work/links"
done
for page in docs/*.md docs/guide/*.md docs/formats/*.md; do
    folder=$(dirname "$page")
    [ "$page" = "$folder/README.md" ] || grep -q "]($(basename "$page"))" "$folder/README.md" || fail "$folder/README.md does not name $page"
done
exit $failed
