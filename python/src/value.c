/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python values as OTLP values: text, numbers, ids, attributes. An attribute
 * value of a type that OTLP has no form for is left out, counted as dropped and
 * noted; text that is no UTF-8 and data that cannot be read refuse the record.
 * In a log's body such a value becomes its text.
 *
 * Source for the mapping of types: the specification's
 * common/attribute-type-mapping.md (bool before int; integers beyond 64 bits
 * become decimal text).
 */
#include "native.h"

#include <string.h>

/* A value without an OTLP form: belongs to read_value() and what calls it here. */
#define VALUE_UNSUPPORTED 1

static int read_value(struct reader *reader, struct otlp_value *ret, PyObject *object,
		      unsigned depth);

PyObject *read_field(struct reader *reader, PyObject *object, PyObject *name)
{
	PyObject *ret = PyObject_GetAttr(object, name);

	return memory_hold(reader->memory, ret) == 0 ? ret : NULL;
}

PyObject *read_field_or_none(struct reader *reader, PyObject *object, PyObject *name)
{
	PyObject *ret = PyObject_GetAttr(object, name);

	if (ret == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
		PyErr_Clear();
		return Py_None;
	}
	return memory_hold(reader->memory, ret) == 0 ? ret : NULL;
}

static int wrong_type(const char *what, const char *wanted, PyObject *object)
{
	PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");

	if (type != NULL)
		PyErr_Format(PyExc_TypeError, "%s must be %s, not %S", what, wanted, type);
	Py_XDECREF(type);
	return -1;
}

static int read_text(struct otlp_str *ret, PyObject *object)
{
	Py_ssize_t len;

	/* Made once and kept in the object; fails for surrogates. */
	ret->ptr = PyUnicode_AsUTF8AndSize(object, &len);
	if (ret->ptr == NULL)
		return -1;
	ret->len = (size_t)len;
	return 0;
}

/* A str with U+FFFD for what is not UTF-8: bytes of the environment, which Python has as
 * surrogates. */
static PyObject *repair(PyObject *text)
{
	PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape"), *ret;

	if (bytes == NULL && PyErr_ExceptionMatches(PyExc_UnicodeError)) {
		PyErr_Clear(); /* a surrogate that no byte was made into */
		bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
	}
	if (bytes == NULL)
		return NULL;
	ret = PyUnicode_FromEncodedObject(bytes, "utf-8", "replace");
	Py_DECREF(bytes);
	return ret;
}

/* The text of an attribute's key or value. */
static int read_attribute_text(struct reader *reader, struct otlp_str *ret, PyObject *object)
{
	PyObject *repaired;

	if (read_text(ret, object) == 0)
		return 0;
	if (!reader->repairs_text || !PyErr_ExceptionMatches(PyExc_UnicodeError))
		return -1;
	PyErr_Clear();
	repaired = repair(object);
	if (memory_hold(reader->memory, repaired) < 0 || read_text(ret, repaired) < 0)
		return -1;
	reader->repaired_count++;
	return outcome_note(
		reader->outcome,
		PyUnicode_FromFormat("%R of a resource is not UTF-8: each wrong byte is "
				     "replaced by U+FFFD",
				     object));
}

int read_str(struct otlp_str *ret, PyObject *object, const char *what)
{
	if (object == Py_None) {
		*ret = (struct otlp_str){NULL, 0};
		return 0;
	}
	if (!PyUnicode_Check(object))
		return wrong_type(what, "str", object);
	return read_text(ret, object);
}

int read_u64(uint64_t *ret, PyObject *object, const char *what)
{
	if (object == Py_None) {
		*ret = 0;
		return 0;
	}
	if (!PyLong_Check(object))
		return wrong_type(what, "int", object);
	*ret = PyLong_AsUnsignedLongLong(object);
	return *ret == UINT64_MAX && PyErr_Occurred() ? -1 : 0;
}

int read_u32(uint32_t *ret, PyObject *object, const char *what)
{
	uint64_t wide = 0;

	if (read_u64(&wide, object, what) < 0)
		return -1;
	*ret = wide > UINT32_MAX ? UINT32_MAX : (uint32_t)wide;
	return 0;
}

