/* SPDX-License-Identifier: Apache-2.0 */
/* The three forms of a row. */
#include "cli/flat_out.h"

#include <errno.h>

#include "base/array.h"
#include "cli/otlp_json.h"
#include "cli/view_json.h"

#define TEXT_BYTES_MAX (1u << 30) /* of one cell; offsets of a block have 31 bits */

static const char *const type_names[] = {
	[FLAT_TIME] = "time",	      [FLAT_DURATION] = "duration", [FLAT_ID16] = "id16",
	[FLAT_ID8] = "id8",	      [FLAT_TEXT] = "text",	    [FLAT_I32] = "i32",
	[FLAT_U32] = "u32",	      [FLAT_I64] = "i64",	    [FLAT_U64] = "u64",
	[FLAT_F64] = "f64",	      [FLAT_BOOL] = "bool",	    [FLAT_U64_LIST] = "u64_list",
	[FLAT_F64_LIST] = "f64_list",
};

/* ---- text ---- */

static void put_double(struct grow *grow, uint64_t bits)
{
	view_json_double(grow, view_double(bits));
}

static void put_list(struct grow *grow, enum flat_type type, struct view_bytes list)
{
	grow_char(grow, '[');
	for (size_t at = 0; at + sizeof(uint64_t) <= list.len; at += sizeof(uint64_t)) {
		const uint64_t bits = bytes_load64(list.data + at);

		if (at > 0)
			grow_char(grow, ',');
		if (type == FLAT_U64_LIST)
			grow_u64(grow, bits);
		else
			put_double(grow, bits);
	}
	grow_char(grow, ']');
}

/* All but text and ids, which CSV and JSON have in different quotes. */
static void put_plain(struct grow *grow, enum flat_type type, const struct flat_cell *cell)
{
	switch (type) {
	case FLAT_U64:
	case FLAT_U32:
		grow_u64(grow, cell->bits);
		break;
	case FLAT_F64:
		put_double(grow, cell->bits);
		break;
	case FLAT_BOOL:
		grow_word(grow, cell->bits != 0 ? "true" : "false");
		break;
	case FLAT_U64_LIST:
	case FLAT_F64_LIST:
		put_list(grow, type, cell->at);
		break;
	default:
		grow_i64(grow, (int64_t)cell->bits);
		break;
	}
}

static bool needs_quotes(struct view_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '"' || text.data[i] == ',' || text.data[i] == '\n' ||
		    text.data[i] == '\r')
			return true;
	/* An empty text is told from nothing. */
	return text.len == 0;
}

static void put_csv_text(struct grow *grow, struct view_bytes text)
{
	size_t shown = 0;

	if (!needs_quotes(text)) {
		grow_add(grow, text.data, text.len);
		return;
	}
	grow_char(grow, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '"')
			continue;
		grow_add(grow, text.data + shown, i + 1 - shown);
		shown = i; /* so that it comes twice */
	}
	if (text.len > shown)
		grow_add(grow, text.data + shown, text.len - shown);
	grow_char(grow, '"');
}

void flat_csv_header(struct grow *grow, const struct flat_table *table)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (i > 0)
			grow_char(grow, ',');
		grow_word(grow, table->columns[i].name);
	}
	grow_word(grow, "\r\n");
}

void flat_csv_row(struct grow *grow, const struct flat_row *row)
{
	for (size_t i = 0; i < row->table->column_count; i++) {
		const enum flat_type type = row->table->columns[i].type;
		const struct flat_cell *const cell = &row->cells[i];

		if (i > 0)
			grow_char(grow, ',');
		if (cell->is_null)
			continue;
		if (type == FLAT_TEXT) {
			put_csv_text(grow, cell->at);
		} else if (type == FLAT_ID16 || type == FLAT_ID8) {
			grow_hex(grow, cell->at.data, cell->at.len);
		} else if (type == FLAT_U64_LIST || type == FLAT_F64_LIST) {
			grow_char(grow, '"'); /* it may have commas in it, and no quotes */
			put_plain(grow, type, cell);
			grow_char(grow, '"');
		} else {
			put_plain(grow, type, cell);
		}
	}
	grow_word(grow, "\r\n");
}

void flat_json_row(struct grow *grow, const struct flat_row *row)
{
	bool is_first = true;

	for (size_t i = 0; i < row->table->column_count; i++) {
		const enum flat_type type = row->table->columns[i].type;
		const struct flat_cell *const cell = &row->cells[i];

		if (cell->is_null)
			continue;
		grow_word(grow, is_first ? "{\"" : ",\"");
		is_first = false;
		grow_word(grow, row->table->columns[i].name);
		grow_word(grow, "\":");
		if (type == FLAT_TEXT) {
			view_json_string(grow, cell->at);
		} else if (type == FLAT_ID16 || type == FLAT_ID8) {
			grow_char(grow, '"');
			grow_hex(grow, cell->at.data, cell->at.len);
			grow_char(grow, '"');
		} else {
			put_plain(grow, type, cell);
		}
	}
	grow_word(grow, "}\n");
}

/* ---- columns ---- */

