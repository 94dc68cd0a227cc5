#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every benchmark, one table. See scripts/bench.py for what else it takes.
#
# usage: bench.sh BUILD [--only PART,…] [--repetitions N] [--no-docs]
set -euo pipefail
exec /usr/bin/python3 -B "$(dirname "${BASH_SOURCE[0]}")/bench.py" "$@"
