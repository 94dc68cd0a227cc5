/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the directory that the last writer wrote to. Its path is not enough: after a rename, a
 * removal or an unmount there may be a new directory with the same path. Then the records in the
 * open files of the old one would be taken for records that are only in the rings, and be written
 * twice.
 */
#include "writer/start_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "shm/atomic.h"
#include "writer/file/rescue.h"
#include "writer/file/spool.h"
#include "writer/flight_start.h"
#include "writer/recover.h"

#define OUTPUT_LOCK_WAIT_NS INT64_C(1000000000)

/* What the last writer remembered. A copy: it may change while we look. */
struct previous {
	char path[STATUS_OUTPUT_BYTES]; /* empty: nothing */
	struct status_memory memory;
};

enum previous_state {
	PREVIOUS_IS_NONE,  /* or it is where we write */
	PREVIOUS_IS_OTHER, /* to be recovered before ours */
	PREVIOUS_IS_LOST   /* and can be done without, or the user said so */
};

static void previous_read(const struct writer *writer, struct previous *ret)
{
	memcpy(ret->path, writer->status.page->output, sizeof(ret->path));
	ret->path[sizeof(ret->path) - 1] = '\0';
	ret->memory = writer->status.page->memory;
}

/* Is it the directory that was remembered? A writer of another version remembered a path alone. */
static bool previous_is(const struct previous *previous, const struct outdir_identity *found)
{
	const struct outdir_identity remembered = {.id = previous->memory.output_id,
						   .dev = previous->memory.output_dev,
						   .ino = previous->memory.output_ino};

	return outdir_is_same(&remembered, found);
}

/* No region is there, of whatever kind, and no batches that were kept from a failed file. */
static bool rings_hold_nothing(const struct writer *writer)
{
	const struct regions *regions = &writer->regions;
	enum otlp_signal signal;

	if (regions->count > 0 || regions->waiting > 0 || regions->broken_count > 0)
		return false;
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		int fd = rescue_find(&writer->dir, signal);

		if (fd >= 0)
			close(fd);
		if (fd != -ENOENT)
			return false;
	}
	return true;
}

/* The spool of a flight recorder in this runtime directory. */
static bool previous_is_spool(const struct writer *writer, const struct previous *previous)
{
	char spool[FLIGHT_PATH_BYTES], *runtime = realpath(writer->path, NULL);
	bool is_same = false;

	if (runtime != NULL && strlen(runtime) < RUNTIME_PATH_BYTES_MAX) {
		snprintf(spool, sizeof(spool), "%s/%s", runtime, SPOOL_NAME);
		is_same = strcmp(spool, previous->path) == 0;
	}
	free(runtime);
	return is_same;
}

/*
 * It is not there. Where the rings know all that is in it, it can be done without. Else nobody can
 * say here which of the records that the rings still hold are in its files, so the user has to.
 */
static int previous_is_lost(const struct writer *writer, const struct previous *previous,
			    const char *what)
{
	/* Memory that was here and is not: it does not come back, so nothing can be there twice. */
	if (previous_is_spool(writer, previous)) {
		log_line("%.700s, where a flight recorder held its records, %s: somebody has "
			 "removed it, and what was in files there is lost; what the rings still "
			 "hold is not",
			 previous->path, what);
		return 0;
	}
	if (previous->memory.unsettled == 0 || rings_hold_nothing(writer)) {
		log_line("%.700s, where the last writer wrote, %s; nothing that the rings hold is "
			 "in files there",
			 previous->path, what);
		return 0;
	}
	if (writer->options->rewrites_lost_output) {
		log_line(
			"%.700s, where the last writer wrote, %s; what the rings still hold is "
			"written again; if that directory comes back, some records are there twice",
			previous->path, what);
		return 0;
	}
	log_line(
		"%.700s, where the last writer wrote, %s. That writer was killed, and some of what "
		"the rings hold is already in files there. Bring that directory back; or, if it "
		"is lost, start with --lost-output=rewrite",
		previous->path, what);
	return -ESTALE;
}

