/* SPDX-License-Identifier: Apache-2.0 */
/* Asks what an open asks, in its order, and stops before anything is made. */
#include "core/check.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "base/host_limits.h"
#include "core/explain.h"
#include "core/options.h"
#include "core/resource.h"
#include "shm/budget.h"
#include "shm/region.h"

/* A program is larger than its region: a limit that leaves less has no room for both. */
#define PROGRAM_BYTES (UINT64_C(16) << 20)

const char *check_variable(unsigned number)
{
	return options_variable(number);
}

/* The options of a program that has set none. */
static int read_defaults(struct otlp_options *ret, struct telling *telling,
			 otlp_diagnostic_fn diagnostic, void *context)
{
	struct otlp_options given;

	telling_begin(telling);
	(void)otlp_options_init(&given, sizeof(given));
	given.diagnostic = diagnostic;
	given.diagnostic_context = context;
	return options_read(ret, &given, telling);
}

void check_variables(otlp_diagnostic_fn diagnostic, void *context)
{
	uint64_t ring_bytes[REGION_RINGS_MAX];
	struct resource *resource = NULL;
	struct otlp_options options;
	struct telling telling;
	struct budget budget;

	if (read_defaults(&options, &telling, diagnostic, context) < 0)
		return;
	options_check_environment(&options);
	options_budget(&options, &budget);
	(void)options_rings(&options, ring_bytes);
	if (resource_new_from_environment(&resource, &options) == 0)
		resource_free(resource);
}

static void ask_nobody(void *context, int error, const char *line)
{
	(void)context, (void)error, (void)line;
}

static void region_begin(struct check_region *ret, struct region_options *region)
{
	struct otlp_options options;
	struct telling telling;
	struct failure failure;

	*ret = (struct check_region){.error = 0};
	*region = (struct region_options){.program = NULL};
	if (read_defaults(&options, &telling, ask_nobody, NULL) < 0)
		return;
	(void)options_rings(&options, region->ring_bytes);
	options_budget(&options, &region->budget);
	failure.needed_bytes = 0;
	(void)region_check_limits(region, &failure);
	ret->bytes = failure.needed_bytes;
}

static void region_end(struct check_region *ret, const char *path, struct failure *failure,
		       int error)
{
	struct explain_facts facts;
	struct text text;

	ret->error = error;
	if (error == 0)
		return;
	ret->step = failure->step;
	failure->needed_bytes = ret->bytes;
	text_begin(&text, ret->text, sizeof(ret->text));
	explain_look(&facts, path, failure, error);
	explain_region(&text, path, failure, error, &facts);
}

void check_limits(struct check_region *ret, const char *path)
{
	struct region_options region;
	struct failure failure;

	region_begin(ret, &region);
	region_end(ret, path, &failure, region_check_limits(&region, &failure));
}

void check_address_space(struct check_region *ret, const char *path)
{
	const uint64_t limit = limits_of(RLIMIT_AS);
	struct failure failure = {.step = FAILURE_MAP};
	struct region_options region;

	region_begin(ret, &region);
	region_end(ret, path, &failure,
		   limit != LIMITS_NONE && limit < ret->bytes + PROGRAM_BYTES ? -ENOMEM : 0);
}

void check_budget(struct check_region *ret, const char *path, const struct runtime_dir *dir)
{
	struct region_options region;
	struct failure failure;

	region_begin(ret, &region);
	region_end(ret, path, &failure, budget_check(&region.budget, dir, ret->bytes, &failure));
}

void check_space(struct check_region *ret, const char *path, const struct runtime_dir *dir)
{
	struct failure failure = {.step = FAILURE_RESERVE};
	struct region_options region;
	struct statvfs fs;
	bool is_full;

	region_begin(ret, &region);
	/* A tmpfs without a size says 0 blocks; some file systems have no number of files. */
	is_full = fstatvfs(dir->fd, &fs) == 0 &&
		  ((fs.f_blocks != 0 && (uint64_t)fs.f_bavail * fs.f_frsize < ret->bytes) ||
		   (fs.f_files != 0 && fs.f_favail == 0));
	region_end(ret, path, &failure, is_full ? -ENOSPC : 0);
}
