/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe doctor`: the output directory, as the writer's user must find it. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor_view.h"
#include "shm/filesystem.h"
#include "writer/file/datadir.h"

#define OUTPUT_LOW_BYTES (UINT64_C(256) << 20)

static const char *whose(const struct doctor *doctor)
{
	return doctor->given_output != NULL ? "from --output"
	       : doctor->view.is_running    ? "the writer's"
					    : "the last writer's";
}

static void add_missing(struct doctor *doctor)
{
	char parent[sizeof(doctor->output)], quoted[DOCTOR_QUOTED_BYTES];
	const char *above;

	snprintf(parent, sizeof(parent), "%s", doctor->output);
	above = dirname(parent);
	/* One that nobody has written to yet is made. */
	if (doctor->given_output != NULL && access(above, W_OK | X_OK) == 0) {
		doctor_add(&doctor->report, DOCTOR_NOTE, "output",
			   "%s (%s) is not there: the writer makes it", doctor->output,
			   whose(doctor));
		return;
	}
	doctor_add(&doctor->report, DOCTOR_WRONG, "output", "%s (%s) is not there", doctor->output,
		   whose(doctor));
	if (access(above, F_OK) < 0)
		doctor_mend(&doctor->report, "mkdir -p %s   (or mount what has it)",
			    doctor_quote(above, quoted));
	else
		doctor_mend(&doctor->report,
			    "install -d -m 750 %s   (as the writer's user), or mount what has it",
			    doctor->shell_output);
}

static void add_unusable(struct doctor *doctor, const char *path, int error)
{
	char user[64], quoted[DOCTOR_QUOTED_BYTES];

	doctor_quote(path, quoted);
	doctor_add(&doctor->report, DOCTOR_WRONG, "output",
		   "%s (%s) cannot be written by user %s: %s", path, whose(doctor),
		   doctor_user(geteuid(), user), strerror(error));
	if (error == EROFS)
		doctor_mend(&doctor->report, "mount -o remount,rw MOUNTPOINT   (df %s names it)",
			    quoted);
	else if (error == ENOTDIR)
		doctor_mend(&doctor->report, "name a directory with --output");
	else
		doctor_mend(&doctor->report,
			    "chown -R %s %s && chmod u+rwx %s   (if that user runs the writer)",
			    user, doctor->shell_output, quoted);
}

static void check_disk(struct doctor *doctor, int fd)
{
	char left[DOCTOR_SIZE_BYTES], whole[DOCTOR_SIZE_BYTES], kind[64];
	const char *mend = "df -h %s   (make room there; --retain-bytes and --retain-age have the "
			   "writer remove old files)";
	uint64_t bytes;
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0)
		return;
	filesystem_name(fd, kind, sizeof(kind));
	bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	doctor_size(bytes, left);
	doctor_size((uint64_t)fs.f_blocks * fs.f_frsize, whole);
	if ((fs.f_flag & ST_RDONLY) != 0) {
		add_unusable(doctor, doctor->output, EROFS);
		return;
	}
	if (bytes == 0 || (fs.f_files != 0 && fs.f_favail == 0)) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "disk",
			   "%s is on %s, which is full: %s of %s and %ju files are left",
			   doctor->output, kind, left, whole, (uintmax_t)fs.f_favail);
		doctor_mend(&doctor->report, mend, doctor->shell_output);
	} else if (bytes < OUTPUT_LOW_BYTES) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "disk", "%s: %s of %s are left", kind,
			   left, whole);
		doctor_mend(&doctor->report, mend, doctor->shell_output);
	} else {
		doctor_add(&doctor->report, DOCTOR_OK, "disk", "%s: %s of %s are left", kind, left,
			   whole);
	}
}

struct files {
	uint64_t sealed, open, bad;
};

/* @return 0 or an errno */
static int count_files(int output, enum otlp_signal signal, struct files *files)
{
	struct data_dir dir = {.fd = openat(output, signal_name(signal),
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
	struct data_name *names = NULL;
	size_t count = 0, i;
	int rc;

	if (dir.fd < 0)
		return errno;
	snprintf(dir.signal, sizeof(dir.signal), "%s", signal_name(signal));
	rc = faccessat(dir.fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ? errno : 0;
	if (rc == 0)
		rc = -data_dir_list(&dir, DATA_ALL_KINDS, &names, &count);
	for (i = 0; i < count; i++) {
		files->sealed += names[i].kind == DATA_SEALED || names[i].kind == DATA_PACKED;
		files->open += names[i].kind == DATA_OPEN;
		files->bad += names[i].kind == DATA_BAD;
	}
	free(names);
	close(dir.fd);
	return rc;
}

static void check_files(struct doctor *doctor, int output)
{
	struct files files = {.sealed = 0};
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		int error = count_files(output, signal, &files);

		if (error != 0 && error != ENOENT) {
			char path[sizeof(doctor->output) + 32];

			snprintf(path, sizeof(path), "%s/%s", doctor->output, signal_name(signal));
			add_unusable(doctor, path, error);
		}
	}
	doctor_add(&doctor->report, DOCTOR_OK, "files", "%ju sealed, %ju open, %ju given up",
		   (uintmax_t)files.sealed, (uintmax_t)files.open, (uintmax_t)files.bad);
	if (files.open > 0 && doctor->has_dir && !doctor->view.is_running &&
	    doctor->given_output == NULL) {
		doctor_add(
			&doctor->report, DOCTOR_WARNING, "files",
			"%ju files in %s are not finished, and no writer is at them: the next one "
			"finishes them when it starts",
			(uintmax_t)files.open, doctor->output);
		doctor_mend(&doctor->report, "otlpipe-writer --dir %s --output %s",
			    doctor->shell_path, doctor->shell_output);
	}
	if (files.bad > 0) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "files",
			   "given up (.bad) after an error of the disk: %ju files in %s; what they "
			   "hold up to the byte in their name can be read",
			   (uintmax_t)files.bad, doctor->output);
		doctor_mend(&doctor->report,
			    "otlpipe verify %s   (says whether anything is lost); "
			    "dmesg   (what the disk said)",
			    doctor->shell_output);
	}
}

void doctor_output(struct doctor *doctor)
{
	const char *from =
		doctor->given_output != NULL ? doctor->given_output : doctor->view.page.output;
	struct stat st;
	int fd;

	if (snprintf(doctor->output, sizeof(doctor->output), "%s", from) >=
	    (int)sizeof(doctor->output)) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "output",
			   "the path from --output is too long: it may have %zu bytes",
			   sizeof(doctor->output) - 1);
		doctor_mend(&doctor->report, "name a shorter path with --output");
		return;
	}
	if (doctor->output[0] == '\0')
		return;
	doctor_quote(doctor->output, doctor->shell_output);
	fd = open(doctor->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		add_missing(doctor);
		return;
	}
	if (fd < 0) {
		add_unusable(doctor, doctor->output, errno);
		return;
	}
	if (fstat(fd, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "output",
			   "%s (%s): everybody may write in it, which a writer refuses",
			   doctor->output, whose(doctor));
		doctor_mend(&doctor->report, "chmod o-w %s", doctor->shell_output);
	} else if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0 && errno != EROFS) {
		add_unusable(doctor, doctor->output, errno);
	} else {
		doctor_add(&doctor->report, DOCTOR_OK, "output", "%s (%s)", doctor->output,
			   whose(doctor));
	}
	check_disk(doctor, fd);
	check_files(doctor, fd);
	close(fd);
}
