/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three exporters of the SDKs: a reference to a library each, and in those for spans and logs
 * the resource of their own. Source: OpenTelemetry specification, trace/sdk.md "Span Exporter",
 * metrics/sdk.md "MetricExporter", logs/sdk.md "LogRecordExporter", and the temporality preferences
 * of metrics/sdk_exporters/otlp.md.
 */
#include <stdlib.h>
#include <string.h>

#include "core/library.h"

/* What all are, and all that a metric exporter is. */
struct exporter {
	uint32_t references;
	struct otlp_library *library;
	void *resource;	 /* spans, logs: the struct resource in use; NULL: the library's */
	void *resources; /* all that were ever set here: a thread may be pushing with one */
};

struct otlp_metric_exporter {
	struct exporter base;
};

struct otlp_span_exporter {
	struct exporter base;
};

struct otlp_log_exporter {
	struct exporter base;
};

static struct otlp_sdk_result sdk_result(int error)
{
	struct otlp_sdk_result result = {
		error == OTLP_OK ? OTLP_SDK_SUCCESS : OTLP_SDK_INTERNAL_FAILURE, error};

	return result;
}

/* An exporter's shutdown has nothing to do: the library belongs to others too. */
static struct otlp_sdk_result exporter_shutdown(const void *exporter, int64_t timeout_ns)
{
	return sdk_result(exporter != NULL && timeout_ns >= OTLP_FOREVER ? OTLP_OK
									 : OTLP_ERR_INVALID);
}

static int exporter_new(struct otlp_library *library, struct exporter **ret)
{
	struct exporter *exporter;

	if (library == NULL)
		return OTLP_ERR_INVALID;
	if (atomic_load_relaxed_u32(&library->is_shut_down) != 0)
		return OTLP_ERR_SHUTDOWN;
	exporter = calloc(1, sizeof(*exporter));
	if (exporter == NULL)
		return OTLP_ERR_NO_MEMORY;
	exporter->references = 1;
	exporter->library = otlp_library_ref(library);
	*ret = exporter;
	return OTLP_OK;
}

static void exporter_unref(struct exporter *exporter)
{
	/* PAIR(exporter-references) PAIR(exporter-references): as in otlp_library_unref(). */
	if (atomic_sub_acq_rel_u32(&exporter->references, 1) != 1)
		return;
	otlp_library_unref(exporter->library);
	resource_free(exporter->resources);
	free(exporter);
}

int otlp_library_metric_exporter(struct otlp_library *library, struct otlp_metric_exporter **ret)
{
	struct exporter *exporter;
	int rc = ret == NULL ? OTLP_ERR_INVALID : exporter_new(library, &exporter);

	if (rc == OTLP_OK)
		*ret = (struct otlp_metric_exporter *)exporter;
	return rc;
}

int otlp_library_span_exporter(struct otlp_library *library, struct otlp_span_exporter **ret)
{
	struct exporter *exporter;
	int rc = ret == NULL ? OTLP_ERR_INVALID : exporter_new(library, &exporter);

	if (rc == OTLP_OK)
		*ret = (struct otlp_span_exporter *)exporter;
	return rc;
}

int otlp_library_log_exporter(struct otlp_library *library, struct otlp_log_exporter **ret)
{
	struct exporter *exporter;
	int rc = ret == NULL ? OTLP_ERR_INVALID : exporter_new(library, &exporter);

	if (rc == OTLP_OK)
		*ret = (struct otlp_log_exporter *)exporter;
	return rc;
}

struct otlp_metric_exporter *otlp_metric_exporter_ref(struct otlp_metric_exporter *exporter)
{
	if (exporter != NULL)
		atomic_add_relaxed_u32(&exporter->base.references, 1);
	return exporter;
}

void otlp_metric_exporter_unref(struct otlp_metric_exporter *exporter)
{
	if (exporter != NULL)
		exporter_unref(&exporter->base);
}

