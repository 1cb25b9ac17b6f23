#!/bin/sh
# A project that has the release from a tarball: sh bazel.sh TARBALL PROGRAM.c WORK, in the folder of this file. Without a
# network: what Bazel 4 would fetch for its own rules are the rules that it has built in.
set -eu
here=$(cd "$(dirname "$0")" && pwd) tarball=$1 program=$2 work=$3
name=$(basename "$tarball" .tar.gz)
mkdir -p "$work/project"

# rules REPOSITORY LANGUAGE RULE...: a repository that gives the built-in rules.
rules() {
    folder=$work/$1/$2
    mkdir -p "$folder"
    echo "workspace(name = \"$1\")" > "$work/$1/WORKSPACE"
    : > "$folder/BUILD"
    shift 2
    for rule; do echo "$rule = native.$rule"; done > "$folder/defs.bzl"
}
rules rules_cc cc cc_binary cc_library cc_toolchain cc_toolchain_suite
rules rules_java java java_binary java_import java_library java_package_configuration java_plugin java_runtime java_test \
    java_toolchain

cp "$here/bazel/BUILD.in" "$work/project/BUILD"
cp "$program" "$work/project/program.c"
cp "$program" "$work/project/program.cpp"
cat > "$work/project/WORKSPACE" <<END
load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
http_archive(
    name = "asm-session",
    sha256 = "$(sha256sum "$tarball" | cut -d ' ' -f 1)",
    strip_prefix = "$name",
    urls = ["file://$tarball"],
)
END
cd "$work/project"
bazel="bazel --output_user_root=$work/bazel"
status=0
$bazel build --override_repository=rules_cc="$work/rules_cc" --override_repository=rules_java="$work/rules_java" \
    //:in_c //:in_cxx && bazel-bin/in_c && bazel-bin/in_cxx || status=1
$bazel shutdown || :
chmod -R u+w "$work/bazel" # it takes the right to write from what it keeps
exit $status
