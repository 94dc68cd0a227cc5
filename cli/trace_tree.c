/* SPDX-License-Identifier: Apache-2.0 */
/* Which span is below which. Nothing here recurses: a chain may be as long as its file. */
#include "cli/trace_tree.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

void tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		free(tree->spans[i].bytes);
		free(tree->spans[i].service);
	}
	free(tree->spans);
	free(tree->lines);
	*tree = (struct tree){0};
}

int tree_add(struct tree *tree, struct view_bytes message, struct view_bytes service)
{
	struct tree_span *span;

	if (tree->count == tree->capacity) {
		const size_t capacity = tree->capacity != 0 ? 2 * tree->capacity : 16;
		struct tree_span *grown = realloc(tree->spans, capacity * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		tree->spans = grown;
		tree->capacity = capacity;
	}
	span = &tree->spans[tree->count];
	*span = (struct tree_span){.bytes = malloc(message.len + 1),
				   .bytes_len = message.len,
				   .service = malloc(service.len + 1),
				   .service_len = service.len};
	if (span->bytes == NULL || span->service == NULL) {
		free(span->bytes);
		free(span->service);
		return -ENOMEM;
	}
	tree->count++;
	if (message.len > 0)
		memcpy(span->bytes, message.data, message.len);
	if (service.len > 0)
		memcpy(span->service, service.data, service.len);
	return view_span((struct view_bytes){span->bytes, message.len}, &span->view);
}

bool tree_is_root(const struct view_span *span)
{
	for (size_t i = 0; i < span->parent_id.len; i++)
		if (span->parent_id.data[i] != 0)
			return false;
	return true;
}

/* By start; of those that start together the longer one first, since it may be the parent. */
static int compare_spans(const void *a, const void *b)
{
	const struct view_span *x = &((const struct tree_span *)a)->view;
	const struct view_span *y = &((const struct tree_span *)b)->view;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	if (x->end_ns != y->end_ns)
		return x->end_ns > y->end_ns ? -1 : 1;
	if (x->span_id.len != y->span_id.len)
		return x->span_id.len < y->span_id.len ? -1 : 1;
	return x->span_id.len > 0 ? memcmp(x->span_id.data, y->span_id.data, x->span_id.len) : 0;
}

/* ---- parents ---- */

struct known_id {
	uint64_t id;
	size_t span;
	UT_hash_handle hh;
};

static struct known_id *find_id(struct known_id *known, struct view_bytes id)
{
	struct known_id *found = NULL;
	uint64_t key;

	if (id.len != SPAN_ID_BYTES)
		return NULL;
	key = bytes_load64(id.data);
	HASH_FIND(hh, known, &key, sizeof(key), found);
	return found;
}

/* @param ids  room for one of each span */
static int know_ids(struct tree *tree, struct known_id *ids, struct known_id **known)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct tree_span *const span = &tree->spans[i];

		if (span->view.span_id.len != SPAN_ID_BYTES)
			continue;
		if (find_id(*known, span->view.span_id) != NULL) {
			span->marks |= TREE_TWICE;
			continue;
		}
		ids[i] = (struct known_id){.id = bytes_load64(span->view.span_id.data), .span = i};
		HASH_ADD(hh, *known, id, sizeof(ids[i].id), &ids[i]);
		if (find_id(*known, span->view.span_id) != &ids[i])
			return -ENOMEM;
	}
	return 0;
}

static void find_parents(struct tree *tree, struct known_id *known)
{
	for (size_t i = tree->count; i-- > 0;) {
		struct tree_span *const span = &tree->spans[i], *parent;
		const struct known_id *found;

		if (span->view.end_ns < span->view.start_ns)
			span->marks |= TREE_BACKWARDS;
		if (tree_is_root(&span->view))
			continue;
		found = find_id(known, span->view.parent_id);
		if (found == NULL) {
			span->marks |= TREE_ORPHAN;
			continue;
		}
		/* From the last one on: the list begins with the one that starts first. */
		parent = &tree->spans[found->span];
		span->parent = found->span;
		span->next_sibling = parent->first_child;
		parent->first_child = i;
		if (span->view.start_ns < parent->view.start_ns)
			span->marks |= TREE_EARLY;
	}
}

