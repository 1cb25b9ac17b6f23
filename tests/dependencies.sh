#!/bin/sh
# Prints the flags to compile and link with a library (or the path of a tool):
#
#     cc $(sh tests/dependencies.sh cmocka) ...
#
# What is installed comes first, then what was fetched before, then the distribution's own package,
# unpacked into build/deps without touching the system. FETCH=no never fetches.
set -u

# name | pkg-config module | headers, any of them | linker flags | c, c++ or tool | Debian packages
# Packages that a release does not have are passed over: a compile probe has the last word.
table() {
    cat <<'END'
cmocka    | cmocka    | cmocka.h              | -lcmocka  | c   | libcmocka-dev libcmocka0
cjson     | libcjson  | cjson/cJSON.h         | -lcjson   | c   | libcjson-dev libcjson1
jansson   | jansson   | jansson.h             | -ljansson | c   | libjansson-dev libjansson4
json-c    | json-c    | json-c/json.h         | -ljson-c  | c   | libjson-c-dev libjson-c5
stb       | stb       | stb/stb_ds.h stb_ds.h |           | c   | libstb-dev
rapidjson | RapidJSON | rapidjson/document.h  |           | c++ | rapidjson-dev
simdjson  | simdjson  | simdjson.h            | -lsimdjson | c++ | libsimdjson-dev libsimdjson14 libsimdjson25
yyjson    | yyjson    | yyjson.h              | -lyyjson  | c   | libyyjson-dev libyyjson0
glib      | gobject-2.0 | glib-object.h       | -lgobject-2.0 -lglib-2.0 | c | libglib2.0-dev libglib2.0-0 libglib2.0-0t64 libpcre2-8-0 libffi8
sigc++    | sigc++-2.0  | sigc++/sigc++.h     | -lsigc-2.0               | c++ | libsigc++-2.0-dev libsigc++-2.0-0v5
vterm     | vterm     | vterm.h               | -lvterm   | c   | libvterm-dev libvterm0
curl      | libcurl   | curl/curl.h           | -lcurl    | c   | libcurl4-openssl-dev
microhttpd | libmicrohttpd | microhttpd.h     | -lmicrohttpd | c | libmicrohttpd-dev
nats      | libnats   | nats/nats.h           | -lnats    | c   | libnats-dev
websockets | libwebsockets | libwebsockets.h  | -lwebsockets | c | libwebsockets-dev
arm-none-eabi-gcc | | |  | tool | gcc-arm-none-eabi binutils-arm-none-eabi libnewlib-dev
END
}

die() { echo "tests/dependencies.sh: $*" >&2; exit 1; }

field() { echo "$row" | cut -d '|' -f "$1" | sed 's/^ *//; s/ *$//'; }

names=$(table | cut -d ' ' -f 1 | tr '\n' ' ')
[ $# -eq 1 ] || die "usage: sh tests/dependencies.sh NAME, with NAME one of: $names"
name=$1
row=$(table | grep "^$name *|") || die "unknown name '$name', known are: $names"
module=$(field 2) headers=$(field 3) link=$(field 4) kind=$(field 5) packages=$(field 6)

# Paths from here on are relative, as the way to this folder may have blanks: what is linked runs from here.
cd "$(dirname "$0")/.." || exit 1
deps=${BUILD:-build}/deps
home=$deps/$name
lock=$deps/lock
locked=
scratch=$(mktemp -d) || exit 1
cleanup() {
    rm -rf "$scratch"
    [ -z "$locked" ] || rm -rf "$lock" "$home.new"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# probe FLAGS: does a program with one of the headers compile, link and so have all it needs?
probe() {
    case $kind in
        c++) source=$scratch/probe.cc compiler=${CXX:-c++} ;;
        *) source=$scratch/probe.c compiler=${CC:-cc} ;;
    esac
    for header in $headers; do
        { printf '#include <%s>\n' stdarg.h stddef.h stdint.h setjmp.h "$header"
          echo 'int main(void) { return 0; }'; } > "$source"
        # shellcheck disable=SC2086  # both are lists of words
        $compiler "$source" $1 -o "$scratch/probe" >/dev/null 2>&1 && return 0
    done
    return 1
}

