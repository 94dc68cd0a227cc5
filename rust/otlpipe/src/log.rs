// SPDX-License-Identifier: Apache-2.0
//! The log exporter.
use crate::arena::{self, Arena};
use crate::convert::{
    bytes_text, nanos, of_text, optional, put_text, resource, same, same_text, scope, slice, text,
};
use crate::error::{for_sdk, Error};
use crate::library::{timeout, OtlpLibrary, FLUSH_LIMIT};
use opentelemetry::logs::AnyValue;
use opentelemetry::{InstrumentationScope, Key};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::Resource;
use otlpipe_sys as sys;
use std::ffi::c_int;
use std::fmt;
use std::future::{ready, Future};
use std::ptr::{addr_of_mut, null, NonNull};
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
            let (items, count) = slice(lay_out(arena, records.by_ref().take(CHUNK)));
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

fn lay_out<'a, 'b>(
    arena: &'a Arena,
    records: impl Iterator<Item = (&'b SdkLogRecord, &'b InstrumentationScope)>,
) -> &'a [sys::otlp_log_record] {
    // Records beside each other are of one scope as a rule, and often of one target.
    let mut last: Option<(&InstrumentationScope, Option<&str>, &sys::otlp_scope)> = None;
    let put = |(of, found), to: *mut sys::otlp_log_record| {
        let (of, found): (&'b SdkLogRecord, &'b InstrumentationScope) = (of, found);
        let target = of.target().map(|target| &**target);
        let scope = match last {
            Some((before, its, scope)) if same(before, found) && same_text(its, target) => scope,
            _ => &arena.collect(std::iter::once(scope_of(arena, target, found)))[0],
        };
        last = Some((found, target, scope));
        // SAFETY: it is the place of a record, which may be written to, and nobody else refers to.
        let made = unsafe {
            to.write(sys::otlp_log_record::default());
            &mut *to
        };
        made.scope = scope;
        put_record(arena, of, made);
    };
    // SAFETY: it writes a record.
    unsafe { arena.collect_into(records, put) }
}

/// Where a record has a target, that is the scope's name: so it is in the SDK's own transform.
fn scope_of(arena: &Arena, target: Option<&str>, found: &InstrumentationScope) -> sys::otlp_scope {
    let mut made = scope(arena, found);
    if let Some(target) = target {
        made.name = text(target);
    }
    made
}

/// All but the scope, member by member: a whole that is put together elsewhere is copied.
#[inline]
fn put_record(arena: &Arena, of: &SdkLogRecord, to: &mut sys::otlp_log_record) {
    to.time_unix_ns = of.timestamp().map_or(0, nanos);
    to.observed_time_unix_ns = of.observed_timestamp().map_or(0, nanos);
    if let Some(number) = of.severity_number() {
        to.severity_number = number as sys::otlp_severity_number;
    }
    to.severity_text = optional(of.severity_text());
    to.event_name = optional(of.event_name());
    if let Some(body) = of.body() {
        // SAFETY: it is a value, and may be written to.
        unsafe { put_value(arena, body, 1, &mut to.body) };
    }
    to.attributes = pairs(arena, of.attributes_iter().map(|(key, of)| (key, of)), 1);
    if let Some(context) = of.trace_context() {
        to.trace_id = context.trace_id.to_bytes();
        to.span_id = context.span_id.to_bytes();
        to.flags = context.trace_flags.map_or(0, |flags| flags.to_u8().into());
    }
}

#[inline]
fn pairs<'a>(
    arena: &Arena,
    found: impl Iterator<Item = (&'a Key, &'a AnyValue)>,
    depth: u32,
) -> sys::otlp_attributes {
    let put = |(key, of), to: *mut sys::otlp_attribute| {
        let (key, of): (&Key, &AnyValue) = (key, of);
        // SAFETY: both are members of what `to` points to.
        unsafe {
            addr_of_mut!((*to).key).write(text(key.as_str()));
            put_value(arena, of, depth, addr_of_mut!((*to).value));
        }
    };
    // SAFETY: it writes an attribute.
    let (items, count) = slice(unsafe { arena.collect_into(found, put) });
    sys::otlp_attributes { items, count, dropped: 0 }
}

/// The common kinds in place, all others by a call.
///
/// # Safety
/// `to` may be written to; a value is there afterwards.
#[inline]
unsafe fn put_value(arena: &Arena, of: &AnyValue, depth: u32, to: *mut sys::otlp_value) {
    // SAFETY: all of these are members of what `to` points to.
    unsafe {
        let (type_, as_) = (addr_of_mut!((*to).type_), addr_of_mut!((*to).as_));
        match of {
            AnyValue::String(string) if depth <= sys::OTLP_VALUE_DEPTH_MAX => {
                put_text(string.as_str(), to)
            }
            AnyValue::Int(integer) if depth <= sys::OTLP_VALUE_DEPTH_MAX => {
                type_.write(sys::OTLP_VALUE_INT);
                addr_of_mut!((*as_).integer).write(*integer);
            }
            AnyValue::Boolean(boolean) if depth <= sys::OTLP_VALUE_DEPTH_MAX => {
                type_.write(sys::OTLP_VALUE_BOOL);
                addr_of_mut!((*as_).boolean).write(*boolean);
            }
            rare => to.write(rare_value(arena, rare, depth)),
        }
    }
}

/// What is nested deeper than the library takes is laid out a level deeper, and no further: so it is
/// refused, and a deep value does not use up the stack.
#[inline(never)]
fn rare_value(arena: &Arena, of: &AnyValue, depth: u32) -> sys::otlp_value {
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
            let items = arena.map(list, |of| rare_value(arena, of, depth + 1));
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
