/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which directory may be a runtime directory. The owner of one can read what is pushed there, and
 * can end a process that has mapped a file there, by cutting the file. So it is decided by who owns
 * the directory, and by who could have put it where it is.
 */
#ifndef OTLPIPE_SHM_TRUST_H
#define OTLPIPE_SHM_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>

#define TRUST_GROUP_MODE 03770 /* of a group directory: this and nothing else */

enum trust {
	TRUST_PRIVATE,	    /* this user's own, closed to all others */
	TRUST_GROUP,	    /* a group directory that root, this user, or one they trust has made */
	TRUST_NOT,	    /* its owner or its mode */
	TRUST_NOT_DEFAULT,  /* the default path must be private: nobody has named it */
	TRUST_NOT_ITS_PLACE /* a group directory where a third user could have put it */
};

/**
 * @param fd               the directory, open
 * @param st               what fstat() says of it
 * @param is_default_path  of this user
 */
enum trust trust_look(int fd, const struct stat *st, bool is_default_path);

#endif
