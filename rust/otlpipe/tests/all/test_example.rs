// SPDX-License-Identifier: Apache-2.0
//! The example is a program that works.
use crate::support::{points_of, spans_of, Pipeline};
use std::process::{Command, Stdio};

/// cargo makes it beside the tests: target/debug/examples, target/debug/deps.
fn example(name: &str, pipeline: &Pipeline) -> std::process::Output {
    let tests = std::env::current_exe().unwrap();
    Command::new(tests.parent().unwrap().with_file_name("examples").join(name))
        .env("OTLPIPE_DIR", pipeline.directory())
        .env_remove("OTEL_RESOURCE_ATTRIBUTES")
        .env_remove("OTEL_SERVICE_NAME")
        .stdin(Stdio::null())
        .output()
        .expect("cargo test builds the examples")
}

/// The lines between two marks, without their indentation.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let rest = text.split_once(begin).unwrap_or_else(|| panic!("no {begin}")).1;
    let found = rest.split_once(end).unwrap_or_else(|| panic!("no {end}")).0;
    found.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_lines_of_the_readme_are_a_program_whose_span_is_on_the_disk() {
    let readme = include_str!("../../../../README.md").split_once("\n## Rust\n").unwrap().1;
    let program = include_str!("../../examples/readme.rs");
    let lines = between(program, "// README: begin", "// README: end");
    assert_eq!(between(readme, "```rust", "```"), lines);
    assert!(!lines.is_empty());
    let mut pipeline = Pipeline::new();
    let done = example("readme", &pipeline);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(pipeline.span_names(), ["the lines of the README"]);
}

#[test]
fn what_the_tracing_example_exports_is_on_the_disk() {
    let mut pipeline = Pipeline::new();
    let done = example("tracing", &pipeline);
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
