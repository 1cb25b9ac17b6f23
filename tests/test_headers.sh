#!/bin/sh
# Each header by itself, declared and implemented, as C99 and C++11; make check compiles them in all other ways.
exec sh "$(dirname "$0")/compile_matrix.sh" quick
