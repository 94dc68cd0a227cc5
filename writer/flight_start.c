/* SPDX-License-Identifier: Apache-2.0 */
/* What the spool remembers is a file of one line: the output directory's id, and its path. */
#include "writer/flight_start.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/array.h"
#include "base/log.h"
#include "base/mode.h"
#include "base/units.h"
#include "writer/deep.h"
#include "writer/file/claimfile.h"
#include "writer/file/manifest_store.h"
#include "writer/file/spool.h"
#include "writer/flight.h"
#include "writer/snapshot.h"

#define SPOOL_LOCK_WAIT_NS  INT64_C(1000000000)
#define SPOOL_OUTPUT	    "output"
#define SPOOL_OUTPUT_NEW    SPOOL_OUTPUT ".tmp"
#define SPOOL_MODE	    0700
#define SPOOL_MAKE_TRIES    16u
#define SPOOL_OUTPUT_FORMAT "%016" PRIx64 " "

void flight_start_path(const struct writer *writer, char ret[FLIGHT_PATH_BYTES])
{
	snprintf(ret, FLIGHT_PATH_BYTES, "%s/%s", writer->path, SPOOL_NAME);
}

/* ---- opening ---- */

/* In a group directory a member may have put something there. */
static int spool_make(struct writer *writer)
{
	unsigned tries;

	for (tries = 0; tries < SPOOL_MAKE_TRIES; tries++) {
		if (mkdirat(writer->dir.fd, SPOOL_NAME, SPOOL_MODE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
		if (!writer->dir.group || !runtime_is_foreign(&writer->dir, SPOOL_NAME))
			return 0;
		(void)runtime_displace(&writer->dir, SPOOL_NAME);
	}
	return -EBUSY;
}

static int spool_check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
		return -EPERM;
	/* What is not on the disk is for nobody else. The umask took nothing that counts. */
	return (st.st_mode & 0777) == SPOOL_MODE ? 0 : mode_set(fd, SPOOL_MODE);
}

int flight_start_open(struct writer *writer, bool create, struct outdir *ret)
{
	char path[FLIGHT_PATH_BYTES];
	struct stat st;
	int rc = 0;

	flight_start_path(writer, path);
	if (create)
		rc = spool_make(writer);
	else if (fstatat(writer->dir.fd, SPOOL_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	else if (writer->dir.group && runtime_is_foreign(&writer->dir, SPOOL_NAME))
		return -ENOENT;
	if (rc == 0)
		rc = outdir_open(ret, path, false, SPOOL_LOCK_WAIT_NS);
	if (rc == 0) {
		rc = spool_check(ret->fd);
		if (rc < 0)
			outdir_close(ret);
	}
	if (rc < 0)
		log_line("%.700s, where a flight recorder holds its records: %s", path,
			 rc == -EBUSY	? "another writer has it"
			 : rc == -EPERM ? "it is somebody else's, or everybody may write there"
					: strerror(-rc));
	return rc == -ENOENT ? -ENOTDIR : rc;
}

/* ---- which output directory it had ---- */

struct remembered {
	uint64_t id;
	char path[STATUS_OUTPUT_BYTES];
};

static bool read_remembered(const struct outdir *held, struct remembered *ret)
{
	int fd = openat(held->fd, SPOOL_OUTPUT, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[STATUS_OUTPUT_BYTES + 32];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 18 || (size_t)n - 18 >= sizeof(ret->path) || text[n - 1] != '\n')
		return false;
	text[n - 1] = '\0';
	ret->id = strtoull(text, NULL, 16);
	memcpy(ret->path, text + 17, (size_t)n - 17);
	return ret->path[0] == '/';
}

static int write_remembered(const struct outdir *held, const struct outdir *disk, const char *path)
{
	char text[STATUS_OUTPUT_BYTES + 32];
	int length =
		snprintf(text, sizeof(text), SPOOL_OUTPUT_FORMAT "%s\n", disk->identity.id, path);
	int fd, rc = 0;

	if (length < 0 || (size_t)length >= sizeof(text))
		return -ENAMETOOLONG;
	fd = openat(held->fd, SPOOL_OUTPUT_NEW,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode_of_file());
	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)length) != (ssize_t)length)
		rc = -ENOSPC;
	close(fd);
	if (rc == 0 && renameat(held->fd, SPOOL_OUTPUT_NEW, held->fd, SPOOL_OUTPUT) < 0)
		rc = -errno;
	return rc;
}

static int settle_with(const struct outdir *held, const struct outdir *disk)
{
	struct spool spool;
	int rc = spool_open(&spool, held->fd, held->manifest, disk->fd, disk->manifest);

	if (rc == 0)
		spool_close(&spool);
	return rc;
}