/* @return 0, or negative and a line was said */
static int previous_find(const struct writer *writer, const struct previous *previous,
			 const char *target, enum previous_state *ret)
{
	const bool has_identity = previous->memory.output_ino != 0;
	struct outdir_identity found;
	int rc;

	if (previous->path[0] == '\0')
		return 0;
	/* It may have been moved to where we write, under another name. */
	if (has_identity && outdir_look(target, &found) == 0 && previous_is(previous, &found))
		return 0;
	rc = outdir_look(previous->path, &found);
	if (rc < 0 && rc != -ENOENT) {
		log_line("%.700s, where the last writer wrote, must be recovered first: %s",
			 previous->path, strerror(-rc));
		return rc;
	}
	if (rc == 0 && (!has_identity || previous_is(previous, &found))) {
		*ret = PREVIOUS_IS_OTHER;
		return 0;
	}
	*ret = PREVIOUS_IS_LOST;
	return previous_is_lost(writer, previous, rc < 0 ? "is gone" : "is another directory now");
}

static int output_recover(struct writer *writer, const struct outdir *outdir, const char *path)
{
	struct regions *regions = &writer->regions;
	struct recover_report report;
	int rc;

	regions->claims.file_runtime_id = outdir->identity.runtime_id;
	rc = recover_output(outdir->fd, outdir->manifest, regions, &report);
	if (rc < 0)
		log_line("%s: recovery failed: %s", path, strerror(-rc));
	else if (report.files > 0)
		log_line("%s: recovered %u files of an earlier writer, %llu batches in %llu bytes",
			 path, report.files, (unsigned long long)report.batches,
			 (unsigned long long)report.bytes);
	return rc;
}

/* The output directories that are open: what is written for good, and the spool, if there is one.
 */
struct outputs {
	struct outdir *disk;
	struct outdir *held;  /* NULL: there is none */
	const char *absolute; /* the path of disk */
};

/*
 * Both manifests get to know it: what the one lacks from now on, and the other from before, is no
 * loss.
 */
static int previous_recover(struct writer *writer, const struct previous *previous,
			    const struct outputs *outputs)
{
	struct outdir_identity found;
	struct outdir outdir;
	int rc = outdir_look(previous->path, &found);

	/* Ours, by another path; or the other one that is open, and is recovered behind this. */
	if (rc == 0 &&
	    (outdir_is_same(&found, &outputs->disk->identity) ||
	     (outputs->held != NULL && outdir_is_same(&found, &outputs->held->identity))))
		return 0;
	if (rc == 0)
		rc = outdir_open(&outdir, previous->path, false, OUTPUT_LOCK_WAIT_NS);
	if (rc < 0) {
		log_line("%.700s, where the last writer wrote, must be recovered first: %s",
			 previous->path, rc == -EBUSY ? "another writer has it" : strerror(-rc));
		return rc;
	}
	rc = output_recover(writer, &outdir, previous->path);
	if (rc == 0) {
		regions_have_recovered(&writer->regions, outdir.identity.id);
		manifest_enter_elsewhere(outdir.manifest, false, outputs->absolute);
		manifest_enter_elsewhere(outputs->disk->manifest, true, previous->path);
	}
	outdir_close(&outdir);
	return rc;
}

/* From now on it is ours that the next writer recovers first. */
static int output_remember(struct writer *writer, const char *absolute)
{
	struct status_page *page = writer->status.page;
	struct status_memory *memory = &page->memory;
	int rc = outdir_adopt(&writer->outdir, memory->runtime_id);

	if (rc < 0) {
		log_line("%s: %s", writer->options->output, strerror(-rc));
		return rc;
	}
	/* Killed on the way, the path alone is remembered.
	 * PAIR(status-output): with previous_read() of the next writer, through our death: no other
	 * inode is there before its path, and none that is not this one's. */
	atomic_store_relaxed_u64(&memory->output_ino, 0);
	atomic_fence_store();
	strcpy(page->output, absolute);
	memory->output_id = writer->outdir.identity.id;
	memory->output_dev = writer->outdir.identity.dev;
	/* PAIR(status-output): as above. */
	atomic_fence_store();
	atomic_store_relaxed_u64(&memory->output_ino, writer->outdir.identity.ino);
	return 0;
}

