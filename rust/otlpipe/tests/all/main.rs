// SPDX-License-Identifier: Apache-2.0
//! The tests of the Rust exporters, against a real writer: one program, so that it is linked once.
//!
//! `$OTLPIPE_WRITER` names the writer (tests/rust/run.py sets it).
mod allocations;
mod generate;
mod support;
mod test_bad_use;
mod test_cost;
mod test_example;
mod test_fields;
mod test_logs;
mod test_rules;
mod test_survival;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;
