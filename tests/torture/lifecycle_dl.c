/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the library by name, pushes, and unloads it, again and again.
 *
 * usage: lifecycle_dl LIBRARY TIMES
 * Prints how many descriptors and mappings of the shared memory are left, and
 * how many spans were accepted: "0 0 TIMES" is right.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <otlpipe/otlpipe.h>

static int count_descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	int count = 0;

	if (stream == NULL)
		exit(1);
	while (readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count;
}

static int count_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[4096];
	int count = 0;

	if (file == NULL)
		exit(1);
	while (fgets(line, sizeof(line), file) != NULL)
		count += strstr(line, "/dev/shm/") != NULL || strstr(line, "libotlpipe") != NULL;
	fclose(file);
	return count;
}

static int use(const char *path)
{
	struct otlp_span span = {
		.trace_id = {1}, .span_id = {1}, .name = OTLP_STR("dl"), .start_time_unix_ns = 1};
	int (*open_library)(struct otlp_library **, const struct otlp_options *);
	int (*export_traces)(struct otlp_library *, const struct otlp_span *, size_t);
	void (*unref)(struct otlp_library *);
	struct otlp_library *library;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int accepted;

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&open_library = dlsym(handle, "otlp_library_open");
	*(void **)&export_traces = dlsym(handle, "otlp_library_export_traces");
	*(void **)&unref = dlsym(handle, "otlp_library_unref");
	if (open_library(&library, NULL) != OTLP_OK)
		exit(1);
	accepted = export_traces(library, &span, 1) == OTLP_OK;
	unref(library);
	dlclose(handle);
	return accepted;
}

int main(int argc, char **argv)
{
	int times, accepted = 0, descriptors, maps, i;

	if (argc != 3)
		return 2;
	times = atoi(argv[2]);
	descriptors = count_descriptors();
	maps = count_maps();
	for (i = 0; i < times; i++)
		accepted += use(argv[1]);
	printf("%d %d %d\n", count_descriptors() - descriptors, count_maps() - maps, accepted);
	return 0;
}
