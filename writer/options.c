/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each option's text comes from: flags by argp, the environment, the file. What the texts
 * mean is option_table.c's.
 */
#include "writer/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arguments.h"
#include "base/environment.h"
#include "shm/runtime.h"
#include "writer/config.h"
#include "writer/option_table.h"

#define OPTION_PROGRAM	   "otlpipe-writer"
#define OPTION_EXIT_USAGE  2
#define OPTION_CONFIG_NAME "OTLPIPE_CONFIG"

/* Keys of argp: rows from here on, where they have no letter. */
enum option_key { OPTION_KEY_ROWS = 256, OPTION_KEY_CONFIG = 1024, OPTION_KEY_PRINT };

struct option_words {
	struct options *options;
	bool prints; /* --print-config */
};

static void problem_set(char problem[OPTION_PROBLEM_BYTES], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first one counts. */
static void problem_set(char problem[OPTION_PROBLEM_BYTES], const char *format, ...)
{
	va_list arguments;

	if (problem[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(problem, OPTION_PROBLEM_BYTES, format, arguments);
	va_end(arguments);
}

/* ---- flags ---- */

static int row_key(unsigned number)
{
	const char letter = option_rows[number].letter;

	return letter != 0 ? letter : OPTION_KEY_ROWS + (int)number;
}

/* A flag that is a list and was given before: one text of both. */
static int add_to_list(struct option_text *given, const char *text)
{
	char *both;

	if (asprintf(&both, "%s,%s", given->text, text) < 0)
		return -ENOMEM;
	given->text = both; /* the parts are argv's; the sums before this one are few and small */
	return 0;
}

static error_t take_row(unsigned number, const char *text, struct argp_state *state)
{
	struct option_words *words = state->input;
	struct option_text *given = &words->options->given[number];
	const struct option_row *row = &option_rows[number];
	struct options scratch;
	int rc = 0;

	memset(&scratch, 0, sizeof(scratch));
	if (row->is_list && given->origin == OPTION_FLAG)
		rc = add_to_list(given, text);
	else
		given->text = text != NULL ? text : row->value_is_optional ? "forever" : "1";
	if (rc == -ENOMEM)
		return ENOMEM;
	given->origin = OPTION_FLAG;
	if (row->set(&scratch, given->text) < 0)
		return arguments_refuse(state, "--%s takes %s, not \"%s\"", row->name, row->takes,
					text);
	return 0;
}

static error_t option_parse(int key, char *text, struct argp_state *state)
{
	struct option_words *words = state->input;
	unsigned number;

	switch (key) {
	case ARGP_KEY_ARG:
		return arguments_refuse(state, "it takes no argument, and not \"%s\"", text);
	case OPTION_KEY_CONFIG:
		words->options->config = text;
		return text[0] != '\0' ? 0
				       : arguments_refuse(state, "--config takes a path, not \"\"");
	case OPTION_KEY_PRINT:
		words->prints = true;
		return 0;
	default:
		for (number = 0; number < OPTION_COUNT; number++)
			if (row_key(number) == key)
				return take_row(number, text, state);
		return ARGP_ERR_UNKNOWN;
	}
}

static int parse_flags(struct option_words *words, int argc, char **argv)
{
	struct argp_option table[OPTION_COUNT + 3];
	const struct argp argp = {
		.options = table,
		.parser = option_parse,
		.doc = "Drain the rings of all producers in a runtime directory into OTLP files.\v"
		       "Also by variable (OTLPIPE_BATCH_BYTES=2MiB) or key of the file "
		       "(batch-bytes).\n"
		       "SIGTERM, SIGINT: drain, seal, exit. SIGHUP: seal, read the configuration.\n"
		       "Times: ns us ms s m h d; sizes: KiB MiB GiB, KB MB GB.",
	};
	unsigned i;

	memset(table, 0, sizeof(table));
	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];

		table[i].name = row->name;
		table[i].key = row_key(i);
		table[i].arg = row->value;
		table[i].flags = (row->value_is_optional ? OPTION_ARG_OPTIONAL : 0) |
				 (row->is_rare ? ARGUMENTS_RARE : 0);
		table[i].doc = row->help;
	}
	table[i++] = (struct argp_option){"config",
					  OPTION_KEY_CONFIG,
					  "FILE",
					  0,
					  "read this file ($" OPTION_CONFIG_NAME ", else none)",
					  0};
	table[i] = (struct argp_option){"print-config",
					OPTION_KEY_PRINT,
					NULL,
					ARGUMENTS_RARE,
					"print each value and its origin, then exit",
					0};
	return arguments_parse(&argp, OPTION_PROGRAM " " OTLPIPE_VERSION, argc, argv, words);
}

/* ---- the environment, the file, the defaults ---- */

/* As the library reads its own: without the blanks around it. NULL: it is not set. */
static const char *variable(const char *name, unsigned number)
{
	/* The options point to them for as long as the process runs. */
	static char *kept[OPTION_COUNT + 1];
	const char *text;
	size_t length;

	free(kept[number]);
	kept[number] = environment_get(name, &text, &length) ? strndup(text, length) : NULL;
	return kept[number];
}

/* Also of a variable that a flag takes the place of: it is as wrong the next time. */
static void take_environment(struct options *options, char problem[OPTION_PROBLEM_BYTES])
{
	unsigned i;

	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		char name[OPTION_VARIABLE_BYTES];
		struct options scratch;
		const char *text;

		option_variable(row, name);
		text = variable(name, i);
		if (text == NULL)
			continue;
		memset(&scratch, 0, sizeof(scratch));
		if (row->set(&scratch, text) < 0)
			problem_set(problem, "$%s takes %s, not \"%.100s\"", name, row->takes,
				    text);
		if (options->given[i].origin != OPTION_FLAG)
			options->given[i] = (struct option_text){text, OPTION_ENVIRONMENT, 0};
	}
}

