#!/bin/sh
# Prints in one line what to do about a tool or library that is not there: sh tests/hint.sh NAME
set -u

# name | apt-get | dnf | brew | apk | pacman | home page
table() {
    cat <<'END'
compiler     | gcc libc6-dev | gcc               | gcc          | gcc musl-dev       | gcc          | https://gcc.gnu.org
make         | make          | make              | make         | make               | make         | https://www.gnu.org/software/make
c++          | g++           | gcc-c++           | gcc          | g++                | gcc          | https://gcc.gnu.org
cmocka       | libcmocka-dev | libcmocka-devel   | cmocka       | cmocka-dev         | cmocka       | https://cmocka.org
stb          | libstb-dev    | stb-devel         |              |                    |              | https://github.com/nothings/stb
clang        | clang         | clang             | llvm         | clang compiler-rt  | clang        | https://llvm.org
clang-format | clang-format  | clang-tools-extra | clang-format | clang-extra-tools  | clang        | https://llvm.org
clang-tidy   | clang-tidy    | clang-tools-extra | llvm         | clang-extra-tools  | clang        | https://llvm.org
cppcheck     | cppcheck      | cppcheck          | cppcheck     | cppcheck           | cppcheck     | https://cppcheck.sourceforge.io
valgrind     | valgrind      | valgrind          | valgrind     | valgrind           | valgrind     | https://valgrind.org
cmake        | cmake         | cmake             | cmake        | cmake              | cmake        | https://cmake.org
meson        | meson         | meson             | meson        | meson              | meson        | https://mesonbuild.com
ninja        | ninja-build   | ninja-build       | ninja        | ninja              | ninja        | https://ninja-build.org
pkg-config   | pkg-config    | pkgconf-pkg-config | pkgconf     | pkgconf            | pkgconf      | https://www.freedesktop.org/wiki/Software/pkg-config
debootstrap  | debootstrap   | debootstrap       |              | debootstrap        | debootstrap  | https://wiki.debian.org/Debootstrap
reuse        | reuse         | reuse             | reuse        |                    | reuse        | https://reuse.software
luajit       | luajit        | luajit            | luajit       | luajit             | luajit       | https://luajit.org
python3      | python3       | python3           | python       | python3            | python       | https://www.python.org
ruby         | ruby          | ruby              | ruby         | ruby               | ruby         | https://www.ruby-lang.org
nix-instantiate | nix-bin    |                   |              | nix                | nix          | https://nixos.org
nix          | nix-bin       |                   |              | nix                | nix          | https://nixos.org
bazel        | bazel-bootstrap |                 | bazelisk     |                    | bazel        | https://bazel.build
dpkg-buildpackage | dpkg-dev debhelper | dpkg-dev debhelper | dpkg  | dpkg-dev debhelper | dpkg         | https://www.debian.org
lintian      | lintian       |                   |              |                    |              | https://lintian.debian.org
bash         | bash          | bash              | bash         | bash               | bash         | https://www.gnu.org/software/bash
zsh          | zsh           | zsh               | zsh          | zsh                | zsh          | https://www.zsh.org
fish         | fish          | fish              | fish         | fish               | fish         | https://fishshell.com
mandoc       | mandoc        | mandoc            | mandoc       | mandoc             | mandoc       | https://mandoc.bsd.lv
git          | git           | git               | git          | git                | git          | https://git-scm.com
gcov         | gcc           | gcc               | gcc          | gcc                | gcc          | https://gcc.gnu.org
openssl      | openssl       | openssl           | openssl      | openssl            | openssl      | https://www.openssl.org
tmux         | tmux          | tmux              | tmux         | tmux               | tmux         | https://github.com/tmux/tmux
vterm        | libvterm-dev  | libvterm-devel    | libvterm     | libvterm-dev       | libvterm     | https://www.leonerd.org.uk/code/libvterm
curl         | libcurl4-openssl-dev | libcurl-devel | curl     | curl-dev           | curl         | https://curl.se
node         | nodejs        | nodejs            | node         | nodejs             | nodejs       | https://nodejs.org
npm          | npm           | nodejs-npm        | node         | npm                | npm          | https://www.npmjs.com
chromium     | chromium      | chromium          | --cask chromium | chromium        | chromium     | https://www.chromium.org
microhttpd   | libmicrohttpd-dev | libmicrohttpd-devel | libmicrohttpd | libmicrohttpd-dev | libmicrohttpd | https://www.gnu.org/software/libmicrohttpd
nats-server  | nats-server   | nats-server       | nats-server  | nats-server        | nats-server  | https://nats.io
mosquitto    | mosquitto-clients | mosquitto     | mosquitto    | mosquitto-clients  | mosquitto    | https://mosquitto.org
nats         | libnats-dev   | cnats-devel       | cnats        |                    |              | https://nats.io
websockets   | libwebsockets-dev | libwebsockets-devel | libwebsockets | libwebsockets-dev | libwebsockets | https://libwebsockets.org
cjson        | libcjson-dev  | cjson-devel       | cjson        | cjson-dev          | cjson        | https://github.com/DaveGamble/cJSON
jansson      | libjansson-dev | jansson-devel    | jansson      | jansson-dev        | jansson      | https://github.com/akheron/jansson
json-c       | libjson-c-dev | json-c-devel      | json-c       | json-c-dev         | json-c       | https://github.com/json-c/json-c
rapidjson    | rapidjson-dev | rapidjson-devel   | rapidjson    | rapidjson-dev      | rapidjson    | https://rapidjson.org
simdjson     | libsimdjson-dev | simdjson-devel  | simdjson     | simdjson-dev       | simdjson     | https://simdjson.org
yyjson       | libyyjson-dev | yyjson-devel      | yyjson       | yyjson-dev         | yyjson       | https://github.com/ibireme/yyjson
glib         | libglib2.0-dev | glib2-devel      | glib         | glib-dev           | glib2        | https://docs.gtk.org/glib
sigc++       | libsigc++-2.0-dev | libsigc++20-devel | libsigc++@2 | libsigc++-dev    | libsigc++    | https://libsigcplusplus.github.io
aarch64-linux-gnu-gcc | gcc-aarch64-linux-gnu libc6-dev-arm64-cross | gcc-aarch64-linux-gnu | | | aarch64-linux-gnu-gcc | https://gcc.gnu.org
qemu-aarch64 | qemu-user     | qemu-user         |              | qemu-aarch64       | qemu-user    | https://www.qemu.org
arm-none-eabi-gcc | gcc-arm-none-eabi libnewlib-dev | arm-none-eabi-gcc-cs arm-none-eabi-newlib | arm-none-eabi-gcc | gcc-arm-none-eabi newlib-arm-none-eabi | arm-none-eabi-gcc arm-none-eabi-newlib | https://developer.arm.com
END
}

name=${1:?sh tests/hint.sh NAME}
row=$(table | grep "^$name  *|") || { echo "$name is not installed"; exit; }
column=1
for manager in 'apt-get install' 'dnf install' 'brew install' 'apk add' 'pacman -S'; do
    column=$((column + 1))
    packages=$(echo "$row" | cut -d '|' -f "$column" | sed 's/^ *//; s/ *$//')
    if [ -n "$packages" ] && command -v "${manager%% *}" > /dev/null 2>&1; then
        echo "$name is not installed: $manager $packages"
        exit
    fi
done
echo "$name is not installed: see ${row##*| }"
