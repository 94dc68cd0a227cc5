// SPDX-License-Identifier: Apache-2.0
//! What is used wrongly gives an error with the cause and a hint.
use crate::generate::plain_span;
use crate::support::{Pipeline, LIMIT};
use otlpipe::{Error, ErrorKind, OtlpLibrary};
use std::sync::mpsc::channel;
use std::time::Duration;

fn assert_text(error: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(text.contains(error.hint()), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word} in: {text}");
    }
}

#[test]
fn a_runtime_directory_that_cannot_be_is_named() {
    let pipeline = Pipeline::without_writer();
    let missing = pipeline.directory().join("no/such");
    let (sender, told) = channel();
    let error = OtlpLibrary::builder()
        .runtime_dir(&missing)
        .on_diagnostic(move |text| sender.send(text.to_owned()).unwrap())
        .build()
        .unwrap_err();
    let path = missing.to_str().unwrap();
    assert_text(&error, ErrorKind::Access, &[path, "OTLPIPE_DIR"]);
    assert!(told.iter().any(|text| text.contains(path)));
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let pipeline = Pipeline::without_writer();
    let permissions = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(pipeline.directory(), permissions).unwrap();
    let error = pipeline.builder().build().unwrap_err();
    assert_text(&error, ErrorKind::Access, &[pipeline.directory().to_str().unwrap(), "777"]);
}

#[test]
fn shared_memory_of_another_version_is_named() {
    use std::os::unix::fs::FileExt;
    let pipeline = Pipeline::without_writer();
    drop(pipeline.library());
    // shm/layout.h: the control page's major version is behind its magic.
    let control = pipeline.directory().join("control");
    let page = std::fs::OpenOptions::new().write(true).open(control).unwrap();
    page.write_all_at(&2u16.to_le_bytes(), 8).unwrap();
    let error = pipeline.builder().build().unwrap_err();
    let path = pipeline.directory();
    assert_text(
        &error,
        ErrorKind::Version,
        &[path.to_str().unwrap(), "another version of otlpipe"],
    );
}

#[test]
fn a_directory_with_a_nul_in_its_name_is_refused() {
    let error = OtlpLibrary::builder().runtime_dir("a\0b").build().unwrap_err();
    assert_text(&error, ErrorKind::Invalid, &["NUL"]);
}

#[test]
fn a_ring_larger_than_there_are_is_refused() {
    let pipeline = Pipeline::without_writer();
    let error = pipeline.builder().span_ring_bytes(u32::MAX).build().unwrap_err();
    assert_text(&error, ErrorKind::Invalid, &[]);
}

#[test]
fn a_number_of_lanes_that_is_none_is_refused_by_name() {
    let pipeline = Pipeline::without_writer();
    let error = pipeline.builder().lanes(3).build().unwrap_err();
    assert_text(&error, ErrorKind::Invalid, &["lanes", "1, 2, 4 and 8"]);
    let library = pipeline.builder().lanes(2).build().unwrap();
    library.export_traces(&[plain_span("in a lane", 1)]).unwrap();
    assert_eq!(library.stats().traces.accepted, 1);
}

#[test]
fn a_flush_without_a_writer_says_so_at_once() {
    let pipeline = Pipeline::without_writer();
    let library = pipeline.library();
    library.flush(LIMIT).unwrap(); // nothing to write
    library.snapshot().unwrap(); // asked: the next flight recorder takes it
    library.export_traces(&[plain_span("waits", 1)]).unwrap();
    let error = library.flush(Duration::MAX).unwrap_err();
    assert_text(&error, ErrorKind::NoWriter, &["otlpipe-writer"]);
}

#[test]
fn a_full_ring_drops_the_newest_and_counts_them() {
    let mut pipeline = Pipeline::without_writer();
    let library = pipeline.builder().span_ring_bytes(4096).build().unwrap();
    let spans: Vec<_> = (1..=100).map(|id| plain_span("many", id)).collect();
    let error = library.export_traces(&spans).unwrap_err();
    assert_text(&error, ErrorKind::Full, &["larger ring"]);
    let stats = library.stats().traces;
    assert!(stats.accepted > 0);
    assert_eq!(stats.accepted + stats.dropped_full, 100);
    assert_eq!(pipeline.span_names().len() as u64, stats.accepted);
}

#[test]
fn a_span_larger_than_its_ring_takes_is_told_with_its_size() {
    let pipeline = Pipeline::without_writer();
    let library = pipeline.builder().span_ring_bytes(4096).build().unwrap();
    let mut large = plain_span("large", 1);
    large.name = "x".repeat(5000).into();
    let error = library.export_traces(&[large]).unwrap_err();
    assert_text(
        &error,
        ErrorKind::TooLarge,
        &["the ring of spans takes 50", "the ring carries 1016", "span_ring_bytes"],
    );
    assert_eq!(library.stats().traces.dropped_too_large, 1);
    assert!(library.last_error().is_some());
}

#[test]
fn an_export_after_the_shutdown_says_so() {
    let pipeline = Pipeline::without_writer();
    let library = pipeline.library();
    library.shutdown(LIMIT).unwrap();
    let error = library.export_traces(&[plain_span("late", 1)]).unwrap_err();
    assert_text(&error, ErrorKind::Shutdown, &["shut down"]);
}
