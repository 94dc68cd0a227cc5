/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kills a producer at each instruction of a push. For N = 0, 1, 2 … a child opens the library,
 * comes to the push in question, and is stepped N instructions into it, then killed, until N is
 * more than the push has. As soon as its claim is made another thread of it pushes behind it: those
 * records must survive the hole. A writer is expected to be at work on the runtime directory.
 *
 * usage: pushkill LEDGER small|large|wrap|shaped|log|shaped-log|full
 * Slots of the ledger: run N has 8 * N for the push and 8 * N + 2 for the other thread; for the
 * push of a log record 8 * N + 3 and 8 * N + 7. The push through a shape is the first through it,
 * so that the shape goes into the region's table. The full one finds its lane full, and falls over
 * to another: what fills it are claims of the same thread that nobody ends. The output is JSON:
 * runs, runs with a hole, the bytes that the writer must report as torn. Exit 77: no ptrace.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/library.h"
#include "core/record/signal.h"
#include "shm/layout.h"
#include "tests/torture/ledger.h"

#define RING_BYTES  (32u << 10)
#define BEHIND	    3u
#define RUNS_MAX    (LEDGER_SLOTS_MAX / 8)
#define WAITS_MAX   60000u /* of a millisecond each */
#define SMALL_BYTES 64u
#define LARGE_BYTES 1500u

enum kind {
	KIND_SMALL,
	KIND_LARGE,
	KIND_WRAP,
	KIND_SHAPED,
	KIND_LOG,
	KIND_SHAPED_LOG,
	KIND_FULL,
	KIND_COUNT
};

static bool is_of_log(enum kind kind)
{
	return kind == KIND_LOG || kind == KIND_SHAPED_LOG;
}

static bool is_of_shape(enum kind kind)
{
	return kind == KIND_SHAPED || kind == KIND_SHAPED_LOG;
}

/* Shared between the child and who steps it. */
struct stage {
	const struct ring_shared *shared; /* where the child has them */
	const uint8_t *data;
	uint64_t begin;	  /* the tail before the push */
	uint32_t claimed; /* the claim is made: others may push */
	uint32_t behind;  /* records that the other thread has pushed */
};

static struct stage *stage;
static struct ledger ledger;
static struct otlp_library *library;
static _Thread_local uint32_t own_lane; /* as if the kernel had said so */

static void wait_a_little(unsigned *waits)
{
	struct timespec ms = {.tv_nsec = 1000000};

	if (++*waits > WAITS_MAX) {
		fprintf(stderr, "pushkill: waited too long\n");
		_exit(1);
	}
	nanosleep(&ms, NULL);
}

static void *push_behind(void *argument)
{
	const uint32_t slot = *(const uint32_t *)argument;
	unsigned waits = 0;

	while (__atomic_load_n(&stage->claimed, __ATOMIC_ACQUIRE) == 0)
		wait_a_little(&waits);
	while (stage->behind < BEHIND) {
		if (ledger_push_next(&ledger, library, slot) == OTLP_OK)
			__atomic_store_n(&stage->behind, stage->behind + 1, __ATOMIC_RELEASE);
		else
			wait_a_little(&waits);
	}
	for (;;)
		pause();
	return NULL;
}

/* A second mapping of our own ring of that signal. */
static void find_ring(enum otlp_signal signal)
{
	DIR *dir = opendir(getenv("OTLPIPE_DIR"));
	struct dirent *entry;
	char mine[32];

	snprintf(mine, sizeof(mine), "%d-", (int)getpid());
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct region_header *header;
		struct stat st;
		int fd;

		if (strncmp(entry->d_name, mine, strlen(mine)) != 0)
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			_exit(1);
		header = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (header == MAP_FAILED)
			_exit(1);
		close(fd);
		stage->shared = (const void *)((const uint8_t *)header +
					       header->rings[signal].control_offset);
		stage->data = (const uint8_t *)header + header->rings[signal].data_offset;
		closedir(dir);
		return;
	}
	_exit(1);
}

static uint64_t tail_of(void)
{
	return __atomic_load_n(&stage->shared->tail, __ATOMIC_RELAXED);
}

/* Is the next push of this slot the one that we want? */
static bool is_wanted(enum kind kind, uint32_t slot)
{
	char text[LEDGER_TEXT_BYTES_MAX];
	size_t bytes = ledger_text(slot, ledger.words[slot] + 1, text);
	uint64_t to_end = RING_BYTES - tail_of() % RING_BYTES;

	switch (kind) {
	case KIND_SMALL:
	case KIND_FULL:
	case KIND_SHAPED:
	case KIND_LOG:
	case KIND_SHAPED_LOG:
		return bytes < SMALL_BYTES && to_end > 1024;
	case KIND_LARGE:
		return bytes >= LARGE_BYTES && to_end > 4096;
	default:
		return bytes >= SMALL_BYTES && to_end < bytes;
	}
}