int read_number(struct otlp_number *ret, PyObject *object)
{
	if (PyLong_Check(object)) {
		ret->type = OTLP_NUMBER_INT;
		ret->as.integer = PyLong_AsLongLong(object);
		return ret->as.integer == -1 && PyErr_Occurred() ? -1 : 0;
	}
	ret->type = OTLP_NUMBER_DOUBLE;
	ret->as.real = PyFloat_AsDouble(object);
	return ret->as.real == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static void store_big_endian(uint8_t ret[8], uint64_t value)
{
	value = __builtin_bswap64(value);
	memcpy(ret, &value, sizeof(value));
}

int read_trace_id(const struct state *state, uint8_t ret[16], PyObject *object)
{
	uint64_t high, low;
	PyObject *shifted;

	if (!PyLong_Check(object))
		return wrong_type("a trace id", "int", object);
	low = PyLong_AsUnsignedLongLongMask(object);
	if (low == UINT64_MAX && PyErr_Occurred())
		return -1;
	shifted = PyNumber_Rshift(object, state->sixty_four);
	if (shifted == NULL)
		return -1;
	high = PyLong_AsUnsignedLongLong(shifted);
	Py_DECREF(shifted);
	if (high == UINT64_MAX && PyErr_Occurred())
		return -1;
	store_big_endian(ret, high);
	store_big_endian(ret + 8, low);
	return 0;
}

int read_span_id(uint8_t ret[8], PyObject *object)
{
	uint64_t value;

	if (!PyLong_Check(object))
		return wrong_type("a span id", "int", object);
	value = PyLong_AsUnsignedLongLong(object);
	if (value == UINT64_MAX && PyErr_Occurred())
		return -1;
	store_big_endian(ret, value);
	return 0;
}

PyObject *read_items(struct reader *reader, PyObject *object, size_t *ret_count)
{
	PyObject *tuple = object;

	if (PyTuple_CheckExact(object))
		Py_INCREF(tuple);
	else
		tuple = PySequence_Tuple(object);
	if (memory_hold(reader->memory, tuple) < 0)
		return NULL;
	*ret_count = (size_t)PyTuple_Size(tuple);
	return tuple;
}

/* Keys and values by turns, all held: no Python code runs while a dict is walked. */
struct pairs {
	PyObject **objects;
	size_t count;
};

static int pairs_from_dict(struct reader *reader, struct pairs *ret, PyObject *dict)
{
	size_t capacity = (size_t)PyDict_Size(dict);
	PyObject *key, *value;
	Py_ssize_t at = 0;

	ret->count = 0;
	ret->objects = memory_take(reader->memory, capacity, 2 * sizeof(*ret->objects));
	if (ret->objects == NULL)
		return -1;
	while (ret->count < capacity && PyDict_Next(dict, &at, &key, &value)) {
		if (memory_hold_too(reader->memory, key) < 0 ||
		    memory_hold_too(reader->memory, value) < 0)
			return -1;
		ret->objects[2 * ret->count] = key;
		ret->objects[2 * ret->count + 1] = value;
		ret->count++;
	}
	return 0;
}

/* Any other mapping, by its items(). */
static int pairs_from_mapping(struct reader *reader, struct pairs *ret, PyObject *mapping)
{
	PyObject *items = PyMapping_Items(mapping), *tuple;
	size_t count, i;

	if (memory_hold(reader->memory, items) < 0)
		return -1;
	tuple = read_items(reader, items, &count);
	if (tuple == NULL)
		return -1;
	ret->count = count;
	ret->objects = memory_take(reader->memory, count, 2 * sizeof(*ret->objects));
	if (ret->objects == NULL)
		return -1;
	for (i = 0; i < count; i++) {
		PyObject *pair = PyTuple_GetItem(tuple, (Py_ssize_t)i);

		if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2)
			return wrong_type("an item of a mapping", "a pair", pair);
		ret->objects[2 * i] = PyTuple_GetItem(pair, 0);
		ret->objects[2 * i + 1] = PyTuple_GetItem(pair, 1);
	}
	return 0;
}

