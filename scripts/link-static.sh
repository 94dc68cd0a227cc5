#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make a static library of one object whose hidden symbols are local, from archives.
# Usage: link-static.sh WORK_DIR OUTPUT OBJCOPY AR COMPILER… -- LINKER_ARGUMENT…
set -eu
work=$1
output=$2
objcopy=$3
ar=$4
shift 4
compiler=
while [ "$1" != -- ]; do
	# The driver may be several words (ccache gcc); options are not wanted here.
	compiler="${compiler:+$compiler }$1"
	shift
done
shift
mkdir -p "$work"
# shellcheck disable=SC2086 # the words of the compiler command
$compiler -r -nostdlib -o "$work/otlpipe.o" "$@"
"$objcopy" --localize-hidden "$work/otlpipe.o"
rm -f "$output"
"$ar" rcs "$output" "$work/otlpipe.o"
