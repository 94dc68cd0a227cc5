/* SPDX-License-Identifier: Apache-2.0 */
/* What the hosts of the attacks have in common. */
#ifndef OTLPIPE_TESTS_ATTACK_HOST_H
#define OTLPIPE_TESTS_ATTACK_HOST_H

#include <stdio.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

/* Ends the process, also in a child and where no handler of its end may run. */
#define EXPECT(what)                                                               \
	do {                                                                       \
		if (!(what)) {                                                     \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
			_exit(1);                                                  \
		}                                                                  \
	} while (0)

/** Push the smallest valid span. @return what the library returned */
int host_push(struct otlp_library *library);

#endif
