/* SPDX-License-Identifier: Apache-2.0 */
/* Which way to the disk, and how much may be on it: for struct io and for what is below it. */
#ifndef OTLPIPE_WRITER_IO_IO_MODE_H
#define OTLPIPE_WRITER_IO_IO_MODE_H

#define IO_FILE_SLOTS	   8u /* files known at one time */
#define IO_FILE_WRITES_MAX 4u /* in flight for one file */
#define IO_FILE_FSYNCS_MAX 1u
#define IO_OPS_MAX	   32u /* in flight for all files */

enum io_mode {
	IO_AUTO,   /* io_uring if the kernel lets us, else pwrite */
	IO_URING,  /* io_uring or an error */
	IO_PWRITE, /* each operation is done when it is started */
};

#endif
