#!/bin/sh
# Prints the version script of the shared library: the functions of the flat header, and nothing else:
# sh packaging/api/symbols.sh INTERFACE FLAT-HEADER
set -u
echo "ASM_SESSION_$1 {"
echo 'global:'
sed -n '/^ *\*\|^\/\*\|^typedef\|^#/d; s/^[a-z].*[ *]\(asm_[a-z0-9_]*\)(.*/    \1;/p' "$2" | sort -u
echo 'local:'
echo '    *;'
echo '};'
