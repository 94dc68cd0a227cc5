#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the HTML reference of the public headers with Doxygen. A warning is an error.
#
# usage: docs.sh ROOT OUTPUT_DIR [INPUT…]     INPUT instead of the tree's own, for the test
set -eu
root=$1
output=$2
shift 2

mkdir -p "$output"
cd "$root"
version=$(sed -n 's/^#define OTLP_VERSION_[A-Z]* //p' core/include/otlpipe/version.h | paste -sd.)
{
	cat docs/Doxyfile
	printf 'PROJECT_NUMBER = %s\nOUTPUT_DIRECTORY = "%s"\n' "$version" "$output"
	printf 'WARN_AS_ERROR = FAIL_ON_WARNINGS\n'
	[ $# -eq 0 ] || {
		printf 'USE_MDFILE_AS_MAINPAGE =\nINPUT ='
		printf ' "%s"' "$@"
		printf '\n'
	}
} | doxygen -
