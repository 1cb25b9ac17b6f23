#!/bin/sh
# What a newcomer does, on machines that have little: sh tests/fresh.sh [NAME]...
# Each way is tried in a copy of the source with a PATH of its own, or in a small Debian that debootstrap makes (root and
# network needed; kept in build/deps). What cannot be tried here is one line. NAME: only those, see `ways`.
set -u
cd "$(dirname "$0")/.." || exit 1
source=$PWD
ways="nothing gcc clang tcc blanks read-only prefix bmake oldstable stable testing"
mkdir -p "${BUILD:-build}/fresh" && home=$(cd "${BUILD:-build}/fresh" && pwd) && work=$(mktemp -d "$home/try.XXXXXX") || exit 1
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset MAKEFLAGS MAKELEVEL MFLAGS BUILD CC CXX CFLAGS CPPFLAGS LDFLAGS LDLIBS
passed=0 failed=0
TIME=${TIME:-1800} # seconds for one step: three minutes on an idle machine

say() { echo "fresh: $way: $*"; }
skip() { say "skipped: $*"; skipped=yes; }

# copy DIR: the source without what was built.
copy() {
    mkdir -p "$1" && tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$1"
}

# tools DIR NAME...: a folder for PATH with these and what scripts take for granted.
tools() {
    bin=$1
    shift
    mkdir -p "$bin"
    for tool in sh env echo printf awk sed grep cat cp mv rm mkdir mkfifo rmdir mktemp ls tr cut sort uniq head tail date sleep touch chmod ln find \
        xargs timeout getconf uname install tsort cmp diff wc tee dirname basename expr seq id od true false test kill \
        tar as ld ld.bfd make "$@"; do
        # Not command -v, which knows of some as builtins only.
        for path in $(echo "$PATH" | tr : ' '); do
            [ ! -x "$path/$tool" ] || { ln -sf "$path/$tool" "$bin/$tool"; break; }
        done
    done
}

# apart COMMAND...: runs it without network but the loopback interface, where that can be had.
in_loopback='ip link set lo up && exec "$@"'
if unshare -n sh -c "$in_loopback" sh true 2> /dev/null; then
    apart() { unshare -n sh -c "$in_loopback" sh "$@"; }
else
    apart() { "$@"; }
fi

# bare COMMAND...: runs it in $dir with the PATH $bin and nothing else, apart.
bare() {
    (cd "$dir" && apart $alone timeout -k 10 "$TIME" env -i PATH="$bin" HOME=/nonexistent LC_ALL=C TMPDIR="${temporary:-/tmp}" "$@") \
        >> "$log" 2>&1 < /dev/null
}

# last: the result of the tests that ran last.
last() { grep -E '^[0-9]+ passed, 0 failed$' "$log" | tail -n 1; }

# twice COMMAND...: the second time nothing is built.
twice() {
    bare "$@" || return
    echo '--- once more' >> "$log"
    bare "$@" || return
    ! sed '1,/^--- once more$/d' "$log" | grep -E '^  (CC|WRITE|ANALYZE) ' >> "$log"
}

# Both commands of the README, and nothing else than what is in $bin.
readme() { twice make "$@" && bare make demo "$@" && bare make test "$@" && [ -n "$(last)" ] && result=$(last); }

try_nothing() { # but make: one line says what to install
    tools "$work/bin"
    copy "$work/nothing"
    dir=$work/nothing
    for goal in all demo test install; do
        : > "$log"
        ! bare make "$goal" && [ "$(grep -c . "$log")" -eq 1 ] && grep -q 'compiler is not installed: ' "$log" || return
    done
    result=$(cat "$log")
}

try_gcc() { # without pkg-config, apt-get, a C++ compiler, network, cmocka
    tools "$work/bin" gcc
    compiler=$(command -v gcc) || { skip 'no gcc'; return; }
    mkdir -p "$work/hidden"
    echo '#error "not here"' > "$work/hidden/cmocka.h"
    printf '#!/bin/sh\nexec %s "$@" -isystem "%s"\n' "$compiler" "$work/hidden" > "$work/bin/gcc.new"
    rm -f "$work/bin/gcc"
    mv "$work/bin/gcc.new" "$work/bin/gcc"
    chmod 755 "$work/bin/gcc"
    copy "$work/gcc"
    dir=$work/gcc
    readme && grep -q 'tests/shim/cmocka.h' "$log"
}

