// SPDX-License-Identifier: Apache-2.0
//! The example is a program that works.
use crate::support::{points_of, spans_of, Pipeline};
use std::process::{Command, Stdio};

#[test]
fn what_the_tracing_example_exports_is_on_the_disk() {
    let mut pipeline = Pipeline::new();
    // cargo makes it beside the tests: target/debug/examples, target/debug/deps.
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent().unwrap().with_file_name("examples").join("tracing");
    let done = Command::new(example)
        .env("OTLPIPE_DIR", pipeline.directory())
        .env_remove("OTEL_RESOURCE_ATTRIBUTES")
        .env_remove("OTEL_SERVICE_NAME")
        .stdin(Stdio::null())
        .output()
        .expect("cargo test builds the examples");
    assert!(done.status.success(), "{done:?}");
    assert_eq!(done.stdout, b"3 spans, 2 points and 4 log records are written\n", "{done:?}");
    let spans = spans_of(&pipeline.traces());
    assert!(spans.iter().all(|of| of.span.name == "pay" && of.around.contains("shop")));
    // An event of `tracing` is one of its span; an error's makes the span's status one.
    let declined = spans.iter().find(|of| of.span.events.len() == 2).expect("one was declined");
    assert_eq!(declined.span.status.as_ref().unwrap().code, 2);
    assert_eq!(points_of(&pipeline.metrics()).len(), 2);
    let logs = pipeline.logs();
    let records: Vec<_> = logs.iter().flat_map(|of| &of.scope_logs).collect();
    assert_eq!(records.iter().map(|of| of.log_records.len()).sum::<usize>(), 4);
}
