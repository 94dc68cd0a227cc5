// SPDX-License-Identifier: Apache-2.0
//! The span exporter.
use crate::arena::{self, Arena};
use crate::convert::{attributes, bytes_text, nanos, resource, same, scope, slice, text};
use crate::error::{for_sdk, Error};
use crate::library::{timeout, OtlpLibrary, FLUSH_LIMIT};
use opentelemetry::trace::{Event, Link, SpanContext, SpanKind, Status, TraceState};
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use opentelemetry_sdk::Resource;
use otlpipe_sys as sys;
use std::ffi::c_int;
use std::fmt;
use std::future::{ready, Future};
use std::ptr::{null, NonNull};
use std::time::Duration;

/// Spans that are laid out before they are pushed: few, so that they stay in the processor's cache.
const CHUNK: usize = 16;
/// OTLP's SpanFlags: whether a parent is remote is known, and whether it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// A [`SpanExporter`] over a library: made by [`OtlpLibrary::span_exporter`].
///
/// It shares the library and does not end it: its `shutdown` succeeds and changes nothing. A clone
/// is for another tracer provider, and takes that one's resource.
pub struct OtlpSpanExporter {
    library: OtlpLibrary,
    exporter: NonNull<sys::otlp_span_exporter>,
    /// Why the resource that was set last could not be.
    resource_error: Option<Error>,
}

// SAFETY: otlpipe.h: each function may be called from any thread at any time, without a lock.
unsafe impl Send for OtlpSpanExporter {}
// SAFETY: as above.
unsafe impl Sync for OtlpSpanExporter {}

impl Drop for OtlpSpanExporter {
    fn drop(&mut self) {
        // SAFETY: this is our one reference.
        unsafe { sys::otlp_span_exporter_unref(self.exporter.as_ptr()) }
    }
}

impl Clone for OtlpSpanExporter {
    fn clone(&self) -> Self {
        // SAFETY: the exporter is referenced; what is returned is it.
        unsafe { sys::otlp_span_exporter_ref(self.exporter.as_ptr()) };
        OtlpSpanExporter {
            library: self.library.clone(),
            exporter: self.exporter,
            resource_error: self.resource_error.clone(),
        }
    }
}

impl fmt::Debug for OtlpSpanExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpSpanExporter").field("library", &self.library).finish()
    }
}

impl OtlpLibrary {
    /// An exporter for a tracer provider.
    ///
    /// # Errors
    /// [`Shutdown`](crate::ErrorKind::Shutdown) after the library's shutdown.
    pub fn span_exporter(&self) -> Result<OtlpSpanExporter, Error> {
        let mut exporter = std::ptr::null_mut();
        // SAFETY: the library is referenced.
        let rc = unsafe { sys::otlp_library_span_exporter(self.as_ptr(), &mut exporter) };
        self.check(rc)?;
        let exporter = NonNull::new(exporter).expect("a success has an exporter");
        Ok(OtlpSpanExporter { library: self.clone(), exporter, resource_error: None })
    }

    /// Export finished spans by reference, of the library's own resource.
    ///
    /// # Errors
    /// The first refusal: what could not be taken was dropped and counted, the others were taken.
    pub fn export_traces(&self, spans: &[SpanData]) -> Result<(), Error> {
        // SAFETY: the library is referenced, and what is laid out lives during the call.
        self.check(push(spans, |spans, count| unsafe {
            sys::otlp_library_export_traces(self.as_ptr(), spans, count)
        }))
    }
}

impl OtlpSpanExporter {
    /// [`SpanExporter::export`] without giving the spans away.
    ///
    /// # Errors
    /// The first refusal: what could not be taken was dropped and counted, the others were taken.
    pub fn export_ref(&self, spans: &[SpanData]) -> Result<(), Error> {
        // SAFETY: the exporter is referenced, and what is laid out lives during the call.
        let rc = push(spans, |spans, count| unsafe {
            sys::otlp_span_exporter_export(self.exporter.as_ptr(), spans, count).cause
        });
        self.library.check(rc)?;
        self.resource_error.clone().map_or(Ok(()), Err)
    }

    fn set(&mut self, found: &Resource) -> Result<(), Error> {
        // Of its own from now on: clones are for other providers.
        let own = self.library.span_exporter()?;
        let rc = arena::with(|arena, _| {
            let found = resource(arena, found);
            // SAFETY: the exporter is referenced; the resource is copied during the call.
            unsafe { sys::otlp_span_exporter_set_resource(own.exporter.as_ptr(), &found).cause }
        });
        self.library.check(rc)?;
        *self = own;
        Ok(())
    }
}

impl SpanExporter for OtlpSpanExporter {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        ready(for_sdk(self.export_ref(&batch)))
    }

    /// Succeeds, and leaves the library and its other users alone.
    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        // SAFETY: the exporter is referenced.
        let rc = unsafe {
            sys::otlp_span_exporter_shutdown(self.exporter.as_ptr(), timeout(limit)).cause
        };
        for_sdk(self.library.check(rc))
    }

    /// Waits until the writer has written what was exported, 5 seconds at most.
    fn force_flush(&self) -> OTelSdkResult {
        // SAFETY: the exporter is referenced.
        let rc = unsafe {
            sys::otlp_span_exporter_force_flush(self.exporter.as_ptr(), timeout(FLUSH_LIMIT)).cause
        };
        for_sdk(self.library.check(rc))
    }

    /// Where it cannot be set (no memory, larger than a record), each export says so.
    fn set_resource(&mut self, resource: &Resource) {
        self.resource_error = self.set(resource).err();
    }
}

