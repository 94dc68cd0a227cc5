// SPDX-License-Identifier: Apache-2.0
//! Panics, forks, threads and exits. The ignored tests are programs that the others run.
use crate::generate::plain_span;
use crate::support::{now, Pipeline, LIMIT};
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
use otlpipe::{ErrorKind, OtlpLibrary, OtlpSpanExporter};
use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::{Command, Output};
use std::sync::OnceLock;

extern "C" {
    fn fork() -> i32;
    fn _exit(status: i32) -> !;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn setrlimit(resource: u32, limit: *const [u64; 2]) -> i32;
}

fn assert_success(done: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&done.stdout) + &text(&done.stderr);
    assert!(done.status.success(), "{:?}: {said}", done.status);
    assert!(said.contains("1 passed"), "it is no test: {said}");
}

#[test]
fn a_panic_in_a_diagnostic_goes_on_in_the_caller_and_not_through_the_library() {
    let pipeline = Pipeline::without_writer();
    let build = || {
        OtlpLibrary::builder()
            .runtime_dir(pipeline.directory().join("no/such"))
            .on_diagnostic(|_| panic!("mine"))
            .build()
    };
    let panic = catch_unwind(AssertUnwindSafe(build)).unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "mine");
    pipeline.library(); // another one opens
}

#[test]
fn a_span_that_panics_is_exported_and_its_exporter_goes_on() {
    let mut pipeline = Pipeline::new();
    let exporter = pipeline.library().span_exporter().unwrap();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).build();
    let tracer = provider.tracer("panics");
    for name in ["first", "second"] {
        let call = || tracer.in_span(name, |_| panic!("in a span"));
        catch_unwind(AssertUnwindSafe(call)).unwrap_err();
    }
    assert_eq!(pipeline.span_names(), ["first", "second"]);
}

#[test]
fn the_order_in_which_handles_are_dropped_does_not_matter() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    let batch = |library: &OtlpLibrary| {
        let exporter = library.span_exporter().unwrap();
        SdkTracerProvider::builder().with_batch_exporter(exporter).build()
    };
    // The library's handle first, the provider's shutdown then: what it holds is exported.
    let provider = batch(&library);
    provider.tracer("order").in_span("first", |_| ());
    drop(library);
    provider.shutdown().unwrap();
    // The library's shutdown first: the provider's fails, and nothing hangs.
    let library = pipeline.library();
    let provider = batch(&library);
    provider.tracer("order").in_span("lost", |_| ());
    library.shutdown(LIMIT).unwrap();
    let _ = provider.shutdown();
    assert!(library.stats().rejected_after_shutdown >= 1);
    drop(provider);
    assert_eq!(pipeline.span_names(), ["first"]);
}

#[test]
fn a_child_process_of_the_standard_library_disturbs_nothing() {
    let mut pipeline = Pipeline::new();
    let exporter = pipeline.library().span_exporter().unwrap();
    now(exporter.export(vec![plain_span("before", 1)])).unwrap();
    assert!(Command::new("true").status().unwrap().success());
    let child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    now(exporter.export(vec![plain_span("meanwhile", 2)])).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(pipeline.span_names(), ["before", "meanwhile"]);
}

fn exporter() -> &'static OtlpSpanExporter {
    static EXPORTER: OnceLock<OtlpSpanExporter> = OnceLock::new();
    EXPORTER.get_or_init(|| OtlpLibrary::builder().build().unwrap().span_exporter().unwrap())
}

fn export(name: &'static str, id: u64) {
    now(exporter().export(vec![plain_span(name, id)])).unwrap();
}

#[test]
fn a_forked_child_exports_with_the_same_exporter() {
    let mut pipeline = Pipeline::new();
    assert_success(&pipeline.run("test_survival::program_that_forks"));
    assert_eq!(pipeline.span_names(), ["after", "before", "child"]);
}

#[test]
#[ignore = "a program that a test runs"]
fn program_that_forks() {
    export("before", 1);
    // SAFETY: the child exports, which allocates nothing that another thread may have locked, and
    // ends.
    let child = unsafe { fork() };
    if child == 0 {
        let done = now(exporter().export(vec![plain_span("child", 2)]));
        // SAFETY: it does not return.
        unsafe { _exit(i32::from(done.is_err())) };
    }
    let mut status = -1;
    // SAFETY: the child is ours, and the status is too.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    export("after", 3);
}

