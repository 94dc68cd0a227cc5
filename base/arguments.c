/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses the options that all our programs have, and those of one program: they are a child parser
 * of argp.
 */
#include "base/arguments.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ARGUMENTS_OPTIONS_MAX 64

enum arguments_key {
	ARGUMENTS_HELP = 'h',
	ARGUMENTS_VERSION = 'V',
	ARGUMENTS_USAGE = 0x10000,
	ARGUMENTS_HELP_ALL,
};

struct arguments {
	const char *version;
	const struct argp *own; /* the program's */
	void *input;
	bool has_shown;
};

/* Group -1: behind the program's own. --help leaves --help-all out where it shows all itself. */
static const struct argp_option arguments_options[] = {
	{"help", ARGUMENTS_HELP, NULL, 0, "print this", -1},
	{"help-all", ARGUMENTS_HELP_ALL, NULL, ARGUMENTS_RARE, "print all options", -1},
	{"usage", ARGUMENTS_USAGE, NULL, 0, "print the options in short", -1},
	{"version", ARGUMENTS_VERSION, NULL, 0, "print the version", -1},
	{0},
};

error_t arguments_refuse(const struct argp_state *state, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "%s: ", state->name);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, " (see %s --help)\n", state->name);
	va_end(arguments);
	return EINVAL;
}

/* The one note that argp adds by itself is about nothing that a reader needs to be told. */
static char *arguments_filter(int key, const char *text, void *input)
{
	(void)input;
	return key == ARGP_KEY_HELP_DUP_ARGS_NOTE ? NULL : (char *)(uintptr_t)text;
}

/* @return has it a rare option? ret has its options with the rare ones shown, or as they are */
static bool copy_options(const struct argp_option *from, bool shows_rare,
			 struct argp_option ret[ARGUMENTS_OPTIONS_MAX])
{
	bool has_rare = false;
	unsigned count = 0;

	for (; (from->name != NULL || from->key != 0) && count + 1 < ARGUMENTS_OPTIONS_MAX;
	     from++) {
		ret[count] = *from;
		has_rare |= (from->flags & ARGUMENTS_RARE) != 0;
		if (shows_rare)
			ret[count].flags &= ~ARGUMENTS_RARE;
		count++;
	}
	memset(&ret[count], 0, sizeof(ret[count]));
	return has_rare;
}

/* By tables of its own: what argp hides is in the table. */
static void arguments_show(const struct argp_state *state, bool shows_rare, unsigned how)
{
	const struct arguments *arguments = state->input;
	struct argp_option own_options[ARGUMENTS_OPTIONS_MAX];
	struct argp_option options[ARGUMENTS_OPTIONS_MAX];
	struct argp own = *arguments->own;
	const struct argp_child children[] = {{&own, 0, NULL, 0}, {0}};
	const struct argp outer = {
		.options = options,
		.parser = state->root_argp->parser,
		.children = children,
		.help_filter = arguments_filter,
	};
	const bool has_rare = copy_options(own.options, shows_rare, own_options);

	struct argp_state shown = *state;

	own.options = own_options;
	(void)copy_options(arguments_options, has_rare || shows_rare, options);
	shown.root_argp = &outer;
	argp_state_help(&shown, stdout, how);
}

static error_t arguments_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->input;
		return 0;
	case ARGUMENTS_HELP:
	case ARGUMENTS_HELP_ALL:
		arguments_show(state, key == ARGUMENTS_HELP_ALL,
			       ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC);
		break;
	case ARGUMENTS_USAGE:
		arguments_show(state, true, ARGP_HELP_USAGE);
		break;
	case ARGUMENTS_VERSION:
		printf("%s\n", arguments->version);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	arguments->has_shown = true;
	return ECANCELED;
}

static const char *arguments_name(char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	return slash != NULL ? slash + 1 : argv[0];
}

static int arguments_flush(const char *name)
{
	int rc = fflush(stdout) != 0 ? -errno : ferror(stdout) ? -EIO : 0;

	if (rc == 0)
		return ARGUMENTS_SHOWN;
	if (rc != -EPIPE)
		fprintf(stderr, "%s: stdout: %s\n", name, strerror(-rc));
	return rc;
}

int arguments_parse(const struct argp *argp, const char *version, int argc, char **argv,
		    void *input)
{
	const struct argp_child children[] = {{argp, 0, NULL, 0}, {0}};
	const struct argp outer = {
		.options = arguments_options,
		.parser = arguments_option,
		.children = children,
		.help_filter = arguments_filter,
	};
	struct arguments arguments = {.version = version, .own = argp, .input = input};
	error_t error;

	error = argp_parse(&outer, argc, argv, ARGP_NO_HELP | ARGP_NO_EXIT, NULL, &arguments);
	if (arguments.has_shown)
		return arguments_flush(arguments_name(argv));
	/* What is wrong with the words was said by argp, or by the parser. */
	if (error == ENOMEM)
		fprintf(stderr, "%s: no memory to read the command line\n", arguments_name(argv));
	return error == 0 ? 0 : error == ENOMEM ? -ENOMEM : -EINVAL;
}
