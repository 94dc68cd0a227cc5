/* SPDX-License-Identifier: Apache-2.0 */
/* One line for each reason for which a region cannot be made, and what to do about it. */
#include "core/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

#include "base/host_limits.h"
#include "core/error.h"
#include "shm/budget.h"

/* A longer path is cut in the middle. */
#define EXPLAIN_PATH_BYTES_MAX 400

static const char smaller_rings[] =
	"make the rings smaller (OTLPIPE_SPAN_RING_BYTES, OTLPIPE_METRIC_RING_BYTES, "
	"OTLPIPE_LOG_RING_BYTES)";

/* Which resource limit is behind an errno; -1: none. */
static int limit_behind(const struct failure *failure, int error)
{
	switch (-error) {
	case EFBIG:
		return RLIMIT_FSIZE;
	case EMFILE:
		return RLIMIT_NOFILE;
	case EAGAIN:
		return failure->step == FAILURE_MAP ? RLIMIT_MEMLOCK : -1;
	case ENOMEM:
		return failure->step == FAILURE_MAP ? RLIMIT_AS : -1;
	default:
		return -1;
	}
}

void explain_look(struct explain_facts *ret, const char *path, const struct failure *failure,
		  int error)
{
	const int limit = limit_behind(failure, error);
	struct statvfs fs;
	struct stat st;

	memset(ret, 0, sizeof(*ret));
	ret->limit = limit >= 0 ? limits_of(limit) : LIMITS_NONE;
	if (failure->step == FAILURE_DIRECTORY && lstat(path, &st) == 0) {
		ret->has_owner = true;
		ret->owner = st.st_uid;
		ret->mode = st.st_mode;
	}
	if (error == -ENOSPC && statvfs(path, &fs) == 0) {
		ret->has_free = true;
		ret->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	}
	ret->has_proc = access("/proc/self/fd", F_OK) == 0;
}

static void say_what(struct text *text, const struct failure *failure)
{
	static const char *const what[] = {
		[FAILURE_DIRECTORY] = "the directory cannot be used",
		[FAILURE_FILESYSTEM] = "its file system is not fit",
		[FAILURE_CONTROL] = "its control page cannot be used",
		[FAILURE_MEMORY_LIMIT] = "the memory is not there",
		[FAILURE_BUDGET] = "its budget is used up",
		[FAILURE_RANDOM] = "no random number can be had",
		[FAILURE_FILE] = "no file can be made in it",
		[FAILURE_SHARE] = "a file's rights cannot be set",
		[FAILURE_RESERVE] = "its space cannot be reserved",
		[FAILURE_LOCK] = "a file cannot be locked",
		[FAILURE_MAP] = "a file cannot be mapped",
		[FAILURE_NAME] = "a file cannot be given its name",
	};

	text_add(text, what[failure->step]);
}

/* "RLIMIT_FSIZE (ulimit -f) is 1024 KiB" */
static void say_limit(struct text *text, const char *name, uint64_t limit)
{
	text_add(text, name);
	text_add(text, " is ");
	text_add_size(text, limit);
}

static void say_needed(struct text *text, const struct failure *failure)
{
	text_add(text, ", the region takes ");
	text_add_size(text, failure->needed_bytes);
}

static void hint_directory(struct text *text, int error, const struct explain_facts *facts)
{
	const uid_t own = geteuid();

	if (error == -ENOENT) {
		text_add(text, "; make the directory that it is to stand in (for the default one, "
			       "a tmpfs on /dev/shm), or name another in OTLPIPE_DIR");
		return;
	}
	if (!facts->has_owner)
		return;
	text_add(text, "; it belongs to uid ");
	text_add_number(text, facts->owner);
	text_add(text, " and has mode ");
	text_add_mode(text, facts->mode);
	if (!S_ISDIR(facts->mode))
		text_add(text, "; it must be a directory itself, not a link to one");
	else if (facts->owner != own)
		text_add(text, "; for programs that change their user, or several users, make a "
			       "group directory (install -d -o WRITER -g GROUP -m 3770 DIR) and "
			       "name it in OTLPIPE_DIR before they start");
	else if ((facts->mode & 077) != 0)
		text_add(text, "; others must not enter it: chmod 700, or 3770 for a group");
}

static void hint_space(struct text *text, const struct failure *failure,
		       const struct explain_facts *facts)
{
	if (facts->has_free) {
		text_add(text, "; its file system has ");
		text_add_size(text, facts->free_bytes);
		text_add(text, " left");
		say_needed(text, failure);
	}
	text_add(text, "; make it larger, have a writer drain what ended programs left, or ");
	text_add(text, smaller_rings);
}