static int read_kvlist(struct reader *reader, struct otlp_value *ret, PyObject *object,
		       unsigned depth)
{
	struct otlp_attribute *items;
	struct pairs pairs;
	size_t i;
	int rc;

	if (PyDict_CheckExact(object))
		rc = pairs_from_dict(reader, &pairs, object);
	else
		rc = pairs_from_mapping(reader, &pairs, object);
	if (rc < 0)
		return rc;
	items = memory_take(reader->memory, pairs.count, sizeof(*items));
	if (items == NULL)
		return -1;
	for (i = 0; i < pairs.count; i++) {
		PyObject *key = pairs.objects[2 * i];

		if (!PyUnicode_Check(key)) {
			key = PyObject_Str(key);
			if (memory_hold(reader->memory, key) < 0)
				return -1;
		}
		if (read_attribute_text(reader, &items[i].key, key) < 0)
			return -1;
		rc = read_value(reader, &items[i].value, pairs.objects[2 * i + 1], depth + 1);
		if (rc != 0)
			return rc;
	}
	ret->type = OTLP_VALUE_KVLIST;
	ret->as.kvlist.items = items;
	ret->as.kvlist.count = pairs.count;
	return 0;
}

static int read_array(struct reader *reader, struct otlp_value *ret, PyObject *object,
		      unsigned depth)
{
	struct otlp_value *items;
	PyObject *tuple;
	size_t count, i;

	tuple = read_items(reader, object, &count);
	if (tuple == NULL)
		return -1;
	items = memory_take(reader->memory, count, sizeof(*items));
	if (items == NULL)
		return -1;
	for (i = 0; i < count; i++) {
		int rc = read_value(reader, &items[i], PyTuple_GetItem(tuple, (Py_ssize_t)i),
				    depth + 1);

		if (rc != 0)
			return rc;
	}
	ret->type = OTLP_VALUE_ARRAY;
	ret->as.array.items = items;
	ret->as.array.count = count;
	return 0;
}

static int read_int(struct reader *reader, struct otlp_value *ret, PyObject *object)
{
	PyObject *text;
	int overflow;

	ret->type = OTLP_VALUE_INT;
	ret->as.integer = PyLong_AsLongLongAndOverflow(object, &overflow);
	if (overflow == 0)
		return ret->as.integer == -1 && PyErr_Occurred() ? -1 : 0;
	text = PyNumber_ToBase(object, 10);
	if (text == NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
		PyErr_Clear(); /* more digits than the interpreter likes to print */
		return VALUE_UNSUPPORTED;
	}
	if (memory_hold(reader->memory, text) < 0)
		return -1;
	ret->type = OTLP_VALUE_STRING;
	return read_attribute_text(reader, &ret->as.string, text);
}

static int read_bytes(struct otlp_value *ret, PyObject *object)
{
	Py_ssize_t len;
	char *ptr;

	if (PyBytes_AsStringAndSize(object, &ptr, &len) < 0)
		return -1;
	ret->type = OTLP_VALUE_BYTES;
	ret->as.bytes.ptr = (const uint8_t *)ptr;
	ret->as.bytes.len = (size_t)len;
	return 0;
}

/* What is of no exact built-in type: a subclass, or a container of the user's. */
static int read_other(struct reader *reader, struct otlp_value *ret, PyObject *object,
		      unsigned depth)
{
	const struct state *state = reader->state;
	int is;

	if (PyUnicode_Check(object)) {
		ret->type = OTLP_VALUE_STRING;
		return read_attribute_text(reader, &ret->as.string, object);
	}
	if (PyLong_Check(object))
		return read_int(reader, ret, object);
	if (PyFloat_Check(object)) {
		ret->type = OTLP_VALUE_DOUBLE;
		ret->as.real = PyFloat_AsDouble(object);
		return 0;
	}
	if (PyBytes_Check(object))
		return read_bytes(ret, object);
	is = PyObject_IsInstance(object, state->sequence);
	if (is > 0)
		return read_array(reader, ret, object, depth);
	if (is == 0)
		is = PyObject_IsInstance(object, state->mapping);
	if (is > 0)
		return read_kvlist(reader, ret, object, depth);
	if (is < 0 || !reader->spells_values)
		return is < 0 ? -1 : VALUE_UNSUPPORTED;
	object = PyObject_Str(object);
	if (memory_hold(reader->memory, object) < 0)
		return -1;
	ret->type = OTLP_VALUE_STRING;
	return read_attribute_text(reader, &ret->as.string, object);
}