struct otlp_sdk_result otlp_metric_exporter_export(struct otlp_metric_exporter *exporter,
						   const struct otlp_resource_metrics *metrics)
{
	if (exporter == NULL)
		return sdk_result(OTLP_ERR_INVALID);
	return sdk_result(otlp_library_export_metrics_ref(exporter->base.library, metrics));
}

struct otlp_sdk_result otlp_metric_exporter_force_flush(struct otlp_metric_exporter *exporter,
							int64_t timeout_ns)
{
	if (exporter == NULL)
		return sdk_result(OTLP_ERR_INVALID);
	return sdk_result(otlp_library_flush(exporter->base.library, timeout_ns));
}

struct otlp_sdk_result otlp_metric_exporter_shutdown(struct otlp_metric_exporter *exporter,
						     int64_t timeout_ns)
{
	return exporter_shutdown(exporter, timeout_ns);
}

enum otlp_temporality_preference
otlp_metric_exporter_temporality_preference(const struct otlp_metric_exporter *exporter)
{
	return exporter != NULL ? exporter->base.library->temporality : OTLP_PREFER_CUMULATIVE;
}

enum otlp_temporality otlp_metric_exporter_temporality(const struct otlp_metric_exporter *exporter,
						       enum otlp_instrument_kind kind)
{
	const enum otlp_temporality_preference preference =
		otlp_metric_exporter_temporality_preference(exporter);

	if (exporter == NULL)
		return OTLP_TEMPORALITY_UNSPECIFIED;
	switch (kind) {
	case OTLP_COUNTER:
	case OTLP_HISTOGRAM:
		return preference == OTLP_PREFER_CUMULATIVE ? OTLP_TEMPORALITY_CUMULATIVE
							    : OTLP_TEMPORALITY_DELTA;
	case OTLP_OBSERVABLE_COUNTER:
		return preference == OTLP_PREFER_DELTA ? OTLP_TEMPORALITY_DELTA
						       : OTLP_TEMPORALITY_CUMULATIVE;
	case OTLP_UP_DOWN_COUNTER:
	case OTLP_OBSERVABLE_UP_DOWN_COUNTER:
	case OTLP_GAUGE:
	case OTLP_OBSERVABLE_GAUGE:
		return OTLP_TEMPORALITY_CUMULATIVE;
	}
	return OTLP_TEMPORALITY_UNSPECIFIED; /* no kind of instrument */
}

struct otlp_span_exporter *otlp_span_exporter_ref(struct otlp_span_exporter *exporter)
{
	if (exporter != NULL)
		atomic_add_relaxed_u32(&exporter->base.references, 1);
	return exporter;
}

void otlp_span_exporter_unref(struct otlp_span_exporter *exporter)
{
	if (exporter != NULL)
		exporter_unref(&exporter->base);
}

static struct resource *exporter_resource(struct exporter *exporter)
{
	/* PAIR(exporter-resource): with exporter_set_resource(): its content comes with the
	 * pointer. */
	struct resource *own = atomic_load_acquire_ptr(&exporter->resource);

	return own != NULL ? own : exporter->library->resource;
}

struct otlp_sdk_result otlp_span_exporter_export(struct otlp_span_exporter *exporter,
						 const struct otlp_span *spans, size_t count)
{
	return otlp_span_exporter_export_shaped(exporter, NULL, spans, count);
}

struct otlp_sdk_result otlp_span_exporter_export_shaped(struct otlp_span_exporter *exporter,
							struct otlp_shape *shape,
							const struct otlp_span *spans, size_t count)
{
	if (exporter == NULL)
		return sdk_result(OTLP_ERR_INVALID);
	return sdk_result(library_export_spans(
		exporter->base.library, exporter_resource(&exporter->base), shape, spans, count));
}

/* The same one of the list, so that resources which come again and again take no more memory. */
static struct resource *resource_find(struct resource *list, const struct resource *same)
{
	for (; list != NULL; list = list->next)
		if (list->entry.bytes_count == same->entry.bytes_count &&
		    memcmp(list->entry.bytes, same->entry.bytes, same->entry.bytes_count) == 0)
			return list;
	return NULL;
}

