#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Doxygen makes the reference of the public headers without a warning, and warns of each kind of
# thing that is not documented. (Constants are check_api.py's: not each version sees them.)
#
# usage: check_reference.sh ROOT
set -eu
root=$1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/otlpipe-reference.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

"$root/scripts/docs.sh" "$root" "$scratch/out" >"$scratch/log" 2>&1 || {
	cat "$scratch/log"
	exit 1
}
[ -f "$scratch/out/html/index.html" ] || { echo 'no index.html was made' >&2; exit 1; }
for name in otlp_library_open otlp_attr_kvlist OTLP_ERR_FULL OTLP_RECORD_BYTES_MAX; do
	grep -rq "$name" "$scratch"/out/html/*_8h.html || { echo "$name is not in the reference" >&2; exit 1; }
done

# Each of these, behind a header that is good, has to be found.
count=0
while IFS= read -r bad; do
	{
		printf '/** @file\n * A header. */\n/** Good. */\nstruct otlp_good { int a; /**< It. */ };\n'
		printf '%b\n' "$bad"
	} >"$scratch/bad.h"
	if "$root/scripts/docs.sh" "$root" "$scratch/bad" "$scratch/bad.h" >"$scratch/log" 2>&1; then
		echo "no warning for: $bad" >&2
		exit 1
	fi
	count=$((count + 1))
done <<'CASES'
struct otlp_bad { int a; /**< It. */ };
/** It. */\nstruct otlp_bad { int a; };
enum otlp_bad { OTLP_BAD /**< It. */ };
int otlp_bad(void);
/** It.\n * @return 0 */\nint otlp_bad(int a);
/** It.\n * @param a  it */\nint otlp_bad(int a);
/** It, as otlp_none().\n * @param b  it\n * @return 0 */\nint otlp_bad(int a);
CASES
[ "$count" -eq 7 ]
echo "reference: without a warning, and $count undocumented things found"