static int read_value(struct reader *reader, struct otlp_value *ret, PyObject *object,
		      unsigned depth)
{
	if (PyUnicode_CheckExact(object)) {
		ret->type = OTLP_VALUE_STRING;
		return read_attribute_text(reader, &ret->as.string, object);
	}
	if (object == Py_True || object == Py_False) {
		ret->type = OTLP_VALUE_BOOL;
		ret->as.boolean = object == Py_True;
		return 0;
	}
	if (PyLong_CheckExact(object))
		return read_int(reader, ret, object);
	if (PyFloat_CheckExact(object)) {
		ret->type = OTLP_VALUE_DOUBLE;
		ret->as.real = PyFloat_AsDouble(object);
		return 0;
	}
	if (object == Py_None) {
		ret->type = OTLP_VALUE_EMPTY;
		return 0;
	}
	if (depth > OTLP_VALUE_DEPTH_MAX) {
		PyErr_Format(PyExc_ValueError, "a value is nested deeper than %d",
			     OTLP_VALUE_DEPTH_MAX);
		return -1;
	}
	if (PyBytes_CheckExact(object))
		return read_bytes(ret, object);
	if (PyTuple_CheckExact(object) || PyList_CheckExact(object))
		return read_array(reader, ret, object, depth);
	if (PyDict_CheckExact(object))
		return read_kvlist(reader, ret, object, depth);
	return read_other(reader, ret, object, depth);
}

static int note_left_out(struct reader *reader, PyObject *key, PyObject *value)
{
	PyObject *culprit = PyUnicode_Check(key) ? value : key;
	PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(culprit), "__name__");
	PyObject *text = NULL;

	if (type == NULL)
		return -1;
	if (culprit == key)
		text = PyUnicode_FromFormat(
			"an attribute was left out: its key is of type %S, not str", type);
	else
		text = PyUnicode_FromFormat(
			"attribute %R was left out: OTLP has no form for all of "
			"its value, of type %S",
			key, type);
	Py_DECREF(type);
	return outcome_note(reader->outcome, text);
}

static int read_pairs(struct reader *reader, struct otlp_attributes *ret, const struct pairs *pairs)
{
	struct otlp_attribute *items;
	size_t i;

	items = memory_take(reader->memory, pairs->count, sizeof(*items));
	if (items == NULL)
		return -1;
	ret->items = items;
	for (i = 0; i < pairs->count; i++) {
		PyObject *key = pairs->objects[2 * i], *value = pairs->objects[2 * i + 1];
		struct otlp_attribute *item = &items[ret->count];
		int rc = VALUE_UNSUPPORTED;

		if (PyUnicode_Check(key)) {
			if (read_attribute_text(reader, &item->key, key) < 0)
				return -1;
			rc = read_value(reader, &item->value, value, 1);
		}
		if (rc < 0)
			return rc;
		if (rc == 0) {
			ret->count++;
			continue;
		}
		ret->dropped++;
		if (note_left_out(reader, key, value) < 0)
			return -1;
	}
	return 0;
}

int read_attributes(struct reader *reader, struct otlp_attributes *ret, PyObject *object)
{
	const struct state *state = reader->state;
	struct pairs pairs;
	int rc;

	*ret = (struct otlp_attributes){NULL, 0, 0};
	if (object == Py_None)
		return 0;
	if ((PyObject *)Py_TYPE(object) == state->sdk.bounded_attributes) {
		PyObject *dropped = read_field(reader, object, state->names.dropped);

		if (dropped == NULL || read_u32(&ret->dropped, dropped, "a dropped count") < 0)
			return -1;
		object = read_field(reader, object, state->names._dict);
		if (object == NULL)
			return -1;
	}
	if (PyDict_CheckExact(object)) {
		if (PyDict_Size(object) == 0)
			return 0;
		rc = pairs_from_dict(reader, &pairs, object);
	} else {
		rc = pairs_from_mapping(reader, &pairs, object);
	}
	return rc < 0 ? rc : read_pairs(reader, ret, &pairs);
}

int read_body(struct reader *reader, struct otlp_value *ret, PyObject *object)
{
	int rc;

	reader->spells_values = true;
	rc = read_value(reader, ret, object, 1);
	reader->spells_values = false;
	if (rc != VALUE_UNSUPPORTED)
		return rc;
	PyErr_SetString(PyExc_ValueError, "a log's body holds an integer of too many digits");
	return -1;
}
