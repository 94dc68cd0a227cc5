// SPDX-License-Identifier: Apache-2.0
//! Exporters for the OpenTelemetry SDK that write through shared memory.
//!
//! A span, a point or a log record is copied once, from the SDK's own objects into a ring that is already there: no
//! protobuf, no allocation, no lock, no system call, no thread of ours in your process. One program,
//! `otlpipe-writer`, drains the rings of all processes and writes OTLP files.
//!
//! ```no_run
//! use opentelemetry::trace::{Tracer, TracerProvider};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use std::time::Duration;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let library = otlpipe::OtlpLibrary::builder().build()?;
//!     let provider = SdkTracerProvider::builder()
//!         .with_batch_exporter(library.span_exporter()?)
//!         .build();
//!     provider.tracer("checkout").in_span("pay", |_| ());
//!     provider.shutdown()?; // what the SDK still holds goes into the ring
//!     library.shutdown(Duration::from_secs(5))?; // and from there to the disk
//!     Ok(())
//! }
//! ```
//!
//! # What is kept where
//! An [`OtlpLibrary`] is this process's rings: a handle that is cheap to clone. Exporters share it and
//! do not own it; shutting one down leaves the library and its other users alone. What an export took
//! is in shared memory: it survives the end of this process, also `kill -9`.
//!
//! # Allocations
//! An export makes none, once its thread has exported before: each thread has a block (64 KiB at
//! first, larger where a metric needs it) in which the few structs are laid out that the C interface
//! reads. That is where three things are copied, because the SDK shows them as iterators alone:
//! histograms' bounds and bucket counts, and trace states. Everything else is read in place. A
//! failure allocates its text.
//!
//! # Errors
//! An exporter answers [`OTelSdkError::InternalFailure`](opentelemetry_sdk::error::OTelSdkError) with
//! the cause and a hint; the library's own calls answer [`Error`], which has them apart.
//!
//! # fork, threads, exit
//! A forked child goes on with the same handles; its first export gets it rings of its own. Exporters
//! are used from any threads at once, also from one that is ending. Nothing runs at exit: drop or
//! `shutdown` is not needed for what was exported to arrive.

#![warn(missing_docs)]

mod arena;
mod convert;
mod error;
mod library;
#[cfg(feature = "logs")]
mod log;
#[cfg(feature = "metrics")]
mod metric;
#[cfg(feature = "trace")]
mod span;

pub use error::{Error, ErrorKind};
pub use library::{OtlpLibrary, OtlpLibraryBuilder, SignalStats, Stats, TemporalityPreference};
#[cfg(feature = "logs")]
pub use log::OtlpLogExporter;
#[cfg(feature = "metrics")]
pub use metric::OtlpMetricExporter;
#[cfg(feature = "trace")]
pub use span::OtlpSpanExporter;