/* What no single option can know. */
static void options_check(const struct options *options, char problem[OPTION_PROBLEM_BYTES])
{
	if (options->files.rotate_bytes < options->batch_bytes)
		problem_set(problem,
			    "--rotate-bytes (%llu) must not be less than --batch-bytes (%llu)",
			    (unsigned long long)options->files.rotate_bytes,
			    (unsigned long long)options->batch_bytes);
	if (options->retain.sender_count > 0 && options->retain.free_bytes == 0)
		problem_set(problem,
			    "--retain-for needs --min-free, so that a sender that is away cannot "
			    "fill the disk");
}

/* All texts are there: each was checked where it was read. */
static void options_set(struct options *options)
{
	unsigned i;

	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		struct option_text *text = &options->texts[i];

		if (options->given[i].origin != OPTION_DEFAULT) {
			free((char *)(uintptr_t)text->text); /* the file's */
			*text = options->given[i];
		} else if (text->text == NULL) {
			*text = (struct option_text){row->otherwise, OPTION_DEFAULT, 0};
		}
		if (text->text != NULL)
			(void)row->set(options, text->text);
	}
}

static void options_finish(struct options *options, char problem[OPTION_PROBLEM_BYTES])
{
	if (problem[0] == '\0' && options->config != NULL)
		(void)config_read(options->config, options->texts, problem);
	if (problem[0] != '\0')
		return;
	options_set(options);
	options_check(options, problem);
}

int options_read_again(const struct options *options, struct options *ret,
		       char problem[OPTION_PROBLEM_BYTES])
{
	memset(ret, 0, sizeof(*ret));
	ret->config = options->config;
	memcpy(ret->given, options->given, sizeof(ret->given));
	problem[0] = '\0';
	options_finish(ret, problem);
	if (problem[0] == '\0')
		return 0;
	options_free_texts(ret);
	return -EINVAL;
}

void options_free_texts(struct options *options)
{
	unsigned i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (options->texts[i].origin == OPTION_FILE)
			free((char *)(uintptr_t)options->texts[i].text);
	memset(options->texts, 0, sizeof(options->texts));
}

/* ---- --print-config ---- */

/* Lines that --config reads: the origin is a comment there. */
static void print_row(const struct options *options, unsigned number)
{
	const struct option_row *row = &option_rows[number];
	const struct option_text *text = &options->texts[number];
	char path[RUNTIME_PATH_BYTES_MAX], name[OPTION_VARIABLE_BYTES];
	const char *value = text->text;

	if (value == NULL && strcmp(row->name, "dir") == 0 &&
	    runtime_path(path, sizeof(path), NULL) == 0)
		value = path;
	option_variable(row, name);
	if (value == NULL)
		printf("#%s = ; ", row->name);
	else
		printf("%s = %s ; ", row->name, value);
	if (text->origin == OPTION_FLAG)
		printf("--%s\n", row->name);
	else if (text->origin == OPTION_ENVIRONMENT)
		printf("$%s\n", name);
	else if (text->origin == OPTION_FILE)
		printf("%s:%u\n", options->config, text->line);
	else
		printf("default\n");
}

static int print_config(const struct options *options)
{
	unsigned i;

	for (i = 0; i < OPTION_COUNT; i++)
		print_row(options, i);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	if (errno == EPIPE)
		return EXIT_SUCCESS;
	fprintf(stderr, OPTION_PROGRAM ": stdout: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

void options_parse(struct options *ret, int argc, char **argv)
{
	struct option_words words = {.options = ret};
	char problem[OPTION_PROBLEM_BYTES] = "";
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = parse_flags(&words, argc, argv);
	if (rc == ARGUMENTS_SHOWN || rc == -EPIPE)
		exit(EXIT_SUCCESS);
	if (rc < 0)
		exit(rc == -EINVAL ? OPTION_EXIT_USAGE : EXIT_FAILURE);
	/* Behind the flags: the help is shown whatever the environment has. */
	take_environment(ret, problem);
	if (ret->config == NULL)
		ret->config = variable(OPTION_CONFIG_NAME, OPTION_COUNT);
	options_finish(ret, problem);
	if (problem[0] != '\0') {
		fprintf(stderr, OPTION_PROGRAM ": %s (see " OPTION_PROGRAM " --help)\n", problem);
		exit(OPTION_EXIT_USAGE);
	}
	if (words.prints)
		exit(print_config(ret));
}