/* Tells the claims of this runtime directory's regions from those of others. */
static int output_know_runtime(struct writer *writer)
{
	struct status_memory *memory = &writer->status.page->memory;

	while (memory->runtime_id == 0)
		if (getrandom(&memory->runtime_id, sizeof(memory->runtime_id), 0) !=
		    (ssize_t)sizeof(memory->runtime_id))
			return -EIO;
	memory->version = STATUS_MEMORY_VERSION;
	writer->regions.claims.runtime_id = memory->runtime_id;
	return 0;
}

static bool claim_is_ours(const void *context, const struct claim *claim)
{
	return claims_is_ours(context, claim);
}

static bool has_own_claims(const struct claims *claims)
{
	size_t i;

	for (i = 0; i < claims->count; i++)
		if (claims_is_ours(claims, &claims->items[i]))
			return true;
	return false;
}

static void output_note_claims(struct writer *writer)
{
	uint64_t *unsettled = &writer->status.page->memory.unsettled;

	*unsettled &= ~STATUS_UNSETTLED_CLAIMS;
	if (has_own_claims(&writer->regions.claims))
		*unsettled |= STATUS_UNSETTLED_CLAIMS;
}

/*
 * The spool first, since what it has is older than what is in no file yet, and rescued batches are
 * its writer's. The claims of other runtime directories stay where they are; ours go with us.
 */
static int outputs_recover(struct writer *writer, const struct outputs *outputs)
{
	struct claims *claims = &writer->regions.claims;
	char path[FLIGHT_PATH_BYTES];
	int rc = 0;

	claims_prune(claims, claim_is_ours, claims);
	if (outputs->held != NULL) {
		flight_start_path(writer, path);
		rc = output_recover(writer, outputs->held, path);
		if (rc == 0)
			regions_have_recovered(&writer->regions, outputs->held->identity.id);
		claims_prune(claims, claim_is_ours, claims);
	}
	if (rc == 0)
		rc = output_recover(writer, outputs->disk, writer->options->output);
	if (rc == 0)
		regions_have_recovered(&writer->regions, outputs->disk->identity.id);
	if (writer->options->is_flight_recorder)
		claims_prune(claims, claim_is_ours, claims);
	return rc;
}

static int output_begin(struct writer *writer, const struct previous *previous,
			enum previous_state state, const struct outputs *outputs,
			const char *target)
{
	int rc = 0;

	if (outputs->held != NULL)
		rc = flight_start_settle(outputs->held, outputs->disk, outputs->absolute);
	if (rc == 0 && state == PREVIOUS_IS_OTHER)
		rc = previous_recover(writer, previous, outputs);
	else if (rc == 0 && state == PREVIOUS_IS_LOST && !previous_is_spool(writer, previous))
		manifest_enter_elsewhere(outputs->disk->manifest, true, previous->path);
	if (rc == 0)
		rc = outputs_recover(writer, outputs);
	if (rc < 0)
		return rc;
	/* What was remembered is here, was recovered, or can be done without. */
	regions_have_recovered(&writer->regions, previous->memory.output_id);
	writer->regions.accepts_unsettled = writer->options->rewrites_lost_output;
	regions_end_recovery(&writer->regions);
	writer->status.page->memory.unsettled = 0;
	output_note_claims(writer);
	return output_remember(writer, target);
}

