#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the built tree into a staging folder, then builds and runs a program outside the tree
# with what pkg-config says about it: C99 and C++17, the shared and the static library. So is each
# program in C that the README shows.
#
# usage: test_install.sh MESON BUILD_DIR SOURCE README CC [CXX]     without a C++ compiler, C alone
set -euo pipefail

meson=$1 build=$2 source=$3 readme=$4 cc=$5 cxx=${6:-}

# Outside the tree, and gone at the end. No space in the name: pkgconf 1.8 doubles such a sysroot.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/otlpipe-install.XXXXXX")
runtimes=$(mktemp -d /dev/shm/otlpipe-test-XXXXXX)
trap 'rm -rf "$scratch" "$runtimes"' EXIT
stage=$scratch/stage
project=$scratch/project
mkdir "$project"
cp "$source" "$project/stranger.c"
cp "$source" "$project/stranger.cc"

DESTDIR=$stage "$meson" install -C "$build" --no-rebuild --quiet

pc=$(find "$stage" -name otlpipe.pc)
[[ -n $pc ]] || { echo 'no otlpipe.pc was installed' >&2; exit 1; }
for program in otlpipe otlpipe-writer; do
	[[ -n $(find "$stage" -path "*/bin/$program" -perm -u+x) ]] ||
		{ echo "$program was not installed" >&2; exit 1; }
done

# Only what was installed counts.
export PKG_CONFIG_LIBDIR=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$stage
unset PKG_CONFIG_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH LD_LIBRARY_PATH
pkg-config --validate otlpipe
version=$(sed -n 's/^#define OTLP_VERSION_[A-Z]* //p' "$(find "$stage" -name version.h)" | paste -sd.)
[[ $(pkg-config --modversion otlpipe) == "$version" ]] ||
	{ echo "otlpipe.pc is of another version than the headers, $version" >&2; exit 1; }
lib=$stage$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=libdir otlpipe)
[[ -d $lib ]] || { echo "libdir of otlpipe.pc is not there: $lib" >&2; exit 1; }

# Nothing of the build or source tree may be named in what others use.
if grep -nF "$build" "$pc"; then
	echo 'otlpipe.pc names the build tree' >&2
	exit 1
fi

cd "$project"
build_and_run() { # name, linkage, what it says, compiler…
	local name=$1 linkage=$2 expected=$3 flags
	shift 3
	flags=$(pkg-config --cflags --libs ${linkage:+--static} otlpipe)
	if [[ $linkage == static ]]; then
		flags=${flags/-lotlpipe/-l:libotlpipe.a}
	fi
	# The flags are shell words with their own escapes.
	eval '"$@" -Wall -Wextra -Werror -pedantic -o "$name" '"$flags"

	local dynamic linked=static
	dynamic=$(LC_ALL=C readelf -dW "$name")
	[[ $dynamic == *NEEDED*libotlpipe* ]] && linked=''
	if [[ $linked != "$linkage" ]]; then
		echo "$name: linked the wrong library" >&2
		exit 1
	fi

	local library_path=
	[[ $linkage == static ]] || library_path=$lib
	local runtime
	runtime=$(mktemp -d "$runtimes/run.XXXXXX")
	env OTLPIPE_DIR="$runtime" LD_LIBRARY_PATH="$library_path" "./$name" >"$name.out" ||
		{ echo "$name: exit $?" >&2; exit 1; }
	[[ $(<"$name.out") == "$expected" ]] || { echo "$name: said $(<"$name.out")" >&2; exit 1; }
	echo "$name: ok"
}

build_and_run c99-shared "" 'accepted 1' "$cc" -std=c99 stranger.c
build_and_run c99-static static 'accepted 1' "$cc" -std=c99 stranger.c
if [[ -n $cxx ]]; then
	build_and_run c++17-shared "" 'accepted 1' "$cxx" -std=c++17 stranger.cc
	build_and_run c++17-static static 'accepted 1' "$cxx" -std=c++17 stranger.cc
fi

# What stands between ```c and ```, each in a file of its own.
awk '/^```c$/ { file = "readme" ++count ".c"; next } /^```/ { file = "" } file { print >file }' "$readme"
[[ -f readme1.c ]] || { echo "$readme shows no C" >&2; exit 1; }
for program in readme*.c; do
	build_and_run "${program%.c}" "" "" "$cc" -std=c11 "$program"
done
