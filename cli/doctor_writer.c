/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe doctor`: is there a writer, one, of this version, and does it get on?
 *
 * The lock on writer.lock says whether one runs, and its page what it does. Where that file is
 * gone, or another one, a writer may still be there: it has the regions locked that it drains, and
 * its process has the old file open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

#include "base/units.h"
#include "cli/doctor_view.h"
#include "shm/status.h"

#define WRITER_PROGRAM	   "otlpipe-writer"
#define WRITER_PIDS_MAX	   16
#define PROC_BYTES	   512
#define PAGE_MINOR_VERSION 4 /* from which on the page has the writer's version */

/* Processes of a writer that have a lock file of this directory open, be it the one that has the
 * name or one that was removed. Others' processes cannot be seen. */
struct writers {
	unsigned count;
	int pids[WRITER_PIDS_MAX];
	int stopped_pid;	 /* of one that a signal has stopped; 0: none */
	struct doctor_unit unit; /* that it is; where none runs, that the directory is of */
};

static bool read_proc(int pid, const char *name, char ret[PROC_BYTES])
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, ret, PROC_BYTES - 1);
	close(fd);
	if (n < 0)
		return false;
	ret[n] = '\0';
	return true;
}

static bool has_lock_open(int pid, const char *lock_path)
{
	const size_t len = strlen(lock_path);
	char path[64], target[RUNTIME_PATH_BYTES_MAX + 64];
	struct dirent *entry;
	bool found = false;
	DIR *stream;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	stream = opendir(path);
	if (stream == NULL)
		return false;
	while (!found && (entry = readdir(stream)) != NULL) {
		ssize_t n = readlinkat(dirfd(stream), entry->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = '\0';
		found = strncmp(target, lock_path, len) == 0 &&
			(target[len] == '\0' || strcmp(target + len, " (deleted)") == 0);
	}
	closedir(stream);
	return found;
}

static bool is_stopped(int pid)
{
	char text[PROC_BYTES];
	const char *state;

	if (!read_proc(pid, "stat", text))
		return false;
	state = strrchr(text, ')');
	return state != NULL && state[1] == ' ' && state[2] == 'T';
}

static bool is_writer(int pid)
{
	char comm[PROC_BYTES];

	return pid > 0 && read_proc(pid, "comm", comm) && strcmp(comm, WRITER_PROGRAM "\n") == 0;
}

static void find_writers(struct doctor *doctor, struct writers *ret)
{
	char lock_path[RUNTIME_PATH_BYTES_MAX + 32], fd_path[RUNTIME_FD_PATH_BYTES];
	struct dirent *entry;
	ssize_t n;
	DIR *stream;

	memset(ret, 0, sizeof(*ret));
	runtime_fd_path(fd_path, doctor->dir.fd);
	n = readlink(fd_path, lock_path, RUNTIME_PATH_BYTES_MAX - 1);
	stream = opendir("/proc");
	if (n < 0 || stream == NULL) {
		if (stream != NULL)
			closedir(stream);
		return;
	}
	snprintf(lock_path + n, sizeof(lock_path) - (size_t)n, "/" RUNTIME_WRITER_LOCK);
	while (ret->count < WRITER_PIDS_MAX && (entry = readdir(stream)) != NULL) {
		const int pid = atoi(entry->d_name);

		if (!is_writer(pid) || !has_lock_open(pid, lock_path))
			continue;
		ret->pids[ret->count++] = pid;
		if (is_stopped(pid))
			ret->stopped_pid = pid;
	}
	closedir(stream);
}

static const char *pids_text(const struct writers *writers, char ret[160])
{
	size_t used = 0;
	unsigned i;

	ret[0] = '\0';
	for (i = 0; i < writers->count; i++) {
		int n = snprintf(ret + used, 160 - used, "%s%d", i > 0 ? ", " : "",
				 writers->pids[i]);

		if (n < 0 || (size_t)n >= 160 - used)
			break;
		used += (size_t)n;
	}
	return ret;
}

/* The page's pid may be of another pid namespace, and so another process here. */
static void find_unit(struct doctor *doctor, struct writers *writers)
{
	const bool is_booted = access("/run/systemd/system", F_OK) == 0;
	int pid = doctor->view.is_running ? (int)doctor->view.page.pid : 0;
	char text[PROC_BYTES];

	if (!is_writer(pid))
		pid = writers->count > 0 ? writers->pids[0] : 0;
	if (pid == 0)
		doctor_unit_of_path(doctor->view.path, is_booted, &writers->unit);
	else if (read_proc(pid, "cgroup", text))
		doctor_unit_of_cgroup(text, &writers->unit);
}

/* "systemctl restart …", or how to do it by hand. */
static const char *restart(const struct writers *writers, char to[DOCTOR_UNIT_COMMAND_BYTES])
{
	if (writers->unit.owner != DOCTOR_UNIT_NONE)
		return doctor_unit_command(&writers->unit, "restart", to);
	if (writers->count > 0)
		snprintf(to, DOCTOR_UNIT_COMMAND_BYTES, "kill -TERM %d, and start it again",
			 writers->pids[0]);
	else
		snprintf(to, DOCTOR_UNIT_COMMAND_BYTES, "stop the writer, and start it again");
	return to;
}

/* ---- none, or one that cannot be read ---- */

static void mend_none(struct doctor *doctor, const struct writers *writers)
{
	const char *output =
		doctor->given_output != NULL ? doctor->given_output : doctor->view.page.output;
	char shell_output[DOCTOR_QUOTED_BYTES], start[DOCTOR_UNIT_COMMAND_BYTES];

	doctor_unit_command(&writers->unit, "start", start);
	output = output[0] != '\0' ? doctor_quote(output, shell_output) : "DIR";
	/* The machine's is another user's: by hand it would be the wrong one. */
	if (writers->unit.owner == DOCTOR_UNIT_MACHINE)
		doctor_mend(&doctor->report, "%s   (as root)", start);
	else if (writers->unit.owner == DOCTOR_UNIT_USER)
		doctor_mend(&doctor->report, "%s, or otlpipe-writer --dir %s --output %s", start,
			    doctor->shell_path, output);
	else
		doctor_mend(&doctor->report, "otlpipe-writer --dir %s --output %s",
			    doctor->shell_path, output);
}

static void add_none(struct doctor *doctor, const struct writers *writers)
{
	const struct stat_memory *memory = &doctor->view.memory;
	const char *last = !doctor->view.has_page ? "none has been here yet"
			   : doctor->view.page.state == STATUS_STOPPED
				   ? "the last one was stopped in order"
				   : "the last one was killed";
	char waits[DOCTOR_SIZE_BYTES];
	char waiting[160] = "";

	if (memory->ended_regions > 0)
		snprintf(waiting, sizeof(waiting),
			 "; %s of records wait for one in what ended programs left (%" PRIu64 ")",
			 doctor_size(memory->ended_waiting_bytes, waits), memory->ended_regions);
	doctor_add(&doctor->report, DOCTOR_WRONG, "writer", "no writer runs for %s: %s%s",
		   doctor->view.path, last, waiting);
	mend_none(doctor, writers);
}

static void add_without_lock(struct doctor *doctor, const struct writers *writers)
{
	char pids[160], command[DOCTOR_UNIT_COMMAND_BYTES];

	doctor_add(&doctor->report, DOCTOR_WRONG, "writer",
		   "%s/" RUNTIME_WRITER_LOCK " is gone, and a writer still runs (pid %s): somebody "
		   "removes files there",
		   doctor->view.path,
		   writers->count > 0 ? pids_text(writers, pids) : "that cannot be seen from here");
	if (writers->stopped_pid > 0)
		doctor_mend(&doctor->report,
			    "kill -CONT %d   (it is stopped; it makes the file again)",
			    writers->stopped_pid);
	else
		doctor_mend(&doctor->report,
			    "%s   (if the writer does not make the file again by itself), and keep "
			    "cleaners out of %s",
			    restart(writers, command), doctor->view.path);
}

/* What stands in a page of another version is the same in all: the magic and the version. */
static void add_other_version(struct doctor *doctor, const struct writers *writers)
{
	char command[DOCTOR_UNIT_COMMAND_BYTES];
	struct {
		uint64_t magic;
		uint16_t major, minor;
	} head = {.magic = 0};
	const bool is_running = runtime_has_writer(&doctor->dir) > 0;
	int fd = openat(doctor->dir.fd, RUNTIME_WRITER_LOCK,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
			head.magic = 0;
		close(fd);
	}
	if (head.magic != STATUS_MAGIC) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "writer",
			   "%s/" RUNTIME_WRITER_LOCK " is not a writer's page: it is damaged, or a "
			   "writer is just starting",
			   doctor->view.path);
		doctor_mend(&doctor->report,
			    "otlpipe-writer --dir %s --output DIR   (makes it anew)",
			    doctor->shell_path);
		return;
	}
	doctor_add(&doctor->report, DOCTOR_WRONG, "writer",
		   "%s of another version%s: its page is of version %u.%u, and this version has "
		   "%d.%d",
		   is_running ? "a writer" : "the last writer was", is_running ? " runs" : "",
		   head.major, head.minor, STATUS_MAJOR, STATUS_MINOR);
	if (is_running)
		doctor_mend(&doctor->report,
			    "%s   (with otlpipe-writer %s installed), or use the otlpipe of that "
			    "writer's version",
			    restart(writers, command), otlp_version());
	else
		doctor_mend(&doctor->report, "start otlpipe-writer %s", otlp_version());
}

/* ---- one that runs ---- */

static void add_running(struct doctor *doctor, const struct writers *writers)
{
	const struct status_page *page = &doctor->view.page;
	const bool has_version = page->minor >= PAGE_MINOR_VERSION;
	char age[UNITS_TEXT_BYTES], command[DOCTOR_UNIT_COMMAND_BYTES];
	struct timespec now;
	int64_t since_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	since_ns = (int64_t)now.tv_sec - (int64_t)(page->start_unix_ns / 1000000000);
	since_ns = since_ns > 0 && since_ns < INT64_C(4000000000) ? since_ns * 1000000000 : 0;
	doctor_add(&doctor->report, DOCTOR_OK, "writer",
		   "pid %" PRIu32 ", version %s, runs for %s, writes by %s", page->pid,
		   has_version ? page->version : "unknown", units_format_duration(since_ns, age),
		   page->io);
	if (has_version && strcmp(page->version, otlp_version()) != 0) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "versions",
			   "the writer is of version %s, and this tool of %s", page->version,
			   otlp_version());
		doctor_mend(&doctor->report, "%s", restart(writers, command));
	}
	if (writers->count > 1) {
		char pids[160];

		doctor_add(
			&doctor->report, DOCTOR_WRONG, "writer",
			"more than one writer has had the lock file of %s: %s; one of them holds "
			"what was removed",
			doctor->view.path, pids_text(writers, pids));
		doctor_mend(&doctor->report,
			    "kill -TERM PID   (of the one that is not %" PRIu32 ")", page->pid);
	}
	if (writers->stopped_pid > 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "writer",
			   "process %d, the writer, is stopped by a signal or a debugger",
			   writers->stopped_pid);
		doctor_mend(&doctor->report, "kill -CONT %d", writers->stopped_pid);
	}
}

static void mend_problem(struct doctor *doctor, const struct writers *writers, const char *problem)
{
	char output[DOCTOR_QUOTED_BYTES], log[DOCTOR_UNIT_COMMAND_BYTES];

	doctor_quote(doctor->view.page.output, output);
	if (strstr(problem, strerror(ENOSPC)) != NULL || strstr(problem, strerror(EDQUOT)) != NULL)
		doctor_mend(&doctor->report,
			    "df -h %s   (make room there; --retain-bytes and --retain-age have the "
			    "writer remove old files)",
			    output);
	else if (strstr(problem, strerror(EACCES)) != NULL ||
		 strstr(problem, strerror(EROFS)) != NULL)
		doctor_mend(&doctor->report,
			    "ls -ld %s   (the writer's user must be able to write there)", output);
	else if (strstr(problem, strerror(EFBIG)) != NULL)
		doctor_mend(&doctor->report,
			    "ulimit -f unlimited   (LimitFSIZE=infinity in a unit), "
			    "and start the writer again");
	else if (doctor_unit_log(&writers->unit, log)[0] != '\0')
		doctor_mend(&doctor->report, "%s   (its log says more)", log);
	else
		doctor_mend(&doctor->report, "read its log, which says more: what it writes on "
					     "standard error");
}

/* What it last could not write, if it is one. */
static void check_flight(struct doctor *doctor)
{
	const struct status_flight *flight = &doctor->view.page.flight;
	const struct status_snapshot *last =
		&flight->snapshots[flight->snapshots_done % STATUS_SNAPSHOTS];
	char output[DOCTOR_QUOTED_BYTES];

	if (flight->is_on == 0)
		return;
	doctor_add(&doctor->report, DOCTOR_NOTE, "writer",
		   "it is a flight recorder: nothing is on the disk before otlpipe snapshot; it "
		   "holds %" PRIu64 " bytes of %" PRIu64 ", and has let go of %" PRIu64 " files",
		   flight->held_bytes, flight->keep_bytes, flight->let_go_files);
	if (flight->snapshots_done == 0 || last->number != flight->snapshots_done ||
	    last->error == 0)
		return;
	doctor_add(&doctor->report, DOCTOR_WRONG, "writing", "the last snapshot failed: %s",
		   last->problem[0] != '\0' ? last->problem : strerror((int)last->error));
	doctor_quote(doctor->view.page.output, output);
	if (last->error == ENOSPC || last->error == EDQUOT)
		doctor_mend(&doctor->report,
			    "df -h %s   (make room there), then otlpipe snapshot --dir %s", output,
			    doctor->shell_path);
	else if (last->error == ENOENT) /* held files are gone; or the output directory */
		doctor_mend(&doctor->report,
			    "ls -ld %s %s/flight   (leave both to the writer; is one of them gone? "
			    "Start it again)",
			    output, doctor->shell_path);
	else
		doctor_mend(&doctor->report,
			    "ls -ld %s   (the writer's user must be able to write there)", output);
}

static void check_problems(struct doctor *doctor, const struct writers *writers)
{
	const struct status_page *page = &doctor->view.page;
	unsigned signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		if (page->problems[signal][0] == '\0')
			continue;
		doctor_add(&doctor->report, DOCTOR_WRONG, "writing", "%s", page->problems[signal]);
		if (page->flight.is_on != 0)
			doctor_mend(&doctor->report,
				    "df -h %s   (what a flight recorder holds is there)",
				    doctor->shell_path);
		else
			mend_problem(doctor, writers, page->problems[signal]);
	}
	check_flight(doctor);
	if (page->retention.problem[0] != '\0') {
		doctor_add(&doctor->report, DOCTOR_WRONG, "retention", "%s",
			   page->retention.problem);
		mend_problem(doctor, writers, page->retention.problem);
	}
	if (page->retention.waits_on_clock != 0)
		doctor_add(
			&doctor->report, DOCTOR_NOTE, "retention",
			"the clock was set: nothing is removed for its age until it has kept its "
			"pace");
	if (page->regions_waiting > 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "writer",
			   "regions that it has no room for yet: %" PRIu64, page->regions_waiting);
		doctor_mend(&doctor->report, "ulimit -n 65536   (LimitNOFILE=65536 in a unit), and "
					     "start the writer again");
	}
	if (page->regions_broken > 0)
		doctor_add(&doctor->report, DOCTOR_WARNING, "writer",
			   "regions that it has left aside, since they made no sense: %" PRIu64,
			   page->regions_broken);
}

void doctor_writer(struct doctor *doctor)
{
	struct writers writers;
	int rc;

	if (!doctor->has_dir)
		return;
	find_writers(doctor, &writers);
	rc = status_read(&doctor->dir, &doctor->view.page, &doctor->view.is_running);
	doctor->view.has_page = rc == 0;
	if (rc < 0)
		memset(&doctor->view.page, 0, sizeof(doctor->view.page));
	find_unit(doctor, &writers);
	if (rc == -EPROTO) {
		add_other_version(doctor, &writers);
	} else if (rc == -EACCES && doctor->dir.group) {
		doctor->view.is_running = runtime_has_writer(&doctor->dir) > 0;
		if (!doctor->view.is_running)
			add_none(doctor, &writers);
		else
			doctor_add(&doctor->report, DOCTOR_OK, "writer",
				   "one runs; its page is for its own user alone");
	} else if (rc < 0 && rc != -ENOENT) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "writer",
			   "%s/" RUNTIME_WRITER_LOCK " cannot be read: %s", doctor->view.path,
			   strerror(-rc));
		doctor_mend(&doctor->report,
			    "ls -l %s/" RUNTIME_WRITER_LOCK
			    "   (it must be a plain file of the writer's user)",
			    doctor->shell_path);
	} else if (doctor->view.is_running) {
		add_running(doctor, &writers);
		check_problems(doctor, &writers);
	} else if (doctor->view.has_drained || writers.count > 0) {
		add_without_lock(doctor, &writers);
	} else {
		add_none(doctor, &writers);
	}
}
