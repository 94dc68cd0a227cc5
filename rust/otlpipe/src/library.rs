// SPDX-License-Identifier: Apache-2.0
//! The library: this process's rings, shared by handles.
use crate::arena;
use crate::convert;
use crate::error::{Error, ErrorKind};
use opentelemetry_sdk::Resource;
use otlpipe_sys as sys;
use std::any::Any;
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

/// This process's rings in shared memory: a shared handle, as an [`Arc`].
///
/// The rings live until the last handle is dropped, exporters included; what is in them stays for the
/// writer. It is ended by its own [`shutdown`](OtlpLibrary::shutdown) alone.
#[derive(Clone)]
pub struct OtlpLibrary {
    shared: Arc<Shared>,
}

struct Shared {
    library: NonNull<sys::otlp_library>,
}

// SAFETY: otlpipe.h: each function may be called from any thread at any time, without a lock.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: this is the one reference that otlp_library_open() gave.
        unsafe { sys::otlp_library_unref(self.library.as_ptr()) }
    }
}

/// Which temporality each kind of instrument reports in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TemporalityPreference {
    /// All instruments cumulative.
    Cumulative,
    /// All but up-down counters delta.
    Delta,
    /// Delta for counters and histograms that are not observable.
    LowMemory,
}

/// The counters of one signal in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignalStats {
    /// Records that were taken: spans, data points, or log records.
    pub accepted: u64,
    /// Bytes of the ring that they took.
    pub accepted_bytes: u64,
    /// Records for which there was no room, or no ring.
    pub dropped_full: u64,
    /// Records that no ring of this size takes.
    pub dropped_too_large: u64,
    /// Records that were refused because they were wrong.
    pub dropped_invalid: u64,
}

/// The counters of this process, since open (in a forked child: since the fork).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Of spans.
    pub traces: SignalStats,
    /// Of data points.
    pub metrics: SignalStats,
    /// Of log records.
    pub logs: SignalStats,
    /// Export calls after the shutdown.
    pub rejected_after_shutdown: u64,
    /// How often in a row this process could make no ring; 0: it has one, or needed none yet.
    pub ring_failures: u32,
    /// Why it could make none the last time; [`OtlpLibrary::last_error`] has it in words.
    pub ring_error: Option<ErrorKind>,
}

/// How long an exporter's `force_flush` waits, which has no parameter for it: as long as the SDK's own
/// shutdown does.
pub(crate) const FLUSH_LIMIT: Duration = Duration::from_secs(5);

type Diagnostic = Box<dyn FnMut(&str)>;

/// How a library is opened; see [`OtlpLibrary::builder`].
#[derive(Default)]
pub struct OtlpLibraryBuilder {
    runtime_dir: Option<PathBuf>,
    resource: Option<Resource>,
    ring_bytes: [u32; sys::OTLP_SIGNAL_MAX as usize],
    lanes: u32,
    temporality: Option<TemporalityPreference>,
    diagnostic: Option<Diagnostic>,
}

impl fmt::Debug for OtlpLibraryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpLibraryBuilder")
            .field("runtime_dir", &self.runtime_dir)
            .field("ring_bytes", &self.ring_bytes)
            .field("lanes", &self.lanes)
            .field("temporality", &self.temporality)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OtlpLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpLibrary").field("stats", &self.stats()).finish()
    }
}