/* One that is open; absolute is the caller's to free(). */
static int output_absolute(const char *path, char **ret)
{
	int rc = 0;

	*ret = realpath(path, NULL);
	if (*ret == NULL)
		rc = -errno;
	else if (strlen(*ret) >= STATUS_OUTPUT_BYTES)
		rc = -ENAMETOOLONG;
	if (rc < 0)
		log_line("%s: %s", path, strerror(-rc));
	return rc;
}

/* Where what is written for good goes. */
static int output_open(const struct writer *writer, struct outdir *ret)
{
	const char *path = writer->options->output;
	int rc = outdir_open(ret, path, true, OUTPUT_LOCK_WAIT_NS);

	if (rc < 0)
		log_line("%s: %s", path,
			 rc == -EBUSY	? "another writer has this output directory"
			 : rc == -EPERM ? "everybody may write there, also in our name"
					: strerror(-rc));
	return rc;
}

/* writer->disk and writer->disk_path stay, whatever comes back; start_output_close() has them. */
static int start_flight_recorder(struct writer *writer, const struct previous *previous,
				 enum previous_state state)
{
	struct outputs outputs = {.disk = &writer->disk, .held = &writer->outdir};
	char path[FLIGHT_PATH_BYTES], *target = NULL;
	int rc = output_open(writer, &writer->disk);

	if (rc < 0)
		return rc;
	writer->has_disk = true;
	rc = output_absolute(writer->options->output, &writer->disk_path);
	if (rc == 0)
		rc = flight_start_open(writer, true, &writer->outdir);
	if (rc < 0)
		return rc;
	flight_start_path(writer, path);
	rc = output_absolute(path, &target);
	outputs.absolute = writer->disk_path;
	if (rc == 0)
		rc = output_begin(writer, previous, state, &outputs, target);
	if (rc < 0)
		outdir_close(&writer->outdir);
	free(target);
	return rc;
}

static int start_stream(struct writer *writer, const struct previous *previous,
			enum previous_state state)
{
	struct outputs outputs = {.disk = &writer->outdir};
	char *absolute = NULL;
	struct outdir held;
	int rc = output_open(writer, &writer->outdir);

	if (rc < 0)
		return rc;
	rc = output_absolute(writer->options->output, &absolute);
	outputs.absolute = absolute;
	if (rc == 0)
		rc = flight_start_open(writer, false, &held);
	if (rc == 0)
		outputs.held = &held;
	if (rc == 0 || rc == -ENOENT)
		rc = output_begin(writer, previous, state, &outputs, absolute);
	if (rc == 0 && outputs.held != NULL)
		rc = flight_start_take_over(writer, &held);
	if (outputs.held != NULL)
		outdir_close(&held);
	if (rc < 0)
		outdir_close(&writer->outdir);
	free(absolute);
	return rc;
}

int start_output(struct writer *writer)
{
	enum previous_state state = PREVIOUS_IS_NONE;
	const char *target = writer->options->output;
	char path[FLIGHT_PATH_BYTES];
	struct previous previous;
	int rc;

	rc = output_know_runtime(writer);
	if (rc < 0) {
		log_line("the system gives no random number: %s", strerror(errno));
		return rc;
	}
	if (writer->options->is_flight_recorder) {
		flight_start_path(writer, path);
		target = path;
	}
	/* Before ours is made: it may be in the place of the one that is looked for. */
	previous_read(writer, &previous);
	rc = previous_find(writer, &previous, target, &state);
	if (rc < 0)
		return rc;
	return writer->options->is_flight_recorder ? start_flight_recorder(writer, &previous, state)
						   : start_stream(writer, &previous, state);
}

void start_output_close(struct writer *writer)
{
	if (writer->has_disk)
		outdir_close(&writer->disk);
	free(writer->disk_path);
}

int start_output_keep_claims(struct writer *writer)
{
	int rc = recover_save_claims(&writer->regions, writer->outdir.fd);

	if (rc == 0)
		output_note_claims(writer);
	return rc;
}
