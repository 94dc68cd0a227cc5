/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The version of these headers; otlp_version() tells that of the library that was loaded.
 *
 * It stands here and nowhere else: the two meson.build read it, and the library, the pkg-config
 * file, the programs and the wheel get it from them.
 */
#ifndef OTLPIPE_VERSION_H
#define OTLPIPE_VERSION_H

/** While it is 0, a new minor version may break programs: CHANGELOG.md tells how. */
#define OTLP_VERSION_MAJOR 0
/** From 1.0 on a new minor version adds, and breaks nothing. */
#define OTLP_VERSION_MINOR 2
/** A new patch version mends. */
#define OTLP_VERSION_PATCH 0

#endif
