// SPDX-License-Identifier: Apache-2.0
//! The SDK's common types as the C interface's: pointers into the SDK's objects.
use crate::arena::Arena;
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use otlpipe_sys as sys;
use std::time::{SystemTime, UNIX_EPOCH};

/// Before 1970 it is 0, after 2554 the last there is.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        Err(_) => 0,
    }
}

pub(crate) fn text(text: &str) -> sys::otlp_str {
    bytes_text(text.as_bytes())
}

pub(crate) fn optional(found: Option<&str>) -> sys::otlp_str {
    text(found.unwrap_or_default())
}

pub(crate) fn bytes_text(text: &[u8]) -> sys::otlp_str {
    sys::otlp_str { ptr: text.as_ptr().cast(), len: text.len() }
}

pub(crate) fn slice<T>(items: &[T]) -> (*const T, usize) {
    (items.as_ptr(), items.len())
}

#[inline]
fn value(arena: &Arena, value: &Value) -> sys::otlp_value {
    let (type_, as_) = match value {
        Value::Bool(boolean) => {
            (sys::OTLP_VALUE_BOOL, sys::otlp_value_content { boolean: *boolean })
        }
        Value::I64(integer) => (sys::OTLP_VALUE_INT, sys::otlp_value_content { integer: *integer }),
        Value::F64(real) => (sys::OTLP_VALUE_DOUBLE, sys::otlp_value_content { real: *real }),
        Value::String(string) => return of_text(text(string.as_str())),
        Value::Array(items) => return array(arena, items),
        // What a later version of the API adds: its text, rather than nothing.
        other => return of_text(copied(arena, &other.as_str())),
    };
    sys::otlp_value { type_, as_ }
}

pub(crate) fn of_text(string: sys::otlp_str) -> sys::otlp_value {
    sys::otlp_value { type_: sys::OTLP_VALUE_STRING, as_: sys::otlp_value_content { string } }
}

fn copied(arena: &Arena, found: &str) -> sys::otlp_str {
    bytes_text(arena.text(|| std::iter::once(found)))
}

fn array(arena: &Arena, items: &Array) -> sys::otlp_value {
    use sys::otlp_value_content as Content;
    let of = |type_| move |as_| sys::otlp_value { type_, as_ };
    let items = match items {
        Array::Bool(items) => arena.collect(
            items.iter().map(|&boolean| Content { boolean }).map(of(sys::OTLP_VALUE_BOOL)),
        ),
        Array::I64(items) => arena
            .collect(items.iter().map(|&integer| Content { integer }).map(of(sys::OTLP_VALUE_INT))),
        Array::F64(items) => arena
            .collect(items.iter().map(|&real| Content { real }).map(of(sys::OTLP_VALUE_DOUBLE))),
        Array::String(items) => {
            arena.collect(items.iter().map(|string| of_text(text(string.as_str()))))
        }
        other => return of_text(copied(arena, &other.to_string())),
    };
    let (items, count) = slice(items);
    sys::otlp_value {
        type_: sys::OTLP_VALUE_ARRAY,
        as_: Content { array: sys::otlp_array { items, count } },
    }
}

pub(crate) fn attributes<'a>(
    arena: &Arena,
    found: impl Iterator<Item = (&'a Key, &'a Value)>,
    dropped: u32,
) -> sys::otlp_attributes {
    let (items, count) = slice(arena.collect(found.map(|(key, of)| sys::otlp_attribute {
        key: text(key.as_str()),
        value: value(arena, of),
    })));
    sys::otlp_attributes { items, count, dropped }
}

pub(crate) fn pair(found: &KeyValue) -> (&Key, &Value) {
    (&found.key, &found.value)
}

pub(crate) fn resource(arena: &Arena, found: &Resource) -> sys::otlp_resource {
    sys::otlp_resource {
        attributes: attributes(arena, found.iter(), 0),
        schema_url: optional(found.schema_url()),
        ..Default::default()
    }
}

pub(crate) fn scope(arena: &Arena, found: &InstrumentationScope) -> sys::otlp_scope {
    sys::otlp_scope {
        name: text(found.name()),
        version: optional(found.version()),
        schema_url: optional(found.schema_url()),
        attributes: attributes(arena, found.attributes().map(pair), 0),
        ..Default::default()
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
