#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Gives a build tree another prefix, where it has not this one: `make; make install PREFIX=…`.
# The tree is configured anew then, and what carries the prefix is made again.
#
# usage: set-prefix.sh BUILD PREFIX
set -eu
build=$1 prefix=$2
meson=${MESON:-meson}

has_prefix() { # is it the value of the build option "prefix"?
	"$meson" introspect --buildoptions "$build" |
		python3 -c 'import json, sys
found = {option["name"]: option["value"] for option in json.load(sys.stdin)}
sys.exit(found["prefix"] != sys.argv[1])' "$prefix"
}

has_prefix || "$meson" configure "$build" --prefix="$prefix"
