// SPDX-License-Identifier: Apache-2.0
//! The log exporter.
use crate::arena::{self, Arena};
use crate::convert::{bytes_text, nanos, of_text, optional, resource, scope, slice, text};
use crate::error::{for_sdk, Error};
use crate::library::{timeout, OtlpLibrary, FLUSH_LIMIT};
use opentelemetry::logs::AnyValue;
use opentelemetry::{InstrumentationScope, Key, SpanId, TraceId};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::Resource;
use otlpipe_sys as sys;
use std::ffi::c_int;
use std::fmt;
use std::future::{ready, Future};
use std::ptr::{null, NonNull};
use std::time::Duration;

/// Records that are laid out before they are pushed: few, so that they stay in the processor's cache.
const CHUNK: usize = 16;

/// A [`LogExporter`] over a library: made by [`OtlpLibrary::log_exporter`].
///
/// It shares the library and does not end it: its `shutdown` succeeds and changes nothing. A clone
/// is for another logger provider, and takes that one's resource.
pub struct OtlpLogExporter {
    library: OtlpLibrary,
    exporter: NonNull<sys::otlp_log_exporter>,
    /// Why the resource that was set last could not be.
    resource_error: Option<Error>,
}

// SAFETY: otlpipe.h: each function may be called from any thread at any time, without a lock.
unsafe impl Send for OtlpLogExporter {}
// SAFETY: as above.
unsafe impl Sync for OtlpLogExporter {}

impl Drop for OtlpLogExporter {
    fn drop(&mut self) {
        // SAFETY: this is our one reference.
        unsafe { sys::otlp_log_exporter_unref(self.exporter.as_ptr()) }
    }
}

impl Clone for OtlpLogExporter {
    fn clone(&self) -> Self {
        // SAFETY: the exporter is referenced; what is returned is it.
        unsafe { sys::otlp_log_exporter_ref(self.exporter.as_ptr()) };
        OtlpLogExporter {
            library: self.library.clone(),
            exporter: self.exporter,
            resource_error: self.resource_error.clone(),
        }
    }
}

impl fmt::Debug for OtlpLogExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpLogExporter").field("library", &self.library).finish()
    }
}

impl OtlpLibrary {
    /// An exporter for a logger provider.
    ///
    /// # Errors
    /// [`Shutdown`](crate::ErrorKind::Shutdown) after the library's shutdown.
    pub fn log_exporter(&self) -> Result<OtlpLogExporter, Error> {
        let mut exporter = std::ptr::null_mut();
        // SAFETY: the library is referenced.
        let rc = unsafe { sys::otlp_library_log_exporter(self.as_ptr(), &mut exporter) };
        self.check(rc)?;
        let exporter = NonNull::new(exporter).expect("a success has an exporter");
        Ok(OtlpLogExporter { library: self.clone(), exporter, resource_error: None })
    }

    /// Export log records by reference, of the library's own resource.
    ///
    /// # Errors
    /// The first refusal: what could not be taken was dropped and counted, the others were taken.
    pub fn export_logs(&self, batch: &LogBatch<'_>) -> Result<(), Error> {
        // SAFETY: the library is referenced, and what is laid out lives during the call.
        self.check(push(batch, |records, count| unsafe {
            sys::otlp_library_export_logs(self.as_ptr(), records, count)
        }))
    }
}

impl OtlpLogExporter {
    /// Waits until the writer has written what was exported: the SDK's trait has no such call.
    ///
    /// # Errors
    /// Those of [`OtlpLibrary::flush`], after 5 seconds at most.
    pub fn force_flush(&self) -> OTelSdkResult {
        // SAFETY: the exporter is referenced.
        let rc = unsafe {
            sys::otlp_log_exporter_force_flush(self.exporter.as_ptr(), timeout(FLUSH_LIMIT)).cause
        };
        for_sdk(self.library.check(rc))
    }

    fn export_ref(&self, batch: &LogBatch<'_>) -> Result<(), Error> {
        // SAFETY: the exporter is referenced, and what is laid out lives during the call.
        let rc = push(batch, |records, count| unsafe {
            sys::otlp_log_exporter_export(self.exporter.as_ptr(), records, count).cause
        });
        self.library.check(rc)?;
        self.resource_error.clone().map_or(Ok(()), Err)
    }

    fn set(&mut self, found: &Resource) -> Result<(), Error> {
        // Of its own from now on: clones are for other providers.
        let own = self.library.log_exporter()?;
        let rc = arena::with(|arena, _| {
            let found = resource(arena, found);
            // SAFETY: the exporter is referenced; the resource is copied during the call.
            unsafe { sys::otlp_log_exporter_set_resource(own.exporter.as_ptr(), &found).cause }
        });
        self.library.check(rc)?;
        *self = own;
        Ok(())
    }
}

impl LogExporter for OtlpLogExporter {
    fn export(&self, batch: LogBatch<'_>) -> impl Future<Output = OTelSdkResult> + Send {
        ready(for_sdk(self.export_ref(&batch)))
    }

