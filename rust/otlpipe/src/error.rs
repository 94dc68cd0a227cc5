// SPDX-License-Identifier: Apache-2.0
//! What can go wrong, with its cause and a hint.
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use otlpipe_sys as sys;
use std::ffi::CStr;
use std::fmt;

/// What kind of thing went wrong: `enum otlp_error` of the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or the data are wrong; that record was refused, the others were taken.
    Invalid,
    /// No memory in this process.
    NoMemory,
    /// The runtime directory is not accessible.
    Access,
    /// No room for the rings in the runtime directory.
    NoSpace,
    /// The deadline passed.
    Timeout,
    /// A record is larger than its ring can carry.
    TooLarge,
    /// The ring was full: records were dropped and counted.
    Full,
    /// No writer is running: the records wait in the ring.
    NoWriter,
    /// The library was shut down.
    Shutdown,
    /// A limit of the process or its cgroup.
    Limit,
    /// The shared memory, or the linked library, is of another version.
    Version,
    /// What a newer library says, and this crate has no name for.
    Other,
}

/// Why a call failed: the kind, what it was about, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: i32,
    detail: String,
}

impl Error {
    pub(crate) fn new(code: i32, detail: String) -> Self {
        Error { code, detail }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        match self.code {
            sys::OTLP_ERR_INVALID => ErrorKind::Invalid,
            sys::OTLP_ERR_NO_MEMORY => ErrorKind::NoMemory,
            sys::OTLP_ERR_ACCESS => ErrorKind::Access,
            sys::OTLP_ERR_NO_SPACE => ErrorKind::NoSpace,
            sys::OTLP_ERR_TIMEOUT => ErrorKind::Timeout,
            sys::OTLP_ERR_TOO_LARGE => ErrorKind::TooLarge,
            sys::OTLP_ERR_FULL => ErrorKind::Full,
            sys::OTLP_ERR_NO_WRITER => ErrorKind::NoWriter,
            sys::OTLP_ERR_SHUTDOWN => ErrorKind::Shutdown,
            sys::OTLP_ERR_LIMIT => ErrorKind::Limit,
            sys::OTLP_ERR_ABI => ErrorKind::Version,
            _ => ErrorKind::Other,
        }
    }

    /// The number: a negative `enum otlp_error`.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// What it was about, such as the directory and its mode; empty where the kind says it all.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.kind() {
            ErrorKind::Invalid => "mend it: of an export, the records that are right were taken",
            ErrorKind::NoMemory => "the process is out of memory",
            ErrorKind::Access => "name another directory by runtime_dir() or $OTLPIPE_DIR",
            ErrorKind::NoSpace => {
                "smaller rings (span_ring_bytes() and its like), or more room there"
            }
            ErrorKind::Timeout => "the writer is behind or stopped; `otlpipe stat` shows it",
            ErrorKind::TooLarge => {
                "a larger ring takes larger records: span_ring_bytes() and its like"
            }
            ErrorKind::Full => "a larger ring, or a writer that runs; do not retry",
            ErrorKind::NoWriter => {
                "start otlpipe-writer with the same runtime directory; nothing is lost"
            }
            ErrorKind::Shutdown => "export before OtlpLibrary::shutdown(), or open another library",
            ErrorKind::Limit => "raise that limit",
            ErrorKind::Version => "use the same version of otlpipe everywhere",
            ErrorKind::Other => "see the documentation of the library that is linked",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "otlpipe: {}", text_of(self.code))?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        write!(f, " ({})", self.hint())
    }
}

impl std::error::Error for Error {}

impl From<Error> for OTelSdkError {
    fn from(error: Error) -> Self {
        OTelSdkError::InternalFailure(error.to_string())
    }
}

pub(crate) fn for_sdk(result: Result<(), Error>) -> OTelSdkResult {
    result.map_err(OTelSdkError::from)
}

fn text_of(code: i32) -> &'static str {
    // SAFETY: it returns a constant text that ends with a NUL, whatever the number.
    let text = unsafe { CStr::from_ptr(sys::otlp_strerror(code)) };
    text.to_str().unwrap_or("unknown error")
}