impl OtlpLibraryBuilder {
    /// The runtime directory. Without it: `$OTLPIPE_DIR`, else `/dev/shm/otlpipe-<uid>`.
    pub fn runtime_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.runtime_dir = Some(directory.into());
        self
    }

    /// The resource of what names none. Without it: `$OTEL_RESOURCE_ATTRIBUTES` and
    /// `$OTEL_SERVICE_NAME`. The SDK gives each exporter its provider's, which comes first.
    pub fn resource(mut self, resource: &Resource) -> Self {
        self.resource = Some(resource.clone());
        self
    }

    /// The size of the ring for spans; `$OTLPIPE_SPAN_RING_BYTES`, else 4 MiB.
    pub fn span_ring_bytes(mut self, bytes: u32) -> Self {
        self.ring_bytes[sys::OTLP_SIGNAL_TRACES as usize] = bytes;
        self
    }

    /// The size of the ring for points; `$OTLPIPE_METRIC_RING_BYTES`, else 1 MiB.
    pub fn metric_ring_bytes(mut self, bytes: u32) -> Self {
        self.ring_bytes[sys::OTLP_SIGNAL_METRICS as usize] = bytes;
        self
    }

    /// The size of the ring for log records; `$OTLPIPE_LOG_RING_BYTES`, else 1 MiB.
    pub fn log_ring_bytes(mut self, bytes: u32) -> Self {
        self.ring_bytes[sys::OTLP_SIGNAL_LOGS as usize] = bytes;
        self
    }

    /// Into how many lanes each ring is divided, for threads that push at the same time: 1, 2, 4 or
    /// 8. Without it: `$OTLPIPE_LANES`, else by the processors. With 1 all records are in one order.
    pub fn lanes(mut self, count: u32) -> Self {
        self.lanes = count;
        self
    }

    /// What metric exporters answer their readers. Without it:
    /// `$OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, else cumulative.
    pub fn temporality(mut self, preference: TemporalityPreference) -> Self {
        self.temporality = Some(preference);
        self
    }

    /// Is told, a line each, of what [`build`](OtlpLibraryBuilder::build) left aside and went on
    /// without, such as a variable of the environment that cannot be parsed. A panic in it goes on
    /// in the caller of `build`, not through the C library.
    pub fn on_diagnostic(mut self, tell: impl FnMut(&str) + 'static) -> Self {
        self.diagnostic = Some(Box::new(tell));
        self
    }

    /// Open it.
    ///
    /// # Errors
    /// The runtime directory cannot be used or has no room, an option is wrong, or the library that
    /// is linked is of another version.
    pub fn build(self) -> Result<OtlpLibrary, Error> {
        check_version(version())?;
        let directory = self
            .runtime_dir
            .map(|path| CString::new(path.into_os_string().into_vec()))
            .transpose()
            .map_err(|_| invalid("a runtime directory has no NUL in its name"))?;
        let mut options = sys::otlp_options::default();
        // SAFETY: options is ours, and of the size that is named.
        let rc = unsafe { sys::otlp_options_init(&mut options, size_of_options()) };
        if rc < 0 {
            return Err(Error::new(rc, String::new()));
        }
        let mut told = Told { tell: self.diagnostic, panic: None, last: None };
        options.ring_bytes = self.ring_bytes;
        options.lanes = self.lanes;
        options.runtime_dir = directory.as_ref().map_or(std::ptr::null(), |path| path.as_ptr());
        options.diagnostic = Some(diagnostic);
        options.diagnostic_context = (&mut told as *mut Told).cast();
        if let Some(preference) = self.temporality {
            options.temporality = match preference {
                TemporalityPreference::Cumulative => sys::OTLP_PREFER_CUMULATIVE,
                TemporalityPreference::Delta => sys::OTLP_PREFER_DELTA,
                TemporalityPreference::LowMemory => sys::OTLP_PREFER_LOW_MEMORY,
            };
        }
        let mut library = std::ptr::null_mut();
        let rc = arena::with(|arena, _| {
            let resource = self.resource.as_ref().map(|found| convert::resource(arena, found));
            options.resource = resource.as_ref().map_or(std::ptr::null(), |found| found);
            // SAFETY: what options points to lives until this call has returned.
            unsafe { sys::otlp_library_open(&mut library, &options) }
        });
        let opened = NonNull::new(library)
            .filter(|_| rc == 0)
            .map(|library| OtlpLibrary { shared: Arc::new(Shared { library }) });
        if let Some(panic) = told.panic {
            drop(opened);
            resume_unwind(panic);
        }
        opened.ok_or_else(|| {
            // SAFETY: NULL is the newest open that failed; told has what this one said.
            let detail = told.last.unwrap_or_else(|| unsafe { last_error(std::ptr::null_mut()) });
            Error::new(rc, detail)
        })
    }
}

struct Told {
    tell: Option<Diagnostic>,
    panic: Option<Box<dyn Any + Send>>,
    /// Of what ended it, if anything did.
    last: Option<String>,
}

/// Called by otlp_library_open(), in its thread.
unsafe extern "C" fn diagnostic(context: *mut c_void, _error: c_int, text: *const c_char) {
    // SAFETY: it is the Told of build(), which nobody else uses during the call.
    let told = unsafe { &mut *context.cast::<Told>() };
    // SAFETY: otlpipe.h: one line that ends with a NUL, valid for the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    told.last = Some(text.clone().into_owned());
    let Some(tell) = told.tell.as_mut().filter(|_| told.panic.is_none()) else { return };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| tell(&text))) {
        told.panic = Some(panic);
    }
}

fn size_of_options() -> usize {
    std::mem::size_of::<sys::otlp_options>()
}

fn invalid(detail: &str) -> Error {
    Error::new(sys::OTLP_ERR_INVALID, detail.to_owned())
}

/// The version of the library that is linked.
fn version() -> &'static str {
    // SAFETY: a constant text that ends with a NUL.
    unsafe { CStr::from_ptr(sys::otlp_version()) }.to_str().unwrap_or_default()
}

/// While the major version is 0, another minor version may be laid out otherwise.
fn check_version(linked: &str) -> Result<(), Error> {
    let fits = |version: &str| {
        let mut parts = version.split('.').map(str::to_owned);
        (parts.next(), parts.next())
    };
    if fits(linked) == fits(sys::VERSION) {
        return Ok(());
    }
    let detail = format!("this crate is for otlpipe {}, linked is {linked}", sys::VERSION);
    Err(Error::new(sys::OTLP_ERR_ABI, detail))
}