/* The second lane of the spans: claimed whole, and no claim of it is ever ended. */
static void fill_second_lane(void)
{
	struct ring *const ring =
		&library->producer.regions[0].rings[ring_number(OTLP_SIGNAL_TRACES, 1)];
	struct ring_claim claim;

	if (ring->bytes != RING_BYTES)
		_exit(1);
	while (ring_claim(ring, (uint32_t)ring->payload_bytes_max, 1, &claim))
		;
	if (ring->shared->tail != RING_BYTES)
		_exit(1);
}

/* As if it had looked just now whether its region still has its name: thousands of steps. */
static void skip_look(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	library->producer.page->looked_ms =
		((uint32_t)now.tv_sec * 1000 + (uint32_t)now.tv_nsec / 1000000) | 1;
}

static void be_a_producer(enum kind kind, uint32_t slot)
{
	struct otlp_options options;
	uint32_t other = slot + (is_of_log(kind) ? 4 : 2);
	unsigned waits = 0;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = options.ring_bytes[OTLP_SIGNAL_METRICS] =
		options.ring_bytes[OTLP_SIGNAL_LOGS] = RING_BYTES;
	options.lanes = 1;
	if (kind == KIND_FULL) {
		options.ring_bytes[OTLP_SIGNAL_TRACES] = 2 * RING_BYTES;
		options.lanes = 2;
	}
	if (otlp_library_open(&library, &options) < 0)
		_exit(1);
	library->producer.lanes.number_offset =
		(ptrdiff_t)((uintptr_t)&own_lane - (uintptr_t)__builtin_thread_pointer());
	if (kind == KIND_FULL)
		fill_second_lane();
	if (pthread_create(&thread, NULL, push_behind, &other) != 0)
		_exit(1);
	find_ring(ledger_signal_of(slot));
	while (!is_wanted(kind, slot))
		if (ledger_push_next(&ledger, library, slot) != OTLP_OK)
			wait_a_little(&waits);
	/* Room for it, wherever it comes to lie. */
	while (__atomic_load_n(&stage->shared->head, __ATOMIC_ACQUIRE) != tail_of())
		wait_a_little(&waits);
	stage->begin = tail_of();
	own_lane = kind == KIND_FULL;
	skip_look();
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	raise(SIGSTOP);
	if (is_of_shape(kind))
		(void)ledger_push_next_shaped(&ledger, library, slot);
	else
		(void)ledger_push_next(&ledger, library, slot);
	_exit(1);
}

static uint64_t peek(pid_t pid, const void *address)
{
	return (uint64_t)ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)address, NULL);
}

static uint64_t word_at(pid_t pid, uint64_t position)
{
	return peek(pid, stage->data + position % RING_BYTES);
}

static uint64_t done_of(pid_t pid)
{
	const struct ring_shared *shared = stage->shared;

	return peek(pid, &shared->done[peek(pid, &shared->done_slot) & 1].position);
}

/*
 * What the writer will find of the claim [begin, end) that is neither record nor padding. It is at
 * work, and may have taken both: it zeroes them then, after it has stored how far it is done.
 */
static uint64_t torn_bytes(pid_t pid, uint64_t end)
{
	uint64_t word = word_at(pid, stage->begin), at = done_of(pid);

	if (at == stage->begin && entry_state(word) == ENTRY_PADDING)
		at += entry_bytes(entry_payload_bytes(word));
	if (at < end && entry_state(word_at(pid, at)) == ENTRY_COMMITTED)
		return 0;
	return done_of(pid) >= end ? 0 : end - at;
}

#ifdef __x86_64__

static uintptr_t push_of(enum kind kind)
{
	switch (kind) {
	case KIND_SHAPED:
		return (uintptr_t)otlp_library_export_shaped;
	case KIND_LOG:
		return (uintptr_t)otlp_library_export_logs;
	case KIND_SHAPED_LOG:
		return (uintptr_t)otlp_library_export_logs_shaped;
	default:
		return (uintptr_t)otlp_library_export_traces;
	}
}

