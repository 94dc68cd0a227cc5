/* SPDX-License-Identifier: Apache-2.0 */
/* Random log records. The values and what else they are made of are gen.c's. */
#include "tests/gen.h"
#include "tests/gen_internal.h"

const struct otlp_log_record *gen_log(struct gen *gen)
{
	struct otlp_log_record *log;

	gen_begin(gen);
	log = gen_make(gen, 1, sizeof(*log));
	log->resource = gen_one_in(gen, 2) ? NULL : gen_resource(gen);
	log->scope = gen_one_in(gen, 5) ? NULL : gen_scope(gen);
	log->time_unix_ns = gen_one_in(gen, 6) ? 0 : gen_any_time(gen);
	log->observed_time_unix_ns = gen_one_in(gen, 3) ? 0 : gen_any_time(gen);
	log->severity_number = (enum otlp_severity_number)gen_below(gen, OTLP_SEVERITY_FATAL4 + 1);
	log->flags = (uint32_t)(gen_one_in(gen, 3) ? 0 : gen_below(gen, 256));
	log->severity_text = gen_one_in(gen, 2) ? OTLP_STR("warning") : gen_text(gen);
	log->body = gen_value(gen);
	log->attributes = gen_attributes(gen);
	/* Each id on its own: a record may have one without the other. */
	if (!gen_one_in(gen, 3))
		gen_fill_id(gen, log->trace_id, sizeof(log->trace_id));
	if (!gen_one_in(gen, 3))
		gen_fill_id(gen, log->span_id, sizeof(log->span_id));
	if (gen_one_in(gen, 2))
		log->event_name = gen_text(gen);
	return log;
}
