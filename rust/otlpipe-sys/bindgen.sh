#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make src/bindings.rs of the public headers, with the command `bindgen` (cargo install bindgen-cli).
# usage: bindgen.sh OUTPUT
set -eu
here=$(dirname "$0")
exec bindgen "$here/vendor/core/include/otlpipe/otlpipe.h" \
	--output "$1" \
	--raw-line '// SPDX-License-Identifier: Apache-2.0' \
	--raw-line '// Made by bindgen.sh; tests/ compares it with the headers.' \
	--disable-header-comment \
	--no-doc-comments \
	--allowlist-item 'otlp_.*' \
	--allowlist-item 'OTLP_.*' \
	--default-enum-style consts \
	--no-prepend-enum-name \
	--use-core \
	--with-derive-default \
	--rust-target 1.78 \
	--rust-edition 2021 \
	--formatter rustfmt \
	-- -I "$here/vendor/core/include"
