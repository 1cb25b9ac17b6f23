#!/bin/sh
# Prints a C file with the files of the live page in it: sh packaging/embed.sh FILE...
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

echo '/* Made by packaging/embed.sh. */'
echo '#include "tools/serve/pages.h"'
number=0
for file; do
    number=$((number + 1))
    echo "static const unsigned char file_$number[] = {"
    od -An -v -tu1 "$file" | sed 's/^ *//; s/  */,/g; s/$/,/'
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