# found FLAGS-OR-PATH: prints it and succeeds if it works.
found() {
    case $kind in
        tool) "$1" --version >/dev/null 2>&1 || return 1 ;;
        *) probe "$1" || return 1 ;;
    esac
    echo "$1"
}

find_installed() {
    [ "$kind" != tool ] || { found "$name"; return; }
    found "$link" && return
    flags=$(pkg-config --cflags --libs "$module" 2>/dev/null | sed 's/\(^\| \)-I/\1-isystem /g')
    [ -n "$flags" ] && found "$flags"
}

# find_fetched DIR: the same for a package unpacked in DIR.
find_fetched() {
    [ -d "$1" ] || return 1
    [ "$kind" != tool ] || { found "$1/usr/bin/$name"; return; }
    flags="-isystem $1/usr/include"
    for dir in "$1"/usr/include/*-linux-* "$1"/usr/include/*-2.0 "$1"/usr/lib/*-linux-*/*-2.0/include; do
        [ ! -d "$dir" ] || flags="$flags -isystem $dir"
    done
    for dir in "$1"/usr/lib "$1"/usr/lib/*-linux-* "$1"/lib/*-linux-*; do
        [ -z "$link" ] || [ ! -d "$dir" ] || flags="$flags -L$dir -Wl,-rpath,$dir"
    done
    found "$flags${link:+ $link}"
}

take_lock() {
    waited=0
    until mkdir "$lock" 2>/dev/null; do
        owner=$(cat "$lock/pid" 2>/dev/null)
        # Left behind by a run that was killed.
        [ -z "$owner" ] || kill -0 "$owner" 2>/dev/null || rm -rf "$lock"
        waited=$((waited + 1))
        [ "$waited" -lt 600 ] || die "waited too long for another run; if there is none: rm -r $deps/lock"
        sleep 1
    done
    locked=yes
    echo $$ > "$lock/pid"
}

# unpack APT-OPTION...: downloads the packages and unpacks them into $home.new.
unpack() {
    rm -rf "$home.new"
    mkdir -p "$home.new" || return
    for package in $packages; do
        (cd "$scratch" && apt-get -o APT::Sandbox::User=root "$@" download "$package")
    done >> "$deps/fetch.log" 2>&1
    for archive in "$scratch"/*.deb; do
        [ ! -f "$archive" ] || dpkg-deb -x "$archive" "$home.new"
        rm -f "$archive"
    done >> "$deps/fetch.log" 2>&1
    find_fetched "$home.new" >/dev/null
}

# A package index of our own, for machines whose index is empty, old or not ours to refresh.
unpack_with_own_index() {
    mkdir -p "$scratch/apt/state/lists/partial" "$scratch/apt/cache/archives/partial"
    set -- -o Dir::State="$scratch/apt/state" -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::Cache="$scratch/apt/cache" -o Acquire::Languages=none \
        -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20
    apt-get -o APT::Sandbox::User=root "$@" update >> "$deps/fetch.log" 2>&1
    unpack "$@"
}

find_installed && exit
find_fetched "$home" && exit

hint=$(sh tests/hint.sh "$name")
[ "${FETCH:-yes}" != no ] || die "$hint"
{ command -v apt-get && command -v dpkg-deb; } >/dev/null || die "$hint"
mkdir -p "$deps" || die "cannot write into $deps; $hint"

take_lock
find_fetched "$home" && exit
echo "fetching ${packages%% *} into $deps" >&2
unpack || unpack_with_own_index || die "$hint (fetching it failed, see $deps/fetch.log)"
rm -rf "$home"
mv "$home.new" "$home"
find_fetched "$home"