void flat_columns_header(struct grow *grow, const struct flat_table *table)
{
	grow_format(grow, "{\"table\":\"%s\",\"columns\":[", table->name);
	for (size_t i = 0; i < table->column_count; i++)
		grow_format(grow, "%s{\"name\":\"%s\",\"type\":\"%s\"}", i > 0 ? "," : "",
			    table->columns[i].name, type_names[table->columns[i].type]);
	grow_word(grow, "]}\n");
}

/* The bit of a row, in bits that grow by whole bytes. */
static void put_bit(struct grow *bits, uint64_t row, bool is_set)
{
	if (row % 8 == 0)
		grow_char(bits, 0);
	if (is_set && !bits->is_failed)
		bits->data[row / 8] = (char)((uint8_t)bits->data[row / 8] | 1u << (row % 8));
}

static void put_offset(struct flat_buffers *buffers, size_t unit)
{
	const uint32_t offset = (uint32_t)(buffers->data.len / unit);

	grow_add(&buffers->offsets, &offset, sizeof(offset));
}

static int put_cell(struct flat_buffers *buffers, enum flat_type type, const struct flat_cell *cell,
		    uint64_t row)
{
	static const size_t fixed_bytes[] = {
		[FLAT_TIME] = 8, [FLAT_DURATION] = 8, [FLAT_ID16] = 16,
		[FLAT_ID8] = 8,	 [FLAT_I32] = 4,      [FLAT_U32] = 4,
		[FLAT_I64] = 8,	 [FLAT_U64] = 8,      [FLAT_F64] = 8,
	};
	static const char zeros[16];

	put_bit(&buffers->validity, row, !cell->is_null);
	switch (type) {
	case FLAT_TEXT:
	case FLAT_U64_LIST:
	case FLAT_F64_LIST:
		if (row == 0)
			put_offset(buffers, 1);
		if (!cell->is_null && cell->at.len > TEXT_BYTES_MAX)
			return -EFBIG;
		if (!cell->is_null && cell->at.len > 0)
			grow_add(&buffers->data, cell->at.data, cell->at.len);
		put_offset(buffers, type == FLAT_TEXT ? 1 : sizeof(uint64_t));
		break;
	case FLAT_BOOL:
		put_bit(&buffers->data, row, !cell->is_null && cell->bits != 0);
		break;
	case FLAT_ID16:
	case FLAT_ID8:
		grow_add(&buffers->data, cell->is_null ? (const void *)zeros : cell->at.data,
			 fixed_bytes[type]);
		break;
	default: /* little-endian: the low bytes come first */
		grow_add(&buffers->data, cell->is_null ? (const void *)zeros : &cell->bits,
			 fixed_bytes[type]);
		break;
	}
	return 0;
}

int flat_columns_add(struct flat_columns *columns, const struct flat_row *row)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < row->table->column_count; i++) {
		struct flat_buffers *const buffers = &columns->columns[i];

		rc = put_cell(buffers, row->table->columns[i].type, &row->cells[i], columns->rows);
		if (buffers->validity.is_failed || buffers->offsets.is_failed ||
		    buffers->data.is_failed)
			rc = -ENOMEM;
	}
	columns->rows++;
	return rc;
}

bool flat_columns_are_full(const struct flat_columns *columns)
{
	size_t bytes = 0;

	for (size_t i = 0; i < columns->table->column_count; i++)
		bytes += columns->columns[i].data.len;
	return columns->rows >= FLAT_BLOCK_ROWS_MAX || bytes >= FLAT_BLOCK_BYTES_MAX;
}

static int emit_buffer(struct grow *buffer, int (*emit)(const void *bytes, size_t count))
{
	static const char zeros[8];
	const size_t padding = -buffer->len % sizeof(zeros);
	int rc = buffer->len > 0 ? emit(buffer->data, buffer->len) : 0;

	buffer->len = 0;
	return rc < 0 ? rc : emit(zeros, padding);
}

int flat_columns_emit(struct flat_columns *columns, int (*emit)(const void *bytes, size_t count))
{
	const size_t count = columns->table->column_count;
	uint64_t head[1 + 3 * FLAT_COLUMNS_MAX] = {columns->rows};
	int rc;

	for (size_t i = 0; i < count; i++) {
		head[1 + 3 * i] = columns->columns[i].validity.len;
		head[2 + 3 * i] = columns->columns[i].offsets.len;
		head[3 + 3 * i] = columns->columns[i].data.len;
	}
	rc = emit(head, columns->rows == 0 ? sizeof(head[0]) : (1 + 3 * count) * sizeof(head[0]));
	for (size_t i = 0; rc == 0 && columns->rows > 0 && i < count; i++) {
		rc = emit_buffer(&columns->columns[i].validity, emit);
		if (rc == 0)
			rc = emit_buffer(&columns->columns[i].offsets, emit);
		if (rc == 0)
			rc = emit_buffer(&columns->columns[i].data, emit);
	}
	columns->rows = 0;
	return rc;
}

void flat_columns_free(struct flat_columns *columns)
{
	for (size_t i = 0; i < FLAT_COLUMNS_MAX; i++) {
		grow_free(&columns->columns[i].validity);
		grow_free(&columns->columns[i].offsets);
		grow_free(&columns->columns[i].data);
	}
}