/// # Safety
/// The library is NULL or one that is referenced.
unsafe fn last_error(library: *mut sys::otlp_library) -> String {
    let mut text = vec![0u8; 1024];
    // SAFETY: the buffer is as long as is said.
    let length =
        unsafe { sys::otlp_library_last_error(library, text.as_mut_ptr().cast(), text.len()) };
    text.truncate(length.min(1023));
    String::from_utf8_lossy(&text).into_owned()
}

/// Nanoseconds as the C interface waits for them; what is beyond that has no deadline.
pub(crate) fn timeout(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(sys::OTLP_FOREVER.into())
}

impl OtlpLibrary {
    /// How a library is opened: `OtlpLibrary::builder().runtime_dir("/dev/shm/shop").build()?`.
    pub fn builder() -> OtlpLibraryBuilder {
        OtlpLibraryBuilder::default()
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::otlp_library {
        self.shared.library.as_ptr()
    }

    /// An error of this library, with what it knows about the cause.
    pub(crate) fn check(&self, rc: c_int) -> Result<(), Error> {
        match rc {
            sys::OTLP_OK => Ok(()),
            sys::OTLP_ERR_ACCESS
            | sys::OTLP_ERR_NO_SPACE
            | sys::OTLP_ERR_LIMIT
            | sys::OTLP_ERR_NO_MEMORY
            | sys::OTLP_ERR_TOO_LARGE
            | sys::OTLP_ERR_ABI => Err(Error::new(rc, self.last_error().unwrap_or_default())),
            _ => Err(Error::new(rc, String::new())),
        }
    }

    /// What went wrong last, in words: why a forked child has no rings, how large a record was that
    /// no ring takes, what `build` went on without.
    pub fn last_error(&self) -> Option<String> {
        // SAFETY: the library is referenced.
        let text = unsafe { last_error(self.as_ptr()) };
        (!text.is_empty()).then_some(text)
    }

    /// Wait until the writer has written all that was taken before the call.
    ///
    /// # Errors
    /// At once [`NoWriter`](crate::ErrorKind::NoWriter), else
    /// [`Timeout`](crate::ErrorKind::Timeout).
    pub fn flush(&self, limit: Duration) -> Result<(), Error> {
        // SAFETY: the library is referenced.
        self.check(unsafe { sys::otlp_library_flush(self.as_ptr(), timeout(limit)) })
    }

    /// Ask a writer that is a flight recorder to write what it holds, with everything that this thread
    /// pushed before. It never blocks.
    ///
    /// # Errors
    /// In a forked child that has no rings what its pushes return.
    pub fn snapshot(&self) -> Result<(), Error> {
        // SAFETY: the library is referenced.
        self.check(unsafe { sys::otlp_library_snapshot(self.as_ptr()) })
    }

    /// Take no more, then [`flush`](OtlpLibrary::flush). Exporters stay valid, and fail from now on.
    /// A second call succeeds and does nothing.
    ///
    /// # Errors
    /// Those of `flush`: the library is shut down in any case.
    pub fn shutdown(&self, limit: Duration) -> Result<(), Error> {
        // SAFETY: the library is referenced.
        self.check(unsafe { sys::otlp_library_shutdown(self.as_ptr(), timeout(limit)) })
    }

    /// The counters of this process.
    pub fn stats(&self) -> Stats {
        let mut found = sys::otlp_stats::default();
        let bytes = std::mem::size_of_val(&found);
        // SAFETY: the library is referenced, and found is as long as is said.
        let rc = unsafe { sys::otlp_library_get_stats(self.as_ptr(), &mut found, bytes) };
        debug_assert_eq!(rc, 0, "it fails for NULL alone");
        let signal = |signal: sys::otlp_signal| {
            let of = &found.signals[signal as usize];
            SignalStats {
                accepted: of.accepted,
                accepted_bytes: of.accepted_bytes,
                dropped_full: of.dropped_full,
                dropped_too_large: of.dropped_too_large,
                dropped_invalid: of.dropped_invalid,
            }
        };
        Stats {
            traces: signal(sys::OTLP_SIGNAL_TRACES),
            metrics: signal(sys::OTLP_SIGNAL_METRICS),
            logs: signal(sys::OTLP_SIGNAL_LOGS),
            rejected_after_shutdown: found.rejected_after_shutdown,
            ring_failures: found.ring_failures,
            ring_error: (found.ring_error != sys::OTLP_OK)
                .then(|| Error::new(found.ring_error, String::new()).kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_another_version_is_refused_with_both_named() {
        assert_eq!(check_version(version()), Ok(()));
        assert_eq!(check_version("0.2.77"), Ok(()));
        for other in ["0.3.0", "1.2.0", "0.1.9", ""] {
            let error = check_version(other).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Version);
            assert!(error.detail().ends_with(&format!("linked is {other}")), "{error}");
        }
    }

    #[test]
    fn a_wait_that_is_too_long_for_the_clock_has_no_deadline() {
        assert_eq!(timeout(Duration::ZERO), 0);
        assert_eq!(timeout(Duration::from_secs(5)), 5_000_000_000);
        assert_eq!(timeout(Duration::MAX), -1);
    }
}
