/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe doctor`: the runtime directory and what it stands on. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/environment.h"
#include "cli/doctor_view.h"
#include "core/check.h"
#include "shm/budget.h"
#include "shm/filesystem.h"

#define LOGIND_LINE_BYTES 512
/* systemd takes users below it for the system's own, and leaves their files alone. */
#define SYSTEM_UID_MAX 999

static const char *origin(const struct doctor *doctor)
{
	const char *unused;
	size_t len;

	if (doctor->given_dir != NULL && doctor->given_dir[0] != '\0')
		return "from --dir";
	return environment_get("OTLPIPE_DIR", &unused, &len) ? "from OTLPIPE_DIR" : "the default";
}

/* ---- a directory that cannot be used ---- */

static void add_missing(struct doctor *doctor)
{
	char parent[RUNTIME_PATH_BYTES_MAX], quoted[DOCTOR_QUOTED_BYTES];
	const char *path = doctor->view.path, *above;

	snprintf(parent, sizeof(parent), "%s", path);
	above = dirname(parent);
	if (access(above, F_OK) == 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "directory",
			   "%s (%s) is not there: no writer and no program has made it yet", path,
			   origin(doctor));
		doctor_mend(&doctor->report, "otlpipe-writer --dir %s --output DIR   (it makes it)",
			    doctor->shell_path);
		return;
	}
	doctor_add(&doctor->report, DOCTOR_WRONG, "directory",
		   "%s (%s) is not there, and neither is %s, which nobody makes", path,
		   origin(doctor), above);
	if (strcmp(above, "/dev/shm") == 0)
		doctor_mend(&doctor->report, "mkdir -p /dev/shm && mount -t tmpfs -o "
					     "mode=1777,nosuid,nodev tmpfs /dev/shm");
	else
		doctor_mend(&doctor->report, "mkdir -p %s", doctor_quote(above, quoted));
}

static void mend_foreign(struct doctor *doctor, const struct stat *st)
{
	const char *path = doctor->view.path;
	char user[64], group[64], own[64];

	doctor_user(st->st_uid, user);
	doctor_user(geteuid(), own);
	if ((st->st_mode & 07777) == 03770 && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		doctor_mend(&doctor->report, "usermod -a -G %s %s   (and log in again)",
			    doctor_group(st->st_gid, group), own);
	else if ((st->st_mode & 07777) == 03770)
		doctor_mend(&doctor->report,
			    "install -d -o %s -g %s -m 3770 /run/otlpipe   (as root), and for all: "
			    "export OTLPIPE_DIR=/run/otlpipe",
			    user, doctor_group(st->st_gid, group));
	else if (geteuid() == 0)
		doctor_mend(&doctor->report,
			    "runuser -u %s -- otlpipe doctor --dir %s   (it is that "
			    "user's); for several users: install -d -o WRITER -g GROUP -m 3770 "
			    "/run/otlpipe",
			    user, doctor->shell_path);
	else
		doctor_mend(&doctor->report,
			    "export OTLPIPE_DIR=/dev/shm/otlpipe-%u; for several users a group "
			    "directory: install -d -o WRITER -g GROUP -m 3770 /run/otlpipe   (as "
			    "root), and export OTLPIPE_DIR=/run/otlpipe",
			    (unsigned)geteuid());
}

static void add_unusable(struct doctor *doctor, int error)
{
	const char *path = doctor->view.path;
	char text[RUNTIME_TEXT_BYTES_MAX];
	struct stat st;

	runtime_explain(text, sizeof(text), path, error);
	doctor_add(&doctor->report, DOCTOR_WRONG, "directory", "%s (%s)", text, origin(doctor));
	if (lstat(path, &st) < 0)
		doctor_mend(&doctor->report, "export OTLPIPE_DIR=/dev/shm/otlpipe-%u",
			    (unsigned)geteuid());
	else if (S_ISLNK(st.st_mode))
		doctor_mend(&doctor->report, "export OTLPIPE_DIR=$(readlink -f %s)",
			    doctor->shell_path);
	else if (!S_ISDIR(st.st_mode))
		doctor_mend(&doctor->report, "rm %s   (it is no directory; the writer makes one)",
			    doctor->shell_path);
	else if (st.st_uid == geteuid())
		doctor_mend(&doctor->report, "chmod 700 %s   (3770 for a group)",
			    doctor->shell_path);
	else
		mend_foreign(doctor, &st);
}

/* ---- what it stands on ---- */

static void check_filesystem(struct doctor *doctor)
{
	const char *path = doctor->view.path;
	char kind[64], text[RUNTIME_TEXT_BYTES_MAX];
	int rc = 0;

	filesystem_name(doctor->dir.fd, kind, sizeof(kind));
	/* Without /proc the file that it measures with would need a name for a moment. */
	if (access("/proc/self/fd", F_OK) == 0)
		rc = filesystem_measure(doctor->dir.fd);
	if (rc == -ENOLCK || rc == -EMEDIUMTYPE || rc == -EOPNOTSUPP) {
		runtime_explain(text, sizeof(text), path, rc);
		doctor_add(&doctor->report, DOCTOR_WRONG, "filesystem", "%s", text);
		doctor_mend(&doctor->report,
			    "export OTLPIPE_DIR=/dev/shm/otlpipe-%u   (for the writer and the "
			    "programs), or mount -t tmpfs -o mode=0700,uid=%u tmpfs %s",
			    (unsigned)geteuid(), (unsigned)geteuid(), doctor->shell_path);
		return;
	}
	if (rc == -EROFS) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "filesystem",
			   "%s is on %s, which is mounted read-only", path, kind);
		doctor_mend(&doctor->report, "mount -o remount,rw %s", doctor->shell_path);
		return;
	}
	/* No space, no descriptors: other checks say so. */
	doctor_add(&doctor->report, DOCTOR_OK, "filesystem", "%s", kind);
}

static void check_room(struct doctor *doctor)
{
	char size[DOCTOR_SIZE_BYTES], whole[DOCTOR_SIZE_BYTES], needed[DOCTOR_SIZE_BYTES];
	struct check_region region;
	struct statvfs fs;

	check_space(&region, doctor->view.path, &doctor->dir);
	if (region.error != 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "space", "%s", region.text);
		doctor_mend(&doctor->report,
			    "df -h %s; df -i %s   (what fills it?); mount -o remount,size=SIZE "
			    "MOUNTPOINT",
			    doctor->shell_path, doctor->shell_path);
		return;
	}
	if (fstatvfs(doctor->dir.fd, &fs) < 0 || fs.f_blocks == 0) {
		doctor_add(&doctor->report, DOCTOR_OK, "space", "its file system has no size");
		return;
	}
	doctor_add(&doctor->report, DOCTOR_OK, "space",
		   "%s of %s and %ju files are left; a program takes %s",
		   doctor_size((uint64_t)fs.f_bavail * fs.f_frsize, size),
		   doctor_size((uint64_t)fs.f_blocks * fs.f_frsize, whole), (uintmax_t)fs.f_favail,
		   doctor_size(region.bytes, needed));
}

static void check_its_budget(struct doctor *doctor)
{
	char size[DOCTOR_SIZE_BYTES];
	struct check_region region;
	struct budget budget;
	uint64_t bytes;

	check_budget(&region, doctor->view.path, &doctor->dir);
	if (region.error != 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "budget", "%s", region.text);
		doctor_mend(&doctor->report,
			    "otlpipe-writer --dir %s --output DIR --drain   (gives back what ended "
			    "programs hold), or export " BUDGET_VARIABLE "=SIZE for the programs",
			    doctor->shell_path);
		return;
	}
	(void)budget_from_environment(&budget);
	if (budget_bytes(&budget, &doctor->dir, &bytes) < 0 || bytes == UINT64_MAX)
		doctor_add(&doctor->report, DOCTOR_OK, "budget", "no limit");
	else
		doctor_add(&doctor->report, DOCTOR_OK, "budget",
			   "all programs together may hold %s (" BUDGET_VARIABLE ", %s)",
			   doctor_size(bytes, size),
			   budget.bytes == 0 && budget.percent == 0 ? "the default"
								    : "as it is set");
}

/* ---- the control page ---- */

/* One that is not there is made by who comes first. */
static void check_control(struct doctor *doctor)
{
	struct {
		uint64_t magic;
		uint16_t major, minor;
	} head = {.magic = 0};
	struct stat st;
	int fd = openat(doctor->dir.fd, RUNTIME_CONTROL,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_read, is_plain;

	if (fd < 0 && errno == ENOENT)
		return;
	is_plain = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		   st.st_size == LAYOUT_PAGE_BYTES;
	is_read = is_plain && pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head);
	if (fd >= 0)
		close(fd);
	if (is_read && head.magic == CONTROL_MAGIC && head.major == LAYOUT_MAJOR)
		return;
	if (is_read && head.magic == CONTROL_MAGIC)
		doctor_add(&doctor->report, DOCTOR_WRONG, "control",
			   "%s/" RUNTIME_CONTROL " is of layout %u.%u, and this version has %d.%d: "
			   "no program of this version can push here",
			   doctor->view.path, head.major, head.minor, LAYOUT_MAJOR, LAYOUT_MINOR);
	else
		doctor_add(&doctor->report, DOCTOR_WRONG, "control",
			   "%s/" RUNTIME_CONTROL
			   " is no control page, or not to be read: no program "
			   "can push here",
			   doctor->view.path);
	doctor_mend(&doctor->report,
		    "rm %s/" RUNTIME_CONTROL "   (when the writer and the programs that made it "
		    "have ended; the next one makes it)",
		    doctor->shell_path);
}

/* ---- what a logout takes away ---- */

/* Does a configuration say RemoveIPC=no? */
static bool says_no(const char *path)
{
	char line[LOGIND_LINE_BYTES];
	FILE *file = fopen(path, "re");
	bool ret = false;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *at = line + strspn(line, " \t");

		if (strncmp(at, "RemoveIPC=", 10) == 0)
			ret = strncmp(at + 10, "no", 2) == 0 || at[10] == '0' ||
			      strncmp(at + 10, "false", 5) == 0;
	}
	if (file != NULL)
		fclose(file);
	return ret;
}

static void check_logout(struct doctor *doctor)
{
	static const char shm[] = "/dev/shm/";
	char user[64], linger[128];

	if (strncmp(doctor->view.path, shm, sizeof(shm) - 1) != 0 ||
	    doctor->dir.owner <= SYSTEM_UID_MAX || access("/run/systemd/system", F_OK) < 0 ||
	    says_no("/etc/systemd/logind.conf"))
		return;
	doctor_user(doctor->dir.owner, user);
	snprintf(linger, sizeof(linger), "/var/lib/systemd/linger/%s", user);
	if (access(linger, F_OK) == 0)
		return;
	doctor_add(&doctor->report, DOCTOR_WARNING, "logout",
		   "when user %s logs out, systemd may empty %s (RemoveIPC, which is on by "
		   "default): what no writer has mapped then is gone",
		   user, doctor->view.path);
	doctor_mend(&doctor->report,
		    "loginctl enable-linger %s, or RemoveIPC=no in /etc/systemd/logind.conf", user);
}

/* ---- */

static void add_usable(struct doctor *doctor)
{
	const struct runtime_dir *dir = &doctor->dir;
	const char *path = doctor->view.path;
	char user[64], group[64];
	struct stat st;

	if (fstat(dir->fd, &st) < 0)
		return;
	doctor_user(st.st_uid, user);
	if (faccessat(dir->fd, ".", W_OK | X_OK, AT_EACCESS) < 0 && errno == EACCES &&
	    st.st_uid != geteuid()) {
		add_unusable(doctor, -EACCES);
		return;
	}
	if (dir->group)
		doctor_add(&doctor->report, DOCTOR_OK, "directory",
			   "%s (%s): a group directory, the writer's user is %s, the group %s",
			   path, origin(doctor), user, doctor_group(st.st_gid, group));
	else
		doctor_add(&doctor->report, DOCTOR_OK, "directory", "%s (%s): private to user %s",
			   path, origin(doctor), user);
}

/* Members share their files with the writer by an ACL. */
static void check_acl(struct doctor *doctor)
{
	int fd, rc;

	if (!doctor->dir.group)
		return;
	fd = openat(doctor->dir.fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return; /* the other checks say why */
	rc = runtime_share(&doctor->dir, fd);
	close(fd);
	if (rc == 0)
		return;
	doctor_add(&doctor->report, DOCTOR_WRONG, "filesystem",
		   "%s: a group directory needs POSIX ACLs, and its file system refuses them: %s",
		   doctor->view.path, strerror(-rc));
	doctor_mend(&doctor->report,
		    "mount a tmpfs there, or name a directory on one in OTLPIPE_DIR");
}

void doctor_directory(struct doctor *doctor)
{
	char *path = doctor->view.path;
	int rc = runtime_path(path, sizeof(doctor->view.path), doctor->given_dir);

	if (rc < 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "directory",
			   "the path %s is too long: it may have %d bytes", origin(doctor),
			   RUNTIME_PATH_BYTES_MAX - 1);
		doctor_mend(&doctor->report, "export OTLPIPE_DIR=/dev/shm/otlpipe-%u",
			    (unsigned)geteuid());
		return;
	}
	doctor_quote(path, doctor->shell_path);
	rc = runtime_open(&doctor->dir, path, false);
	if (rc == -ENOENT) {
		add_missing(doctor);
		return;
	}
	if (rc < 0) {
		add_unusable(doctor, rc);
		return;
	}
	doctor->has_dir = true;
	add_usable(doctor);
	check_filesystem(doctor);
	check_acl(doctor);
	check_control(doctor);
	check_room(doctor);
	check_its_budget(doctor);
	check_logout(doctor);
}
