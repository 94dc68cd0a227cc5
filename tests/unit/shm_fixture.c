/* SPDX-License-Identifier: Apache-2.0 */
/* What a test has in shared memory goes also when it fails. */
#include "tests/unit/shm_fixture.h"

#include "tests/unit/remove_tree.h"

char shm_fixture_path[64];
struct runtime_dir shm_fixture_dir = {.fd = -1};

static pid_t shm_fixture_owner;

/* With all that is in it: the library may have put files of its own there. */
static void shm_fixture_remove(void)
{
	if (shm_fixture_owner != getpid() || shm_fixture_path[0] == '\0')
		return;
	(void)remove_tree(shm_fixture_path);
	shm_fixture_path[0] = '\0';
}

int shm_fixture_setup(void **state)
{
	static bool registered;

	if (!registered)
		atexit(shm_fixture_remove);
	registered = true;
	shm_fixture_owner = getpid();
	strcpy(shm_fixture_path, "/dev/shm/otlpipe-test-XXXXXX");
	assert_non_null(mkdtemp(shm_fixture_path));
	assert_int_equal(runtime_open(&shm_fixture_dir, shm_fixture_path, false), 0);
	*state = &shm_fixture_dir;
	return 0;
}

int shm_fixture_teardown(void **state)
{
	(void)state;
	runtime_close(&shm_fixture_dir);
	shm_fixture_remove();
	return 0;
}

pid_t fork_child(void)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(99);
	}
	return pid;
}

void *share(size_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(map != MAP_FAILED);
	return map;
}

int wait_child(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

void expect_child_succeeds(pid_t pid)
{
	int status = wait_child(pid);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

bool wait_for_word(const uint32_t *word, uint32_t least)
{
	for (unsigned i = 0; i < 60000; i++) {
		if (atomic_load_acquire_u32(word) >= least)
			return true;
		usleep(1000);
	}
	return false;
}

bool wait_for_death(const struct region_view *view)
{
	for (unsigned i = 0; i < 60000; i++) {
		if (region_is_alive(view) == 0)
			return true;
		usleep(1000);
	}
	return false;
}

bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

bool can_be_stepped(void)
{
#if defined(__aarch64__)
	return false;
#else
	return !under_valgrind();
#endif
}

void find_region(char ret[REGION_NAME_BYTES_MAX])
{
	DIR *dir = opendir(shm_fixture_path);
	struct dirent *entry;
	unsigned found = 0;
	uint32_t pid;
	uint64_t id;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (region_parse_name(entry->d_name, &pid, &id)) {
			strcpy(ret, entry->d_name);
			found++;
		}
	}
	closedir(dir);
	assert_int_equal(found, 1);
}
