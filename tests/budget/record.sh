#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Records what the tree costs now as its budget: tests/budget/budget.txt. Look at the difference
# before you commit it. Builds in a folder of its own, as make test's plain configuration does.
#
# usage: record.sh [BUILD]     an existing release build instead
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=${1:-build-test/budget}
[[ -f $build/build.ninja ]] || CC=${CC:-gcc} meson setup "$build" -Dbench=disabled >/dev/null
ninja -C "$build" tests/budget/subjects >/dev/null
version=$("${CC:-gcc}" -dumpversion)
compiler=gcc-${version%%.*}-$(uname -m)
/usr/bin/python3 -B tests/budget/check_budget.py "$build/tests/budget/subjects" \
	tests/budget/budget.txt "$compiler" release --record
cat tests/budget/budget.txt
