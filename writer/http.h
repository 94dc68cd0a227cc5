/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --metrics-listen: /metrics and /healthz for those who watch the writer. A thread of its own,
 * which looks at the shared memory as any monitor does and shares nothing with the loop but struct
 * health.
 */
#ifndef OTLPIPE_WRITER_HTTP_H
#define OTLPIPE_WRITER_HTTP_H

#include "writer/health.h"

struct http;

/**
 * @param at       as listen_parse() takes it
 * @param runtime  the path of the runtime directory; it and health must outlive the thread
 * @return 0, or negative and a line was said
 */
int http_open(struct http **ret, const char *at, const char *runtime, const struct health *health);

/** NULL is fine. */
void http_close(struct http *http);

#endif