static void hint_map(struct text *text, const struct failure *failure, int error,
		     const struct explain_facts *facts)
{
	text_add(text, "; ");
	if (error == -EAGAIN && facts->limit != LIMITS_NONE) {
		say_limit(text, "RLIMIT_MEMLOCK (ulimit -l)", facts->limit);
		say_needed(text, failure);
		text_add(text, ", and this program locks all its memory (mlockall): raise it, or ");
	} else if (facts->limit != LIMITS_NONE) {
		say_limit(text, "RLIMIT_AS (ulimit -v)", facts->limit);
		say_needed(text, failure);
		text_add(text, ": raise it, or ");
	}
	text_add(text, smaller_rings);
}

static void hint(struct text *text, const struct failure *failure, int error,
		 const struct explain_facts *facts)
{
	if (error == -EFBIG && facts->limit != LIMITS_NONE) {
		text_add(text, "; ");
		say_limit(text, "RLIMIT_FSIZE (ulimit -f)", facts->limit);
		say_needed(text, failure);
		text_add(text, ": raise it, or ");
		text_add(text, smaller_rings);
	} else if (error == -EMFILE && facts->limit != LIMITS_NONE) {
		text_add(text, "; RLIMIT_NOFILE (ulimit -n) is ");
		text_add_number(text, facts->limit);
		text_add(text, ": raise it, or close some");
	} else if (error == -ENFILE) {
		text_add(text, "; it is the limit of the machine (sysctl fs.file-max)");
	} else if (error == -ENOSPC || error == -EDQUOT) {
		hint_space(text, failure, facts);
	} else if (failure->step == FAILURE_MAP) {
		hint_map(text, failure, error, facts);
	} else if (failure->step == FAILURE_DIRECTORY) {
		hint_directory(text, error, facts);
	} else if (failure->step == FAILURE_FILESYSTEM) {
		text_add(text, "; name a directory in memory (a tmpfs such as /dev/shm or /run) in "
			       "OTLPIPE_DIR");
	} else if (failure->step == FAILURE_SHARE && error == -EOPNOTSUPP) {
		text_add(text, "; a group directory needs a file system with POSIX ACLs, as tmpfs");
	} else if (failure->step == FAILURE_NAME && !facts->has_proc) {
		text_add(text, "; /proc is not mounted, and this kernel names a file through it: "
			       "mount it");
	}
}

static void say_budget(struct text *text, const struct failure *failure)
{
	text_add(text, "it may hold ");
	text_add_size(text, failure->limit_bytes);
	text_add(text, " (" BUDGET_VARIABLE "; by default a share of its file system), ");
	text_add_size(text, failure->left_bytes);
	text_add(text, " of it are left");
	say_needed(text, failure);
	text_add(text, "; have a writer drain what ended programs left (`otlpipe stat` shows it), "
		       "raise " BUDGET_VARIABLE ", or ");
	text_add(text, smaller_rings);
}

void explain_region(struct text *text, const char *path, const struct failure *failure, int error,
		    const struct explain_facts *facts)
{
	text_add(text, "no ring can be made in ");
	if (path[0] != '\0')
		text_add_quoted(text, path, strlen(path), EXPLAIN_PATH_BYTES_MAX);
	else
		text_add(text, "the runtime directory");
	text_add(text, " by uid ");
	text_add_number(text, geteuid());
	text_add(text, ": ");
	say_what(text, failure);
	text_add(text, ": ");
	if (failure->step == FAILURE_BUDGET) {
		say_budget(text, failure);
		return;
	}
	if (failure->step == FAILURE_MEMORY_LIMIT) {
		text_add(text, "the memory limit of its cgroup is ");
		text_add_size(text, failure->limit_bytes);
		text_add(text, ", ");
		text_add_size(text, failure->left_bytes);
		text_add(text, " of it are left");
		say_needed(text, failure);
		text_add(text, ": raise the limit (memory.max), or ");
		text_add(text, smaller_rings);
		return;
	}
	if (error == -EPROTO || error == -EBADMSG)
		text_add(text, "it is of another version of otlpipe: end its programs and its "
			       "writer, and remove the directory");
	else
		text_add_errno(text, -error);
	hint(text, failure, error, facts);
}

void explain_too_large(struct text *text, enum otlp_signal signal, uint64_t bytes,
		       uint64_t bytes_max)
{
	text_add(text, "a record for the ring of ");
	text_add(text, signal_rows[signal].ring_name);
	text_add(text, " takes ");
	if (bytes != 0)
		text_add_number(text, bytes);
	else
		text_add(text, "more than 4194304");
	text_add(text, " bytes, and the ring carries ");
	text_add_number(text, bytes_max);
	text_add(text, ": a quarter of its size, 4 MiB at most; its size is the option ring_bytes, "
		       "or ");
	text_add(text, signal_rows[signal].ring_variable);
}

int explain_code(const struct failure *failure, int error)
{
	if (failure->step == FAILURE_MEMORY_LIMIT)
		return OTLP_ERR_LIMIT;
	if (failure->step == FAILURE_BUDGET)
		return OTLP_ERR_NO_SPACE;
	if (failure->step == FAILURE_RANDOM)
		return OTLP_ERR_ACCESS;
	return error_from_errno(error);
}
