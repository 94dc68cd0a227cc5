/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of compressing a file, in bounded memory. When, and which file, is pack.c's. */
#include "writer/file/pack_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/mode.h"
#include "writer/file/unzst.h"

#define SUFFIX_TMP  ".tmp"
#define PIECE_BYTES ((size_t)128 << 10)

/* Between the last look at a plain file and its removal. */
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

void pack_lock(void)
{
	pthread_mutex_lock(&names);
}

void pack_unlock(void)
{
	pthread_mutex_unlock(&names);
}

struct packing {
	const struct data_dir *dir;
	const char *plain_name;
	char packed_name[DATA_NAME_BYTES];
	char tmp_name[DATA_NAME_BYTES + sizeof(SUFFIX_TMP)];
	int plain_fd, tmp_fd;
	struct stat plain; /* as it was opened */
	uint64_t bytes;
	uint64_t packed_bytes;
	uint64_t hash; /* of the plain bytes */
	bool (*is_stopping)(void *context);
	void *context;
	uint8_t in[PIECE_BYTES], out[PIECE_BYTES];
};

static ssize_t read_piece(int fd, uint8_t *to, uint64_t offset)
{
	ssize_t n;

	do
		n = pread(fd, to, PIECE_BYTES, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int write_out(struct packing *packing, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t n = pwrite(packing->tmp_fd, packing->out + at, bytes - at,
				   (off_t)packing->packed_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
		packing->packed_bytes += (uint64_t)n;
	}
	return 0;
}

/* One piece through the compressor; the last one ends the frame. */
static int compress_piece(struct packing *packing, ZSTD_CCtx *zstd, size_t bytes, bool is_last)
{
	ZSTD_inBuffer in = {.src = packing->in, .size = bytes};
	const ZSTD_EndDirective how = is_last ? ZSTD_e_end : ZSTD_e_continue;
	size_t left;
	int rc;

	do {
		ZSTD_outBuffer out = {.dst = packing->out, .size = sizeof(packing->out)};

		left = ZSTD_compressStream2(zstd, &out, &in, how);
		if (ZSTD_isError(left))
			return -ENOMEM; /* all else would be a fault of ours */
		rc = write_out(packing, out.pos);
		if (rc < 0)
			return rc;
	} while (is_last ? left != 0 : in.pos < in.size);
	return 0;
}

static int compress_all(struct packing *packing, ZSTD_CCtx *zstd, XXH3_state_t *hash)
{
	uint64_t at = 0;

	while (at < packing->bytes) {
		ssize_t n = read_piece(packing->plain_fd, packing->in, at);
		int rc;

		if (packing->is_stopping(packing->context))
			return -ECANCELED;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO; /* somebody cuts it */
		if ((uint64_t)n > packing->bytes - at)
			n = (ssize_t)(packing->bytes - at);
		at += (uint64_t)n;
		(void)XXH3_64bits_update(hash, packing->in, (size_t)n);
		rc = compress_piece(packing, zstd, (size_t)n, at == packing->bytes);
		if (rc < 0)
			return rc;
	}
	packing->hash = XXH3_64bits_digest(hash);
	return fsync(packing->tmp_fd) < 0 ? -errno : 0;
}

static int compress(struct packing *packing, int level)
{
	XXH3_state_t *hash = XXH3_createState();
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	int rc = hash != NULL && zstd != NULL ? 0 : -ENOMEM;

	if (rc == 0) {
		(void)XXH3_64bits_reset(hash);
		/* All within their bounds, so they cannot be refused. */
		(void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
		(void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
		(void)ZSTD_CCtx_setPledgedSrcSize(zstd, packing->bytes);
		rc = compress_all(packing, zstd, hash);
	}
	ZSTD_freeCCtx(zstd);
	XXH3_freeState(hash);
	return rc;
}

static int unpack_all(struct packing *packing, struct unzst *unzst, XXH3_state_t *hash)
{
	uint64_t at = 0, total = 0;
	size_t left = 0, begin = 0;

	for (;;) {
		size_t used, made;
		int rc = unzst_step(unzst, packing->in + begin, left, &used, packing->out,
				    sizeof(packing->out), &made);
		ssize_t n;

		if (rc < 0)
			return rc == -ENOMEM ? rc : -EUCLEAN;
		if (packing->is_stopping(packing->context))
			return -ECANCELED;
		(void)XXH3_64bits_update(hash, packing->out, made);
		total += made;
		begin += used;
		left -= used;
		if (made > 0 || left > 0)
			continue;
		n = read_piece(packing->tmp_fd, packing->in, at);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		at += (uint64_t)n;
		left = (size_t)n;
		begin = 0;
	}
	return !unzst->is_inside && total == packing->bytes &&
			       XXH3_64bits_digest(hash) == packing->hash
		       ? 0
		       : -EUCLEAN;
}

/* Does it read back as what it was made of? Only then the plain one may go. */
static int read_back(struct packing *packing)
{
	XXH3_state_t *hash = XXH3_createState();
	struct unzst unzst = {0};
	int rc = hash != NULL ? unzst_open(&unzst) : -ENOMEM;

	if (rc == 0) {
		(void)XXH3_64bits_reset(hash);
		rc = unpack_all(packing, &unzst, hash);
	}
	unzst_close(&unzst);
	XXH3_freeState(hash);
	return rc;
}

static int open_both(struct packing *packing)
{
	const int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

	packing->plain_fd = openat(packing->dir->fd, packing->plain_name, O_RDONLY | flags);
	if (packing->plain_fd < 0)
		return errno == ENOENT ? PACK_NOT : -errno;
	if (fstat(packing->plain_fd, &packing->plain) < 0)
		return -errno;
	if (!S_ISREG(packing->plain.st_mode) || (uint64_t)packing->plain.st_size != packing->bytes)
		return PACK_NOT;
	if (unlinkat(packing->dir->fd, packing->tmp_name, 0) < 0 && errno != ENOENT)
		return -errno;
	packing->tmp_fd = openat(packing->dir->fd, packing->tmp_name,
				 O_RDWR | O_CREAT | O_EXCL | flags, mode_of_file());
	if (packing->tmp_fd < 0)
		return -errno;
	return mode_set(packing->tmp_fd, mode_of_file());
}

/* Under its name, and the plain one away, unless that is gone or another has its name. */
static int publish(struct packing *packing)
{
	const int dirfd = packing->dir->fd;
	struct stat now;
	int rc = PACK_NOT;

	pack_lock();
	if (fstatat(dirfd, packing->plain_name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_ino == packing->plain.st_ino && now.st_dev == packing->plain.st_dev) {
		rc = renameat2(dirfd, packing->tmp_name, dirfd, packing->packed_name, 0) < 0
			     ? -errno
			     : 0;
		if (rc == 0)
			rc = data_dir_sync(packing->dir);
		if (rc == 0 && unlinkat(dirfd, packing->plain_name, 0) < 0)
			rc = -errno;
		if (rc == 0)
			(void)data_dir_sync(packing->dir); /* else both are there: no harm */
	}
	pack_unlock();
	return rc;
}

static int make(struct packing *packing, int level)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, packing->plain.st_mtim};
	int rc = compress(packing, level);

	if (rc == 0 && packing->packed_bytes >= packing->bytes)
		return PACK_NOT;
	if (rc == 0)
		rc = read_back(packing);
	/* For a manifest that is lost: when the file was sealed. */
	if (rc == 0)
		(void)futimens(packing->tmp_fd, times);
	return rc == 0 ? publish(packing) : rc;
}

int pack_file(const struct data_dir *dir, const struct data_name *name, uint64_t bytes, int level,
	      bool (*is_stopping)(void *context), void *context, uint64_t *ret_bytes)
{
	struct packing *packing = malloc(sizeof(*packing));
	struct data_name packed;
	int rc;

	if (packing == NULL)
		return -ENOMEM;
	*packing = (struct packing){.dir = dir,
				    .plain_name = name->name,
				    .plain_fd = -1,
				    .tmp_fd = -1,
				    .bytes = bytes,
				    .is_stopping = is_stopping,
				    .context = context};
	data_name_as(name, DATA_PACKED, 0, &packed);
	memcpy(packing->packed_name, packed.name, sizeof(packing->packed_name));
	snprintf(packing->tmp_name, sizeof(packing->tmp_name), "%s" SUFFIX_TMP, packed.name);
	rc = open_both(packing);
	if (rc == 0)
		rc = make(packing, level);
	*ret_bytes = packing->packed_bytes;
	if (rc != 0 && packing->tmp_fd >= 0)
		(void)unlinkat(dir->fd, packing->tmp_name, 0);
	if (packing->plain_fd >= 0)
		close(packing->plain_fd);
	if (packing->tmp_fd >= 0)
		close(packing->tmp_fd);
	free(packing);
	return rc;
}

/* ---- what was left ---- */

static bool is_tmp(const struct data_dir *dir, const char *name)
{
	const size_t suffix_bytes = sizeof(SUFFIX_TMP) - 1, bytes = strlen(name);
	char packed[DATA_NAME_BYTES];
	struct data_name parsed;

	if (bytes <= suffix_bytes || bytes - suffix_bytes >= sizeof(packed) ||
	    strcmp(name + bytes - suffix_bytes, SUFFIX_TMP) != 0)
		return false;
	memcpy(packed, name, bytes - suffix_bytes);
	packed[bytes - suffix_bytes] = '\0';
	return data_name_parse(dir->signal, packed, &parsed) == 0 && parsed.kind == DATA_PACKED;
}

/* Packed, and the plain one is there too. */
static bool is_twin(const struct data_dir *dir, const char *name)
{
	struct data_name packed, plain;
	struct stat st;

	if (data_name_parse(dir->signal, name, &packed) < 0 || packed.kind != DATA_PACKED)
		return false;
	data_name_as(&packed, DATA_SEALED, 0, &plain);
	return fstatat(dir->fd, plain.name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int pack_clean(const struct data_dir *dir)
{
	const struct dirent *entry;
	DIR *stream;
	int rc = descriptor_opendir(dir->fd, &stream);

	if (rc < 0)
		return rc;
	for (;;) {
		errno = 0;
		entry = readdir(stream);
		if (entry == NULL) {
			rc = -errno;
			break;
		}
		if (!is_tmp(dir, entry->d_name) && !is_twin(dir, entry->d_name))
			continue;
		if (unlinkat(dir->fd, entry->d_name, 0) < 0 && errno != ENOENT)
			log_line("%s/%s is left over, and cannot be removed: %s", dir->signal,
				 entry->d_name, strerror(errno));
	}
	closedir(stream);
	return rc;
}