/* From where the child has stopped to the library's first instruction. @return its stack, or 0 */
static uint64_t run_to_push(pid_t pid, enum kind kind)
{
	const uintptr_t at = push_of(kind);
	struct user_regs_struct regs;
	const long word = ptrace(PTRACE_PEEKTEXT, pid, (void *)at, NULL);
	int status;

	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)PTRACE_O_EXITKILL);
	ptrace(PTRACE_POKETEXT, pid, (void *)at, (void *)((word & ~0xffL) | 0xcc));
	if (ptrace(PTRACE_CONT, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid ||
	    !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		return 0;
	ptrace(PTRACE_POKETEXT, pid, (void *)at, (void *)word);
	ptrace(PTRACE_GETREGS, pid, NULL, &regs);
	regs.rip = at;
	ptrace(PTRACE_SETREGS, pid, NULL, &regs);
	return regs.rsp;
}

/* @return 1: one instruction further; 0: that was the push's last one; negative: failed */
static int step(pid_t pid, uint64_t stack)
{
	struct user_regs_struct regs;
	int status;

	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid ||
	    !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		return -EIO;
	ptrace(PTRACE_GETREGS, pid, NULL, &regs);
	return regs.rsp <= stack;
}

#else

static uint64_t run_to_push(pid_t pid, enum kind kind)
{
	(void)kind;
	kill(pid, SIGKILL);
	fprintf(stderr, "pushkill: for x86-64 alone\n");
	exit(77);
}

static int step(pid_t pid, uint64_t stack)
{
	(void)pid;
	(void)stack;
	return -ENOSYS;
}

#endif

/* @return 1: killed after so many instructions; 0: the push is over before; negative: failed */
static int run(enum kind kind, uint32_t slot, unsigned long steps, uint64_t *ret_torn,
	       bool *ret_wrapped)
{
	uint64_t end = 0, stack;
	unsigned waits = 0;
	int status, rc = 1;
	pid_t pid;

	memset(stage, 0, sizeof(*stage));
	pid = fork();
	if (pid == 0)
		be_a_producer(kind, slot);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return WIFEXITED(status) && WEXITSTATUS(status) == 77 ? -ENOSYS : -EIO;
	stack = run_to_push(pid, kind);
	for (unsigned long n = 0; rc == 1 && n < steps; n++) {
		rc = stack == 0 ? -EIO : step(pid, stack);
		/* Nobody else pushes until we have seen where the claim ends. */
		if (rc >= 0 && end == 0 && peek(pid, &stage->shared->tail) != stage->begin) {
			end = peek(pid, &stage->shared->tail);
			__atomic_store_n(&stage->claimed, 1, __ATOMIC_RELEASE);
		}
	}
	*ret_torn = 0;
	if (rc >= 0 && end != 0) {
		while (__atomic_load_n(&stage->behind, __ATOMIC_ACQUIRE) < BEHIND)
			wait_a_little(&waits);
		*ret_torn = torn_bytes(pid, end);
		*ret_wrapped = stage->begin / RING_BYTES != (end - 1) / RING_BYTES;
	}
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? rc : -EIO;
}

int main(int argc, char **argv)
{
	static const char *const kinds[KIND_COUNT] = {"small", "large",	     "wrap", "shaped",
						      "log",   "shaped-log", "full"};
	unsigned runs = 0, holes = 0, wrapped = 0;
	unsigned kind = 0;
	uint64_t torn = 0;
	int rc = 1;

	while (argc == 3 && kind < KIND_COUNT && strcmp(argv[2], kinds[kind]) != 0)
		kind++;
	if (argc != 3 || kind == KIND_COUNT || ledger_open(&ledger, argv[1]) < 0)
		return 2;
	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (stage == MAP_FAILED)
		return 1;
	for (; rc == 1 && runs < RUNS_MAX; runs++) {
		uint64_t bytes;
		bool is_wrapped = false;

		rc = run((enum kind)kind, runs * 8 + (is_of_log((enum kind)kind) ? 3 : 0), runs,
			 &bytes, &is_wrapped);
		if (rc == -ENOSYS)
			return 77;
		if (rc < 0) {
			fprintf(stderr, "pushkill: run %u failed\n", runs);
			return 1;
		}
		holes += bytes > 0;
		torn += bytes + (kind == KIND_FULL ? RING_BYTES : 0);
		wrapped += is_wrapped;
	}
	printf("{\"runs\":%u,\"is_whole\":%d,\"holes\":%u,\"wrapped\":%u,\"torn_bytes\":%llu}\n",
	       runs, rc == 0, holes, wrapped, (unsigned long long)torn);
	return 0;
}