static int link_spans(struct tree *tree)
{
	struct known_id *ids = calloc(tree->count, sizeof(*ids)), *known = NULL;
	int rc = ids == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < tree->count; i++) {
		tree->spans[i].parent = TREE_NONE;
		tree->spans[i].first_child = TREE_NONE;
		tree->spans[i].next_sibling = TREE_NONE;
	}
	if (rc == 0)
		rc = know_ids(tree, ids, &known);
	if (rc == 0)
		find_parents(tree, known);
	HASH_CLEAR(hh, known);
	free(ids);
	return rc;
}

/* ---- order ---- */

struct walk {
	struct tree *tree;
	bool *is_seen;
	size_t lines;
};

/* Go down from a span; the way back up is in the spans themselves. */
static void walk_below(struct walk *walk, size_t root)
{
	struct tree_span *const spans = walk->tree->spans;
	size_t at = root, depth = 0;

	for (;;) {
		walk->is_seen[at] = true;
		walk->tree->lines[walk->lines++] = (struct tree_line){
			.span = at,
			.depth = depth,
			.is_last = at == root || spans[at].next_sibling == TREE_NONE,
		};
		if (spans[at].first_child != TREE_NONE) {
			at = spans[at].first_child;
			depth++;
			continue;
		}
		while (at != root && spans[at].next_sibling == TREE_NONE) {
			at = spans[at].parent;
			depth--;
		}
		if (at == root)
			return;
		at = spans[at].next_sibling;
	}
}

/* Take a span out of its parent's children: it becomes a root. */
static void cut(struct tree *tree, size_t at)
{
	struct tree_span *const span = &tree->spans[at];
	size_t *from = &tree->spans[span->parent].first_child;

	while (*from != at)
		from = &tree->spans[*from].next_sibling;
	*from = span->next_sibling;
	span->next_sibling = TREE_NONE;
	span->parent = TREE_NONE;
	span->marks |= TREE_CIRCLE;
}

/* A span of the circle that is above this one, or that it is in: the parents' ways all end there.
 */
static size_t find_circle(const struct tree *tree, size_t at, bool *is_passed)
{
	while (!is_passed[at]) {
		is_passed[at] = true;
		at = tree->spans[at].parent;
	}
	return at;
}

static void find_times(struct tree *tree)
{
	bool is_first = true;

	for (size_t i = 0; i < tree->count; i++) {
		const struct view_span *const span = &tree->spans[i].view;

		if (span->start_ns == 0 || span->end_ns < span->start_ns)
			continue;
		if (is_first || span->start_ns < tree->begin_ns)
			tree->begin_ns = span->start_ns;
		if (is_first || span->end_ns > tree->end_ns)
			tree->end_ns = span->end_ns;
		is_first = false;
	}
}

int tree_build(struct tree *tree)
{
	struct walk walk = {.tree = tree};
	bool *is_passed;
	int rc = -ENOMEM;

	if (tree->count == 0)
		return 0;
	qsort(tree->spans, tree->count, sizeof(*tree->spans), compare_spans);
	tree->lines = calloc(tree->count, sizeof(*tree->lines));
	walk.is_seen = calloc(tree->count, sizeof(*walk.is_seen));
	is_passed = calloc(tree->count, sizeof(*is_passed));
	if (tree->lines != NULL && walk.is_seen != NULL && is_passed != NULL)
		rc = link_spans(tree);
	for (size_t i = 0; rc == 0 && i < tree->count; i++)
		if (tree->spans[i].parent == TREE_NONE)
			walk_below(&walk, i);
	/* What no root leads to hangs below a circle of parents. */
	for (size_t i = 0; rc == 0 && i < tree->count; i++) {
		if (walk.is_seen[i])
			continue;
		const size_t top = find_circle(tree, i, is_passed);

		cut(tree, top);
		walk_below(&walk, top);
	}
	if (rc == 0)
		find_times(tree);
	free(walk.is_seen);
	free(is_passed);
	return rc;
}
