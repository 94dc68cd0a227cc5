/* SPDX-License-Identifier: Apache-2.0 */
/* The states are made by a queue that is let go batch by batch, with a copy of the regions after
 * each. */
#include "tests/unit/recover_fixture.h"

#include "writer/file/dataname.h"

struct states states;

static void copy_regions(unsigned at)
{
	for (unsigned i = 0; i < REGION_COUNT; i++) {
		const struct region *region = &states.pipe.producers[i];

		states.regions[at][i] = malloc(region->bytes);
		assert_non_null(states.regions[at][i]);
		memcpy(states.regions[at][i], region->header, region->bytes);
	}
}

void restore_regions(unsigned at)
{
	for (unsigned i = 0; i < REGION_COUNT; i++)
		memcpy(states.pipe.producers[i].header, states.regions[at][i],
		       states.pipe.producers[i].bytes);
}

/* A new writer comes: it knows nothing but what is in the files and in the regions. */
void forget_sources(void)
{
	regions_close(&states.pipe.regions);
	regions_open(&states.pipe.regions, &states.pipe.dir);
	assert_int_equal(regions_discover(&states.pipe.regions), 0);
}

/* N batches in a file that is left open, and spans in the rings that are in none. */
int make_states(void **state)
{
	struct pipe *pipe = &states.pipe;

	(void)state;
	pipe_open(pipe, REGION_COUNT, RING_BYTES);
	pipe_open_queue(pipe);
	for (unsigned i = 0; i < 10; i++)
		for (unsigned region = 0; region < REGION_COUNT; region++)
			assert_true(pipe_push(pipe, region, 1000 + 100 * region));
	pipe->drain.quota_bytes = 1;
	copy_regions(0);
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		struct source *source;

		for (source = pipe->regions.sources; source != NULL; source = source->next)
			assert_int_equal(source_drain(source, OTLP_SIGNAL_TRACES, &pipe->drain,
						      pipe->queue.stage, 0),
					 DRAIN_QUOTA);
		assert_int_equal(queue_close_batch(&pipe->queue, pipe->regions.sources), 0);
		pipe_pump(pipe);
		pipe_reap(pipe);
		pipe_pump(pipe);
		copy_regions(batch + 1);
	}
	pipe->drain.quota_bytes = 16 << 10;
	pipe_close_queue(pipe);
	return 0;
}

int drop_states(void **state)
{
	(void)state;
	for (unsigned at = 0; at <= BATCHES; at++)
		for (unsigned i = 0; i < REGION_COUNT; i++)
			free(states.regions[at][i]);
	pipe_close(&states.pipe);
	return 0;
}

int recover(struct recover_report *report)
{
	forget_sources();
	return pipe_recover_output(&states.pipe, report);
}

/* The next writer drains what is left; then everything is there once. */
void go_on_and_check(void)
{
	pipe_open_queue(&states.pipe);
	pipe_settle(&states.pipe);
	pipe_check_all_once(&states.pipe);
	pipe_close_queue(&states.pipe);
}

/* The only file of the directory that is open. */
int open_file(struct data_name *ret)
{
	struct data_name *names;
	struct data_dir dir;
	size_t count;
	int fd;

	assert_int_equal(data_dir_open(states.pipe.out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_OPEN, &names, &count), 0);
	assert_int_equal(count, 1);
	fd = openat(dir.fd, names[0].name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	*ret = names[0];
	free(names);
	data_dir_close(&dir);
	return fd;
}