/// Lay out a few spans at a time, and push them. Returns the first refusal.
fn push(spans: &[SpanData], export: impl Fn(*const sys::otlp_span, usize) -> c_int) -> c_int {
    if spans.is_empty() {
        return export(null(), 0);
    }
    arena::with(|_, arena| {
        let mut first = sys::OTLP_OK;
        for chunk in spans.chunks(CHUNK) {
            arena.clear();
            let (items, count) = slice(lay_out(arena, chunk));
            let rc = export(items, count);
            if first == sys::OTLP_OK {
                first = rc;
            }
            if rc == sys::OTLP_ERR_SHUTDOWN {
                break; // one call that was rejected
            }
        }
        first
    })
}

fn lay_out<'a>(arena: &'a Arena, spans: &[SpanData]) -> &'a [sys::otlp_span] {
    // Spans beside each other are of one scope as a rule.
    let mut last: Option<(&InstrumentationScope, &sys::otlp_scope)> = None;
    let put = |data, to: *mut sys::otlp_span| {
        let data: &SpanData = data;
        let of = match last {
            Some((found, of)) if same(found, &data.instrumentation_scope) => of,
            _ => &arena.collect(std::iter::once(scope(arena, &data.instrumentation_scope)))[0],
        };
        last = Some((&data.instrumentation_scope, of));
        // SAFETY: it is the place of a span, which may be written to, and nobody else refers to.
        let made = unsafe {
            to.write(sys::otlp_span::default());
            &mut *to
        };
        made.scope = of;
        put_span(arena, data, made);
    };
    // SAFETY: it writes a span.
    unsafe { arena.map_into(spans, put) }
}

fn flags(context: &SpanContext, is_remote: bool) -> u32 {
    let remote = if is_remote { IS_REMOTE } else { 0 };
    u32::from(context.trace_flags().to_u8()) | HAS_IS_REMOTE | remote
}

/// The SDK has no text of it, only pairs.
#[inline]
fn trace_state(arena: &Arena, state: &TraceState) -> sys::otlp_str {
    if *state == TraceState::NONE {
        return text("");
    }
    trace_state_text(arena, state)
}

fn trace_state_text(arena: &Arena, state: &TraceState) -> sys::otlp_str {
    let pairs = || state.into_iter().enumerate();
    bytes_text(arena.text(|| {
        pairs()
            .flat_map(|(index, (key, value))| [if index == 0 { "" } else { "," }, key, "=", value])
    }))
}

/// All but the scope, member by member: a whole that is put together elsewhere is copied.
#[inline]
fn put_span(arena: &Arena, data: &SpanData, to: &mut sys::otlp_span) {
    to.trace_id = data.span_context.trace_id().to_bytes();
    to.span_id = data.span_context.span_id().to_bytes();
    to.parent_span_id = data.parent_span_id.to_bytes();
    to.trace_state = trace_state(arena, data.span_context.trace_state());
    to.name = text(&data.name);
    to.kind = match data.span_kind {
        SpanKind::Internal => sys::OTLP_SPAN_KIND_INTERNAL,
        SpanKind::Server => sys::OTLP_SPAN_KIND_SERVER,
        SpanKind::Client => sys::OTLP_SPAN_KIND_CLIENT,
        SpanKind::Producer => sys::OTLP_SPAN_KIND_PRODUCER,
        SpanKind::Consumer => sys::OTLP_SPAN_KIND_CONSUMER,
    };
    to.flags = flags(&data.span_context, data.parent_span_is_remote);
    to.start_time_unix_ns = nanos(data.start_time);
    to.end_time_unix_ns = nanos(data.end_time);
    to.attributes = attributes(arena, &data.attributes, data.dropped_attributes_count);
    to.dropped_event_count = data.events.dropped_count;
    if !data.events.is_empty() {
        put_events(arena, data, to);
    }
    to.dropped_link_count = data.links.dropped_count;
    if !data.links.is_empty() {
        put_links(arena, data, to);
    }
    match &data.status {
        Status::Unset => {}
        Status::Ok => to.status = sys::OTLP_STATUS_OK,
        Status::Error { description } => {
            to.status = sys::OTLP_STATUS_ERROR;
            to.status_message = text(description);
        }
    }
}

#[inline(never)]
fn put_events(arena: &Arena, data: &SpanData, to: &mut sys::otlp_span) {
    (to.events, to.event_count) = slice(arena.map(&data.events.events, |of| event(arena, of)));
}

/// The API allows a link to no span if it has attributes; OTLP has none.
#[inline(never)]
fn put_links(arena: &Arena, data: &SpanData, to: &mut sys::otlp_span) {
    let is_link = |of: &&Link| of.span_context.is_valid();
    (to.links, to.link_count) =
        slice(arena.collect(data.links.iter().filter(is_link).map(|of| link(arena, of))));
    let left_out = (data.links.len() - to.link_count) as u32;
    to.dropped_link_count = data.links.dropped_count.saturating_add(left_out);
}

fn event(arena: &Arena, of: &Event) -> sys::otlp_span_event {
    sys::otlp_span_event {
        time_unix_ns: nanos(of.timestamp),
        name: text(&of.name),
        attributes: attributes(arena, &of.attributes, of.dropped_attributes_count),
        ..Default::default()
    }
}

fn link(arena: &Arena, of: &Link) -> sys::otlp_span_link {
    sys::otlp_span_link {
        trace_id: of.span_context.trace_id().to_bytes(),
        span_id: of.span_context.span_id().to_bytes(),
        trace_state: trace_state(arena, of.span_context.trace_state()),
        attributes: attributes(arena, &of.attributes, of.dropped_attributes_count),
        flags: flags(&of.span_context, of.span_context.is_remote()),
        ..Default::default()
    }
}
