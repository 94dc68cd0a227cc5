/* SPDX-License-Identifier: Apache-2.0 */
/* A table of the spans that links name, filled while all spans pass by. */
#include "cli/trace_links.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

struct trace_link {
	struct trace_target target;
	UT_hash_handle hh;
};

static bool make_key(struct view_bytes trace_id, struct view_bytes span_id,
		     uint8_t ret[TRACE_ID_BYTES + SPAN_ID_BYTES])
{
	if (trace_id.len != TRACE_ID_BYTES || span_id.len != SPAN_ID_BYTES)
		return false;
	memcpy(ret, trace_id.data, TRACE_ID_BYTES);
	memcpy(ret + TRACE_ID_BYTES, span_id.data, SPAN_ID_BYTES);
	return true;
}

static struct trace_link *find(const struct trace_links *links, struct view_bytes trace_id,
			       struct view_bytes span_id)
{
	uint8_t key[TRACE_ID_BYTES + SPAN_ID_BYTES];
	struct trace_link *found = NULL;

	if (make_key(trace_id, span_id, key))
		HASH_FIND(hh, links->entries, key, sizeof(key), found);
	return found;
}

static int want(struct trace_links *links, const struct view_link *link)
{
	const size_t count = HASH_COUNT(links->entries);
	struct trace_link *entry;

	if (count == TRACE_LINKS_MAX || find(links, link->trace_id, link->span_id) != NULL)
		return 0;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	if (!make_key(link->trace_id, link->span_id, entry->target.ids)) {
		free(entry);
		return 0;
	}
	HASH_ADD(hh, links->entries, target.ids, sizeof(entry->target.ids), entry);
	if (HASH_COUNT(links->entries) != count)
		return 0;
	free(entry);
	return -ENOMEM;
}

int trace_links_want(struct trace_links *links, struct view_bytes span)
{
	struct view_bytes message;
	int rc;

	while ((rc = view_find(&span, VIEW_SPAN_LINKS, &message)) == 1) {
		struct view_link link;

		rc = view_link(message, &link);
		if (rc == 0)
			rc = want(links, &link);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int trace_links_see(struct trace_links *links, const struct view_span *span,
		    struct view_bytes service)
{
	struct trace_link *const found = find(links, span->trace_id, span->span_id);
	struct trace_target *target;

	if (found == NULL || found->target.is_found)
		return 0;
	target = &found->target;
	target->text = malloc(service.len + span->name.len + 1);
	if (target->text == NULL)
		return -ENOMEM;
	if (service.len > 0)
		memcpy(target->text, service.data, service.len);
	if (span->name.len > 0)
		memcpy(target->text + service.len, span->name.data, span->name.len);
	target->service_len = service.len;
	target->name_len = span->name.len;
	target->duration_ns = view_duration_ns(span);
	target->is_found = true;
	return 0;
}

const struct trace_target *trace_links_find(const struct trace_links *links,
					    const struct view_link *link)
{
	const struct trace_link *const found = find(links, link->trace_id, link->span_id);

	return found != NULL ? &found->target : NULL;
}

bool trace_links_are_none(const struct trace_links *links)
{
	return links->entries == NULL;
}

void trace_links_free(struct trace_links *links)
{
	struct trace_link *entry = links->entries, *next;

	HASH_CLEAR(hh, links->entries);
	for (; entry != NULL; entry = next) {
		next = entry->hh.next;
		free(entry->target.text);
		free(entry);
	}
}
