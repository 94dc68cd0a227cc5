/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <otlpipe/version.h>: the version of these headers. It stands here and nowhere else: the two
 * meson.build read it, and the library, the pkg-config file and the wheel get it from them.
 */
#ifndef OTLPIPE_VERSION_H
#define OTLPIPE_VERSION_H

#define OTLP_VERSION_MAJOR 0
#define OTLP_VERSION_MINOR 2
#define OTLP_VERSION_PATCH 0

#endif
