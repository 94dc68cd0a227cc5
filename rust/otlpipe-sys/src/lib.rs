// SPDX-License-Identifier: Apache-2.0
//! The C interface of otlpipe, as its public headers have it.
//!
//! What each function does, which thread may call it, and how long what it is given has to live is
//! said in the headers (`vendor/core/include/otlpipe/` of this package); the crate `otlpipe` is the
//! same without `unsafe`. The functions are made of the headers by `bindgen.sh`.
//!
//! **Which library is linked**: the one that pkg-config finds, if its version fits, else one that is
//! compiled into the program from the sources in this package. `OTLPIPE_SYS=system` insists on the
//! first, `OTLPIPE_SYS=vendored` on the second. Compiling it needs a C compiler and the headers of
//! Concurrency Kit (Debian: `libck-dev`).
#![no_std]
#![allow(non_camel_case_types)]
// Pointers inside what C lends are what the headers say they are.
#![allow(clippy::missing_safety_doc)]

include!("bindings.rs");

/// The version of otlpipe that these declarations are of.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