    /// Succeeds, and leaves the library and its other users alone.
    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        // SAFETY: the exporter is referenced.
        let rc = unsafe {
            sys::otlp_log_exporter_shutdown(self.exporter.as_ptr(), timeout(limit)).cause
        };
        for_sdk(self.library.check(rc))
    }

    /// Where it cannot be set (no memory, larger than a record), each export says so.
    fn set_resource(&mut self, resource: &Resource) {
        self.resource_error = self.set(resource).err();
    }
}

/// Lay out a few records at a time, and push them. Returns the first refusal.
fn push(
    batch: &LogBatch<'_>,
    export: impl Fn(*const sys::otlp_log_record, usize) -> c_int,
) -> c_int {
    arena::with(|_, arena| {
        let (mut first, mut is_empty) = (sys::OTLP_OK, true);
        let mut records = batch.iter();
        loop {
            arena.clear();
            let some = records.by_ref().take(CHUNK);
            let (items, count) = slice(arena.collect(some.map(|(of, scope)| {
                let scope = arena.collect(std::iter::once(scope_of(arena, of, scope)));
                record(arena, of, &scope[0])
            })));
            if count == 0 {
                break;
            }
            is_empty = false;
            let rc = export(items, count);
            if first == sys::OTLP_OK {
                first = rc;
            }
            if rc == sys::OTLP_ERR_SHUTDOWN {
                break; // one call that was rejected
            }
        }
        // Nothing to do, which fails too where the library was shut down.
        if is_empty {
            return export(null(), 0);
        }
        first
    })
}

/// Where a record has a target, that is the scope's name: so it is in the SDK's own transform.
fn scope_of(arena: &Arena, of: &SdkLogRecord, found: &InstrumentationScope) -> sys::otlp_scope {
    let mut made = scope(arena, found);
    if let Some(target) = of.target() {
        made.name = text(target);
    }
    made
}

fn record(arena: &Arena, of: &SdkLogRecord, scope: &sys::otlp_scope) -> sys::otlp_log_record {
    let context = of.trace_context();
    sys::otlp_log_record {
        scope,
        time_unix_ns: of.timestamp().map_or(0, nanos),
        observed_time_unix_ns: of.observed_timestamp().map_or(0, nanos),
        severity_number: of
            .severity_number()
            .map_or(sys::OTLP_SEVERITY_UNSPECIFIED, |number| number as sys::otlp_severity_number),
        flags: context.and_then(|of| of.trace_flags).map_or(0, |flags| flags.to_u8().into()),
        severity_text: optional(of.severity_text()),
        body: of.body().map_or_else(Default::default, |body| value(arena, body, 1)),
        attributes: pairs(arena, of.attributes_iter().map(|(key, of)| (key, of)), 1),
        trace_id: context.map_or(TraceId::INVALID, |of| of.trace_id).to_bytes(),
        span_id: context.map_or(SpanId::INVALID, |of| of.span_id).to_bytes(),
        event_name: optional(of.event_name()),
        ..Default::default()
    }
}

fn pairs<'a>(
    arena: &Arena,
    found: impl Iterator<Item = (&'a Key, &'a AnyValue)>,
    depth: u32,
) -> sys::otlp_attributes {
    let (items, count) = slice(arena.collect(found.map(|(key, of)| sys::otlp_attribute {
        key: text(key.as_str()),
        value: value(arena, of, depth),
    })));
    sys::otlp_attributes { items, count, dropped: 0 }
}

/// What is nested deeper than the library takes is laid out a level deeper, and no further: so it is
/// refused, and a deep value does not use up the stack.
fn value(arena: &Arena, of: &AnyValue, depth: u32) -> sys::otlp_value {
    use sys::otlp_value_content as Content;
    if depth > sys::OTLP_VALUE_DEPTH_MAX {
        return sys::otlp_value::default();
    }
    let (type_, as_) = match of {
        AnyValue::Int(integer) => (sys::OTLP_VALUE_INT, Content { integer: *integer }),
        AnyValue::Double(real) => (sys::OTLP_VALUE_DOUBLE, Content { real: *real }),
        AnyValue::String(string) => return of_text(text(string.as_str())),
        AnyValue::Boolean(boolean) => (sys::OTLP_VALUE_BOOL, Content { boolean: *boolean }),
        AnyValue::Bytes(bytes) => {
            let (ptr, len) = slice(bytes);
            (sys::OTLP_VALUE_BYTES, Content { bytes: sys::otlp_bytes { ptr, len } })
        }
        AnyValue::ListAny(list) => {
            let items = arena.collect(list.iter().map(|of| value(arena, of, depth + 1)));
            let (items, count) = slice(items);
            (sys::OTLP_VALUE_ARRAY, Content { array: sys::otlp_array { items, count } })
        }
        AnyValue::Map(map) => {
            let sys::otlp_attributes { items, count, .. } = pairs(arena, map.iter(), depth + 1);
            (sys::OTLP_VALUE_KVLIST, Content { kvlist: sys::otlp_kvlist { items, count } })
        }
        // What a later version of the API adds: how it is printed, rather than nothing.
        other => {
            let printed = format!("{other:?}");
            return of_text(bytes_text(arena.text(|| std::iter::once(&*printed))));
        }
    };
    sys::otlp_value { type_, as_ }
}
