#!/bin/sh
# Prints a C file with the files of the live page in it: sh packaging/embed.sh FILE...
# Its modules become one, live.js, but for early.js, which asks for the events while the other is under way: a request for each
# of more than twenty costs a browser longer than all that they do.
set -u

# type NAME: its media type.
type() {
    case $1 in
        *.html) echo "text/html; charset=utf-8" ;;
        *.css) echo "text/css; charset=utf-8" ;;
        *.js) echo "text/javascript; charset=utf-8" ;;
        *.svg) echo "image/svg+xml" ;;
        *.png) echo "image/png" ;;
        *) echo "embed.sh: $1: not a kind of file that a page has" >&2; exit 1 ;;
    esac
}

work=$(mktemp) || exit 1
trap 'rm -f "$work"' EXIT
modules=
main=
for file; do
    shift
    case $file in
        */early.js) ;;
        */live.js) main=$file ;;
        *.js) modules="$modules $file"; continue ;;
    esac
    set -- "$@" "$file"
done

# content FILE: what of it is embedded.
content() {
    case $1 in
        */index.html) grep -v 'rel="modulepreload"' "$1" ;;
        # The names have no blanks.
        */live.js) awk -f packaging/bundle.awk $modules "$main" ;;
        *) cat "$1" ;;
    esac
}

echo '/* Made by packaging/embed.sh. */'
echo '#include "tools/serve/pages.h"'
number=0
for file; do
    number=$((number + 1))
    echo "static const unsigned char file_$number[] = {"
    content "$file" > "$work" || exit 1
    od -An -v -tu1 "$work" | sed 's/^ *//; s/  */,/g; s/$/,/'
    echo '0};'
done
echo 'const live_file page_files[] = {'
number=0
for file; do
    number=$((number + 1))
    kind=$(type "$file") || exit 1
    echo "    {\"${file##*/}\", \"$kind\", file_$number, sizeof file_$number - 1},"
done
echo '    {0, 0, 0, 0}};'
echo 'const size_t page_file_count = sizeof page_files / sizeof *page_files - 1;'
