// SPDX-License-Identifier: Apache-2.0
//! The SDK's common types as the C interface's: pointers into the SDK's objects.
use crate::arena::Arena;
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use otlpipe_sys as sys;
use std::ptr::addr_of_mut;
use std::time::{SystemTime, UNIX_EPOCH};

/// Before 1970 it is 0, after 2554 the last there is.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        Err(_) => 0,
    }
}

#[inline]
pub(crate) fn text(text: &str) -> sys::otlp_str {
    bytes_text(text.as_bytes())
}

#[inline]
pub(crate) fn optional(found: Option<&str>) -> sys::otlp_str {
    text(found.unwrap_or_default())
}

#[inline]
pub(crate) fn bytes_text(text: &[u8]) -> sys::otlp_str {
    sys::otlp_str { ptr: text.as_ptr().cast(), len: text.len() }
}

#[inline]
pub(crate) fn slice<T>(items: &[T]) -> (*const T, usize) {
    (items.as_ptr(), items.len())
}

/// The common kinds in place, all others by a call. Each branch writes what it has where it
/// belongs: a value that the branches return would be put together on the stack, and copied.
///
/// # Safety
/// `to` may be written to; a value is there afterwards.
#[inline]
unsafe fn put_value(arena: &Arena, value: &Value, to: *mut sys::otlp_value) {
    // SAFETY: all of these are members of what `to` points to.
    unsafe {
        let (type_, as_) = (addr_of_mut!((*to).type_), addr_of_mut!((*to).as_));
        match value {
            Value::String(string) => put_text(string.as_str(), to),
            Value::I64(integer) => {
                type_.write(sys::OTLP_VALUE_INT);
                addr_of_mut!((*as_).integer).write(*integer);
            }
            Value::Bool(boolean) => {
                type_.write(sys::OTLP_VALUE_BOOL);
                addr_of_mut!((*as_).boolean).write(*boolean);
            }
            Value::F64(real) => {
                type_.write(sys::OTLP_VALUE_DOUBLE);
                addr_of_mut!((*as_).real).write(*real);
            }
            rare => to.write(rare_value(arena, rare)),
        }
    }
}

/// # Safety
/// As [`put_value`].
#[inline]
pub(crate) unsafe fn put_text(found: &str, to: *mut sys::otlp_value) {
    // SAFETY: both are members of what `to` points to.
    unsafe {
        addr_of_mut!((*to).type_).write(sys::OTLP_VALUE_STRING);
        addr_of_mut!((*to).as_.string).write(text(found));
    }
}

#[cold]
#[inline(never)]
fn rare_value(arena: &Arena, value: &Value) -> sys::otlp_value {
    match value {
        Value::Array(items) => array(arena, items),
        // What a later version of the API adds: its text, rather than nothing.
        other => of_text(copied(arena, &other.as_str())),
    }
}

#[inline]
pub(crate) fn of_text(string: sys::otlp_str) -> sys::otlp_value {
    sys::otlp_value { type_: sys::OTLP_VALUE_STRING, as_: sys::otlp_value_content { string } }
}

fn copied(arena: &Arena, found: &str) -> sys::otlp_str {
    bytes_text(arena.text(|| std::iter::once(found)))
}

fn array(arena: &Arena, items: &Array) -> sys::otlp_value {
    use sys::otlp_value_content as Content;
    let of = |type_, as_| sys::otlp_value { type_, as_ };
    let items = match items {
        Array::Bool(items) => {
            arena.map(items, |&boolean| of(sys::OTLP_VALUE_BOOL, Content { boolean }))
        }
        Array::I64(items) => {
            arena.map(items, |&integer| of(sys::OTLP_VALUE_INT, Content { integer }))
        }
        Array::F64(items) => arena.map(items, |&real| of(sys::OTLP_VALUE_DOUBLE, Content { real })),
        Array::String(items) => arena.map(items, |string| of_text(text(string.as_str()))),
        other => return of_text(copied(arena, &other.to_string())),
    };
    let (items, count) = slice(items);
    sys::otlp_value {
        type_: sys::OTLP_VALUE_ARRAY,
        as_: Content { array: sys::otlp_array { items, count } },
    }
}

/// # Safety
/// `to` may be written to; an attribute is there afterwards.
#[inline]
unsafe fn put_attribute(arena: &Arena, key: &Key, of: &Value, to: *mut sys::otlp_attribute) {
    // SAFETY: both are members of what `to` points to.
    unsafe {
        addr_of_mut!((*to).key).write(text(key.as_str()));
        put_value(arena, of, addr_of_mut!((*to).value));
    }
}

/// Of a list: the loop that most of the time of an export of spans is spent in.
#[inline]
pub(crate) fn attributes(arena: &Arena, found: &[KeyValue], dropped: u32) -> sys::otlp_attributes {
    // SAFETY: put_attribute() writes an attribute.
    let items = unsafe {
        arena.map_into(found, |found, to| put_attribute(arena, &found.key, &found.value, to))
    };
    let (items, count) = slice(items);
    sys::otlp_attributes { items, count, dropped }
}

/// The same where the SDK shows them as an iterator alone.
#[inline]
pub(crate) fn attributes_of<'a>(
    arena: &Arena,
    found: impl Iterator<Item = (&'a Key, &'a Value)>,
) -> sys::otlp_attributes {
    // SAFETY: put_attribute() writes an attribute.
    let items =
        unsafe { arena.collect_into(found, |(key, of), to| put_attribute(arena, key, of, to)) };
    let (items, count) = slice(items);
    sys::otlp_attributes { items, count, dropped: 0 }
}

#[inline]
pub(crate) fn pair(found: &KeyValue) -> (&Key, &Value) {
    (&found.key, &found.value)
}

pub(crate) fn resource(arena: &Arena, found: &Resource) -> sys::otlp_resource {
    sys::otlp_resource {
        attributes: attributes_of(arena, found.iter()),
        schema_url: optional(found.schema_url()),
        ..Default::default()
    }
}

pub(crate) fn scope(arena: &Arena, found: &InstrumentationScope) -> sys::otlp_scope {
    sys::otlp_scope {
        name: text(found.name()),
        version: optional(found.version()),
        schema_url: optional(found.schema_url()),
        attributes: attributes_of(arena, found.attributes().map(pair)),
        ..Default::default()
    }
}

/// Whether the pointers that were made of one scope serve for another: it compares no attributes,
/// so a scope that has some is made anew.
#[inline]
pub(crate) fn same(one: &InstrumentationScope, other: &InstrumentationScope) -> bool {
    same_text(Some(one.name()), Some(other.name()))
        && same_text(one.version(), other.version())
        && same_text(one.schema_url(), other.schema_url())
        && one.attributes().next().is_none()
        && other.attributes().next().is_none()
}

/// Clones of a constant text point to one place.
#[inline]
pub(crate) fn same_text(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => std::ptr::eq(one, other) || one == other,
        (one, other) => one.is_none() && other.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_beyond_what_otlp_has_are_the_nearest_that_it_has() {
        assert_eq!(nanos(UNIX_EPOCH - Duration::from_nanos(1)), 0);
        assert_eq!(nanos(UNIX_EPOCH + Duration::from_nanos(7)), 7);
        assert_eq!(nanos(UNIX_EPOCH + Duration::from_secs(20_000_000_000)), u64::MAX);
    }
}