try_clang() {
    command -v clang > /dev/null || { skip 'no clang'; return; }
    tools "$work/bin" clang clang++
    copy "$work/clang"
    dir=$work/clang
    readme
}

try_tcc() { # some tests are more than it can compile, and it has no atomics for the mailbox; the programs work
    command -v tcc > /dev/null || { skip 'no tcc'; return; }
    tools "$work/bin" tcc
    copy "$work/tcc"
    dir=$work/tcc
    set -- build/tests/test_buffer build/tests/test_events build/tests/test_ingest build/tests/test_sinks build/tests/test_agent
    twice make && bare make demo && bare make "$@" && bare sh tests/run.sh "$@" && result=$(last)
}

try_blanks() { # and an ordinary user, eight jobs
    tools "$work/bin" gcc cc g++ c++ pkg-config
    copy "$work/a source/of mine"
    dir="$work/a source/of mine" temporary="$work/temporary files"
    mkdir -p "$temporary"
    if [ "$(id -u)" -eq 0 ]; then
        chown -R 65534:65534 "$dir" "$temporary"
        alone="chroot --userspec=65534:65534 --skip-chdir /"
    fi
    readme -j8
}

try_read_only() {
    tools "$work/bin" gcc cc g++ c++ pkg-config
    copy "$work/source"
    dir=$work/source
    mkdir "$work/built"
    chmod -R a-w "$dir"
    if [ "$(id -u)" -eq 0 ]; then # root writes anywhere
        chown 65534:65534 "$work/built"
        alone="chroot --userspec=65534:65534 --skip-chdir /"
    fi
    readme BUILD="$work/built" && [ ! -e "$dir/build" ]
    status=$?
    chmod -R u+w "$dir"
    return $status
}

try_prefix() { bare_log=$log; sh tests/test_install.sh >> "$bare_log" 2>&1 && result='C and C++, with pkg-config and without'; }

try_bmake() {
    command -v bmake > /dev/null || { skip 'no bmake'; return; }
    bmake -n > "$log" 2>&1
    grep -q 'is for GNU make' "$log" && result=$(grep 'GNU make' "$log")
}

# A Debian with gcc and make only.
try_debian() {
    [ "$(id -u)" -eq 0 ] || { skip 'root is needed for debootstrap'; return; }
    command -v debootstrap > /dev/null || { skip "$(sh tests/hint.sh debootstrap)"; return; }
    # What debootstrap mounts ends with it, whatever ends it, and is never looked at here.
    unshare -m true 2> /dev/null || { skip 'debootstrap has no mounts of its own here'; return; }
    mkdir -p "$home/../deps"
    root=$home/../deps/debian-$1
    if [ ! -e "$root/complete" ]; then
        rm -rf --one-file-system "$root" || return
        mirror=$(sed -n 's/^URIs: *//p; s/^deb  *\([a-z]*:[^ ]*\).*/\1/p' /etc/apt/sources.list \
            /etc/apt/sources.list.d/* 2> /dev/null | head -n 1)
        # shellcheck disable=SC2086  # none, or one word
        timeout -k 10 "$TIME" unshare -m --propagation private debootstrap --variant=minbase --include=gcc,libc6-dev,make "$1" "$root" $mirror >> "$log" 2>&1 ||
            { skip "debootstrap failed: $(grep '^E: ' "$log" | tail -n 1)"; return; }
        touch "$root/complete"
    fi
    rm -rf "$root/source"
    copy "$root/source"
    chown -R 65534:65534 "$root/source"
    dir=/ bin=/usr/bin:/bin
    alone="chroot --userspec=65534:65534 $root"
    bare sh -c 'cd /source && make && make demo && make test' && result="Debian $(cat "$root/etc/debian_version"), $(last)"
}

try_oldstable() { try_debian oldstable; }
try_stable() { try_debian stable; }
try_testing() { try_debian testing; }

# shellcheck disable=SC2086  # a list of words
[ $# -gt 0 ] || set -- $ways
for way; do
    rm -rf "${work:?}"/*
    log=$home/$way.log result='' temporary='' alone='' skipped=''
    : > "$log"
    if "try_$(echo "$way" | tr - _)"; then
        [ -n "$skipped" ] || { passed=$((passed + 1)) && say "$result"; }
    else
        failed=$((failed + 1)) && say "failed, see $log:" && tail -n 20 "$log" | sed 's/^/    /'
    fi
    cd "$source" || exit 1
done
echo "fresh: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
