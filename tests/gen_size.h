/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTLPIPE_TESTS_GEN_SIZE_H
#define OTLPIPE_TESTS_GEN_SIZE_H

/* How large one item gets; a hint, with long strings an item is a little larger. */
enum gen_size {
	GEN_SMALL,   /* a few hundred bytes, nothing long */
	GEN_TYPICAL, /* about a kilobyte or two */
	GEN_LARGE,   /* up to about 150 KiB; strings of more than 16,383 bytes */
	GEN_MIXED    /* any of them: the default, and mostly typical */
};

#endif