static int exporter_set_resource(struct exporter *exporter, const struct otlp_resource *resource)
{
	struct resource *added, *list, *found;
	int rc;

	if (resource == NULL)
		return OTLP_ERR_INVALID;
	rc = resource_new(&added, resource);
	if (rc < 0)
		return rc;
	do {
		/* PAIR(exporter-resources): with ourselves in another thread. */
		list = atomic_load_acquire_ptr(&exporter->resources);
		found = resource_find(list, added);
		if (found != NULL) {
			added->next = NULL; /* an earlier turn may have left the list there */
			resource_free(added);
			added = found;
			break;
		}
		added->next = list;
		/* PAIR(exporter-resources): with the load above: what it leads to is whole. */
	} while (!atomic_cas_release_ptr(&exporter->resources, list, added));
	/* PAIR(exporter-resource): with exporter_resource(). Of two at once the later wins. */
	atomic_store_release_ptr(&exporter->resource, added);
	return OTLP_OK;
}

struct otlp_sdk_result otlp_span_exporter_set_resource(struct otlp_span_exporter *exporter,
						       const struct otlp_resource *resource)
{
	return sdk_result(exporter != NULL ? exporter_set_resource(&exporter->base, resource)
					   : OTLP_ERR_INVALID);
}

struct otlp_sdk_result otlp_span_exporter_force_flush(struct otlp_span_exporter *exporter,
						      int64_t timeout_ns)
{
	if (exporter == NULL)
		return sdk_result(OTLP_ERR_INVALID);
	return sdk_result(otlp_library_flush(exporter->base.library, timeout_ns));
}

struct otlp_sdk_result otlp_span_exporter_shutdown(struct otlp_span_exporter *exporter,
						   int64_t timeout_ns)
{
	return exporter_shutdown(exporter, timeout_ns);
}

struct otlp_log_exporter *otlp_log_exporter_ref(struct otlp_log_exporter *exporter)
{
	if (exporter != NULL)
		atomic_add_relaxed_u32(&exporter->base.references, 1);
	return exporter;
}

void otlp_log_exporter_unref(struct otlp_log_exporter *exporter)
{
	if (exporter != NULL)
		exporter_unref(&exporter->base);
}

struct otlp_sdk_result otlp_log_exporter_export(struct otlp_log_exporter *exporter,
						const struct otlp_log_record *records, size_t count)
{
	if (exporter == NULL)
		return sdk_result(OTLP_ERR_INVALID);
	return sdk_result(library_export_logs(exporter->base.library,
					      exporter_resource(&exporter->base), records, count));
}

struct otlp_sdk_result otlp_log_exporter_export_shaped(struct otlp_log_exporter *exporter,
						       struct otlp_log_shape *shape,
						       const struct otlp_log_record *records,
						       size_t count)
{
	if (exporter == NULL)
		return sdk_result(OTLP_ERR_INVALID);
	return sdk_result(library_export_shaped_logs(
		exporter->base.library, exporter_resource(&exporter->base), shape, records, count));
}

struct otlp_sdk_result otlp_log_exporter_set_resource(struct otlp_log_exporter *exporter,
						      const struct otlp_resource *resource)
{
	return sdk_result(exporter != NULL ? exporter_set_resource(&exporter->base, resource)
					   : OTLP_ERR_INVALID);
}

struct otlp_sdk_result otlp_log_exporter_force_flush(struct otlp_log_exporter *exporter,
						     int64_t timeout_ns)
{
	if (exporter == NULL)
		return sdk_result(OTLP_ERR_INVALID);
	return sdk_result(otlp_library_flush(exporter->base.library, timeout_ns));
}

struct otlp_sdk_result otlp_log_exporter_shutdown(struct otlp_log_exporter *exporter,
						  int64_t timeout_ns)
{
	return exporter_shutdown(exporter, timeout_ns);
}