#[test]
fn a_forked_child_that_can_make_no_ring_says_why() {
    let mut pipeline = Pipeline::new();
    assert_success(&pipeline.run("test_survival::program_whose_child_has_no_descriptors"));
    assert_eq!(pipeline.span_names(), ["before"]);
}

#[test]
#[ignore = "a program that a test runs"]
fn program_whose_child_has_no_descriptors() {
    const RLIMIT_NOFILE: u32 = 7;
    let library = OtlpLibrary::builder().build().unwrap();
    library.export_traces(&[plain_span("before", 1)]).unwrap();
    assert_eq!(library.stats().ring_error, None);
    // SAFETY: as above.
    let child = unsafe { fork() };
    if child == 0 {
        // SAFETY: the limit is two words.
        let limited = unsafe { setrlimit(RLIMIT_NOFILE, &[3, 3]) } == 0;
        let refused = library.export_traces(&[plain_span("child", 2)]).is_err();
        let stats = library.stats();
        let says_why = stats.ring_error == Some(ErrorKind::Limit) && stats.ring_failures > 0;
        // SAFETY: it does not return.
        unsafe { _exit(i32::from(!(limited && refused && says_why))) };
    }
    let mut status = -1;
    // SAFETY: the child is ours, and the status is too.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
}

#[test]
fn what_a_static_provider_exported_arrives_without_a_shutdown() {
    let mut pipeline = Pipeline::new();
    assert_success(&pipeline.run("test_survival::program_with_a_static_provider"));
    assert_eq!(pipeline.span_names(), ["static"]);
}

#[test]
#[ignore = "a program that a test runs"]
fn program_with_a_static_provider() {
    static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();
    let build = || SdkTracerProvider::builder().with_simple_exporter(exporter().clone()).build();
    PROVIDER.get_or_init(build).tracer("static").in_span("static", |_| ());
}

#[test]
fn what_was_exported_survives_an_abort() {
    let mut pipeline = Pipeline::new();
    let done = pipeline.run("test_survival::program_that_aborts");
    assert!(!done.status.success());
    assert_eq!(pipeline.span_names(), ["last words"]);
}

#[test]
#[ignore = "a program that a test runs"]
fn program_that_aborts() {
    export("last words", 1);
    std::process::abort();
}

#[test]
fn a_program_ends_while_its_threads_export() {
    let mut pipeline = Pipeline::new();
    let done = pipeline.run("test_survival::program_whose_threads_run_at_its_end");
    assert_eq!(done.status.code(), Some(7), "{done:?}");
    assert!(pipeline.span_names().len() >= 40);
}

#[test]
#[ignore = "a program that a test runs"]
fn program_whose_threads_run_at_its_end() {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static COUNT: AtomicU64 = AtomicU64::new(1);
    for _ in 0..4 {
        std::thread::spawn(|| loop {
            // A ring that is full is no failure here.
            let _ = now(exporter().export(vec![plain_span("busy", COUNT.fetch_add(1, Relaxed))]));
        });
    }
    while COUNT.load(Relaxed) < 50 {
        std::thread::yield_now();
    }
    std::process::exit(7);
}

/// Its destructor may run when this thread's arena is gone.
struct ExportsAtTheEnd(u64);

impl Drop for ExportsAtTheEnd {
    fn drop(&mut self) {
        export("at the end", self.0);
    }
}

#[test]
fn a_thread_exports_while_it_ends() {
    let mut pipeline = Pipeline::new();
    assert_success(&pipeline.run("test_survival::program_whose_thread_exports_while_it_ends"));
    assert_eq!(pipeline.span_names(), ["at the end", "at the end", "before", "before"]);
}

#[test]
#[ignore = "a program that a test runs"]
fn program_whose_thread_exports_while_it_ends() {
    thread_local! {
        static LAST: RefCell<Option<ExportsAtTheEnd>> = const { RefCell::new(None) };
    }
    // Destructors run in the order of first use, or in the other one: both.
    for (id, is_first) in [(1, true), (3, false)] {
        let thread = std::thread::spawn(move || {
            let keep = || LAST.with(|last| *last.borrow_mut() = Some(ExportsAtTheEnd(id)));
            if is_first {
                keep();
            }
            export("before", id + 1);
            if !is_first {
                keep();
            }
        });
        thread.join().unwrap();
    }
}
