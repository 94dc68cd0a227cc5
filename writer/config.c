/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines are cut into key and value by libinih. What it would take in silence is found before: it
 * breaks a line that is too long in two, ends one at a NUL, and takes a line that begins with a
 * blank for more of the value before.
 */
#include "writer/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer/option_table.h"

#define CONFIG_NAME_BYTES_MAX 40u /* of a key that is compared with ours */
#define CONFIG_TEXT_SHOWN     100 /* of a wrong value */

struct config {
	const char *path;
	struct option_text *texts;
	char *problem; /* the first one ends the reading */
	char bytes[CONFIG_BYTES_MAX + 1];
	size_t used, at;
	unsigned line;
};

static void config_fail(struct config *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void config_fail(struct config *config, const char *format, ...)
{
	va_list arguments;
	int n;

	if (config->problem[0] != '\0')
		return;
	n = config->line > 0
		    ? snprintf(config->problem, OPTION_PROBLEM_BYTES, "%.300s:%u: ", config->path,
			       config->line)
		    : snprintf(config->problem, OPTION_PROBLEM_BYTES, "%.300s: ", config->path);
	va_start(arguments, format);
	vsnprintf(config->problem + n, OPTION_PROBLEM_BYTES - (size_t)n, format, arguments);
	va_end(arguments);
}

/* ---- which key was meant ---- */

/* How many letters to change, to add or to leave out: Levenshtein's distance. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[CONFIG_NAME_BYTES_MAX + 1];
	size_t i, j, b_length = strlen(b);

	for (j = 0; j <= b_length; j++)
		row[j] = (unsigned)j;
	for (i = 0; a[i] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (j = 0; j < b_length; j++) {
			const unsigned change = diagonal + (a[i] != b[j]);
			const unsigned less = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = change < less ? change : less;
		}
	}
	return row[b_length];
}

/* The name of an option that is like this one, or NULL. */
static const char *nearest(const char *name)
{
	const char *found = NULL;
	unsigned best = (unsigned)strlen(name) / 3 + 1, i;

	if (strlen(name) > CONFIG_NAME_BYTES_MAX)
		return NULL;
	for (i = 0; i < OPTION_COUNT; i++) {
		const unsigned steps = distance(name, option_rows[i].name);

		if (steps <= best) {
			best = steps - (steps > 0);
			found = option_rows[i].name;
		}
	}
	return found;
}

static void config_fail_unknown(struct config *config, const char *name)
{
	const char *like = nearest(name);

	if (strcmp(name, "config") == 0 || strcmp(name, "print-config") == 0)
		config_fail(config, "%s is for the command line alone", name);
	else if (like != NULL)
		config_fail(config, "there is no key \"%.*s\"; is %s meant?", CONFIG_TEXT_SHOWN,
			    name, like);
	else
		config_fail(config,
			    "there is no key \"%.*s\"; otlpipe-writer --print-config shows all",
			    CONFIG_TEXT_SHOWN, name);
}

/* ---- the file ---- */

static int config_value(struct config *config, unsigned number, const char *value)
{
	const struct option_row *row = &option_rows[number];
	struct option_text *text = &config->texts[number];
	struct options scratch;

	memset(&scratch, 0, sizeof(scratch));
	if (text->text != NULL) {
		config_fail(config, "%s is given twice, the first time on line %u", row->name,
			    text->line);
		return 0;
	}
	if (value[0] == '\0' || row->set(&scratch, value) < 0) {
		config_fail(config, "%s takes %s, not \"%.*s\"", row->name, row->takes,
			    CONFIG_TEXT_SHOWN, value);
		return 0;
	}
	text->text = strdup(value);
	text->origin = OPTION_FILE;
	text->line = config->line;
	if (text->text == NULL)
		config_fail(config, "there is no memory for it");
	return text->text != NULL;
}

/* As libinih wants it. @return nonzero: go on */
static int config_handle(void *user, const char *section, const char *name, const char *value)
{
	struct config *config = user;
	unsigned number;

	if (config->problem[0] != '\0')
		return 0;
	if (section[0] != '\0') {
		config_fail(config, "there are no sections: leave [%.*s] out", CONFIG_TEXT_SHOWN,
			    section);
		return 0;
	}
	for (number = 0; number < OPTION_COUNT; number++)
		if (strcmp(option_rows[number].name, name) == 0)
			return config_value(config, number, value);
	config_fail_unknown(config, name);
	return 0;
}

/* As libinih wants it: the next line, as fgets() has it, or NULL. */
static char *config_line(char *ret, int bytes, void *stream)
{
	struct config *config = stream;
	const char *from, *end;
	size_t length;

	if (config->at == config->used || config->problem[0] != '\0')
		return NULL;
	config->line++;
	from = config->bytes + config->at;
	end = memchr(from, '\n', config->used - config->at);
	length = end != NULL ? (size_t)(end - from) + 1 : config->used - config->at;
	config->at += length;
	if (memchr(from, '\0', length) != NULL) {
		config_fail(config, "there is a NUL in it: this is no file of text");
		return NULL;
	}
	while (length > 0 && (*from == ' ' || *from == '\t')) {
		from++;
		length--;
	}
	/* As much as it has room for behind a comment is as good as none. */
	if (length > 0 && (*from == '#' || *from == ';'))
		length = 0;
	if (length >= (size_t)bytes) {
		config_fail(config, "the line is longer than %d bytes", bytes - 1);
		return NULL;
	}
	memcpy(ret, from, length);
	ret[length] = '\0';
	if (length == 0)
		strcpy(ret, "\n");
	return ret;
}

/* A plain file alone: a pipe could block a writer that reads it again. */
static void config_load(struct config *config)
{
	int fd = open(config->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		config_fail(config, "the configuration cannot be read: %s", strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		config_fail(config, "the configuration is no plain file");
	} else {
		while (config->used < sizeof(config->bytes)) {
			ssize_t n = read(fd, config->bytes + config->used,
					 sizeof(config->bytes) - config->used);

			if (n < 0)
				config_fail(config, "the configuration cannot be read: %s",
					    strerror(errno));
			if (n <= 0)
				break;
			config->used += (size_t)n;
		}
		if (config->used > CONFIG_BYTES_MAX)
			config_fail(config, "the configuration is larger than %u bytes",
				    CONFIG_BYTES_MAX);
	}
	if (fd >= 0)
		close(fd);
}

int config_read(const char *path, struct option_text ret[OPTION_COUNT],
		char problem[OPTION_PROBLEM_BYTES])
{
	struct option_text texts[OPTION_COUNT];
	struct config *config = calloc(1, sizeof(*config));
	unsigned i;
	int line;

	memset(texts, 0, sizeof(texts));
	problem[0] = '\0';
	if (config == NULL) {
		snprintf(problem, OPTION_PROBLEM_BYTES, "%.300s: there is no memory to read it",
			 path);
		return -EINVAL;
	}
	config->path = path;
	config->texts = texts;
	config->problem = problem;
	config_load(config);
	line = ini_parse_stream(config_line, config, config_handle, config);
	if (line != 0 && problem[0] == '\0') {
		config->line = line > 0 ? (unsigned)line : 0;
		config_fail(config, "this is neither \"key = value\" nor a comment");
	}
	for (i = 0; i < OPTION_COUNT; i++) {
		if (problem[0] != '\0')
			free((char *)(uintptr_t)texts[i].text);
		else if (texts[i].text != NULL)
			ret[i] = texts[i];
	}
	free(config);
	return problem[0] != '\0' ? -EINVAL : 0;
}