/* Snapshots went into another directory before: its copies are settled there. */
static int settle_other(const struct outdir *held, const struct outdir *disk,
			const struct remembered *before, const char *absolute)
{
	struct outdir other;
	int rc = outdir_open(&other, before->path, false, SPOOL_LOCK_WAIT_NS);

	if (rc == 0 && other.identity.id != before->id) {
		outdir_close(&other);
		rc = -ENOENT;
	}
	if (rc < 0) {
		log_line("%.700s, where snapshots went before, cannot be opened (%s): if the last "
			 "writer was killed in a snapshot, one file of it is there and here",
			 before->path, rc == -ENOENT ? "it is gone" : strerror(-rc));
	} else {
		rc = settle_with(held, &other);
		if (rc == 0)
			manifest_enter_elsewhere(other.manifest, false, absolute);
		outdir_close(&other);
		if (rc < 0)
			return rc;
	}
	manifest_enter_elsewhere(disk->manifest, true, before->path);
	return 0;
}

int flight_start_settle(const struct outdir *held, const struct outdir *disk, const char *absolute)
{
	struct remembered before;
	int rc = 0;

	if (read_remembered(held, &before) && before.id != disk->identity.id)
		rc = settle_other(held, disk, &before, absolute);
	if (rc == 0)
		rc = settle_with(held, disk);
	if (rc == 0) {
		rc = write_remembered(held, disk, absolute);
		if (rc < 0)
			log_line("%s/%s cannot be written: %s", SPOOL_NAME, SPOOL_OUTPUT,
				 strerror(-rc));
	}
	return rc;
}

/* ---- a writer that writes all ---- */

/* What is empty by now; whatever else somebody put there keeps the directory. */
static void spool_remove(const struct writer *writer, const struct outdir *held)
{
	static const char *const names[] = {SPOOL_OUTPUT,   SPOOL_OUTPUT_NEW, MANIFEST_NEW,
					    SNAPSHOT_ASKED, MANIFEST_NAME,    CLAIMFILE_NAME,
					    OUTDIR_LOCK};
	enum otlp_signal signal;
	size_t i;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		spool_remove_signal(held->fd, signal);
	for (i = 0; i < COUNT_OF(names); i++)
		(void)unlinkat(held->fd, names[i], 0);
	if (unlinkat(writer->dir.fd, SPOOL_NAME, AT_REMOVEDIR) < 0)
		log_line("%s in %s cannot be removed: %s", SPOOL_NAME, writer->path,
			 strerror(errno));
}

int flight_start_take_over(struct writer *writer, struct outdir *held)
{
	struct spool_counts counts = {0};
	uint64_t items = 0;
	enum otlp_signal signal;
	struct spool spool;
	int rc = spool_open(&spool, held->fd, held->manifest, writer->outdir.fd,
			    writer->outdir.manifest);

	if (rc < 0)
		return rc;
	rc = spool_move_all(&spool, &counts);
	spool_close(&spool);
	if (rc < 0) {
		log_line("what a flight recorder holds in %s/%s cannot be written into %s: %s; it "
			 "comes before what is newer, so there has to be room for it first",
			 writer->path, SPOOL_NAME, writer->options->output, strerror(-rc));
		return rc;
	}
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		items += counts.items[signal];
	log_line("%llu records that a flight recorder held are in %llu files now",
		 (unsigned long long)items, (unsigned long long)counts.files);
	spool_remove(writer, held);
	return 0;
}

/* ---- a flight recorder ---- */

static void say_plan(const struct writer *writer, const struct flight_plan *plan)
{
	char age[UNITS_TEXT_BYTES] = "";
	struct statfs fs;

	if (fstatfs(writer->outdir.fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC &&
	    fs.f_type != RAMFS_MAGIC)
		log_line("the runtime directory %s is on no tmpfs: what the flight recorder holds "
			 "is written to its disk",
			 writer->path);
	log_line("flight recorder: it holds %s%s%.1f MiB at most; `otlpipe snapshot` or SIGUSR1 "
		 "writes that into %s",
		 plan->keep_ns != 0 ? units_format_duration(plan->keep_ns, age) : "",
		 plan->keep_ns != 0 ? " of records, " : "", (double)plan->keep_bytes / (1 << 20),
		 writer->options->output);
}

int flight_start(struct writer *writer)
{
	struct status_flight *status = &writer->status.page->flight;
	struct flight_plan plan;
	int rc;

	flight_plan(&plan, writer->options, writer->outdir.fd);
	rc = flight_open(&writer->flight, &plan, &writer->outdir, &writer->disk, writer->disk_path,
			 deep_cancel);
	if (rc < 0)
		return rc;
	status->is_on = 1;
	snprintf(status->output, sizeof(status->output), "%s", writer->disk_path);
	flight_show(writer->flight, writer->status.page);
	snapshot_start(writer);
	say_plan(writer, &plan);
	return 0;
}
