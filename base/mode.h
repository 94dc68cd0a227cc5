/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modes of what we make. A umask takes bits away from whatever is made, also the owner's, and a
 * directory without x can be entered by nobody. So modes are set, not hoped for: the umask decides
 * about the group alone, and a directory's x goes with its r.
 */
#ifndef OTLPIPE_BASE_MODE_H
#define OTLPIPE_BASE_MODE_H

#include <sys/types.h>

/**
 * For a program, before it makes files: remember its umask, and close what is made to all others
 * until its mode is set.
 */
void mode_take_umask(void);

/* 0750 and 0640, or 0700 and 0600 where the umask does not let the group read. */
mode_t mode_of_directory(void);
mode_t mode_of_file(void);

/**
 * Give a file that we have just made exactly these bits for owner, group and others. A file system
 * that has no modes of its own may refuse, which is good enough where the owner has its bits all
 * the same.
 *
 * @return 0, or the errno of what failed
 */
int mode_set(int fd, mode_t mode);

#endif
