#!/bin/sh
# Prints the manual page of a header: sh packaging/docs/man.sh VERSION HEADER
exec awk -v as=man -v version="$1" -f "${0%/*}/links.awk" -f "${0%/*}/header.awk" "$2"
