// SPDX-License-Identifier: Apache-2.0
//! A runtime directory, a real writer, and what that wrote, decoded by prost.
use opentelemetry_proto::tonic::logs::v1::{LogsData, ResourceLogs};
use opentelemetry_proto::tonic::metrics::v1::{MetricsData, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use opentelemetry_sdk::error::OTelSdkResult;
use otlpipe::{OtlpLibrary, OtlpLibraryBuilder};
use prost::Message;
use std::fs::{self, DirBuilder, File};
use std::future::Future;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub const LIMIT: Duration = Duration::from_secs(60);

extern "C" {
    fn kill(pid: i32, signal: i32) -> i32;
}
const SIGTERM: i32 = 15;

pub struct Pipeline {
    folder: PathBuf,
    writer: Option<Child>,
}

impl Pipeline {
    pub fn without_writer() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("otlpipe-{}-{next}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        DirBuilder::new().mode(0o700).create(folder.join("shm")).unwrap();
        Pipeline { folder, writer: None }
    }

    pub fn new() -> Self {
        Self::with_writer(&["--interval", "20ms"])
    }

    pub fn with_writer(options: &[&str]) -> Self {
        let mut made = Self::without_writer();
        made.start_writer(options);
        made
    }

    pub fn start_writer(&mut self, options: &[&str]) {
        let log = self.folder.join("writer.log");
        // A test that is killed leaves no writer behind.
        self.writer = Some(
            Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "--"])
                .arg(writer())
                .arg("--dir")
                .arg(self.directory())
                .arg("--output")
                .arg(self.folder.join("out"))
                .args(options)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::create(&log).unwrap())
                .spawn()
                .expect("setpriv and the writer can be run"),
        );
        // It says how it writes once it is up; a signal before that would just end it.
        wait_until("the writer is up", || {
            let ended = self.writer.as_mut().unwrap().try_wait().unwrap();
            let said = fs::read_to_string(&log).unwrap();
            assert!(ended.is_none(), "the writer ended: {said}");
            !said.is_empty()
        });
    }

    /// Ask it to write what the rings hold, and to end.
    pub fn stop_writer(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        // SAFETY: it is a child of ours that was not waited for.
        assert_eq!(unsafe { kill(writer.id() as i32, SIGTERM) }, 0);
        let status = writer.wait().unwrap();
        let said = fs::read_to_string(self.folder.join("writer.log")).unwrap();
        assert!(status.success(), "the writer ended with {status}: {said}");
    }

    pub fn directory(&self) -> PathBuf {
        self.folder.join("shm")
    }

    pub fn builder(&self) -> OtlpLibraryBuilder {
        OtlpLibrary::builder().runtime_dir(self.directory())
    }

    pub fn library(&self) -> OtlpLibrary {
        self.builder().build().unwrap()
    }

    /// What is in the files now, of a signal.
    fn files(&self, signal: &str) -> Vec<Vec<u8>> {
        let mut names: Vec<PathBuf> = match fs::read_dir(self.folder.join("out").join(signal)) {
            Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => Vec::new(),
        };
        names.sort();
        names.iter().map(|name| fs::read(name).unwrap()).collect()
    }

    /// Everything that was pushed, after the writer has ended.
    pub fn traces(&mut self) -> Vec<ResourceSpans> {
        self.drain();
        let decode = |bytes: Vec<u8>| TracesData::decode(&*bytes).unwrap().resource_spans;
        self.files("traces").into_iter().flat_map(decode).collect()
    }

    pub fn metrics(&mut self) -> Vec<ResourceMetrics> {
        self.drain();
        let decode = |bytes: Vec<u8>| MetricsData::decode(&*bytes).unwrap().resource_metrics;
        self.files("metrics").into_iter().flat_map(decode).collect()
    }

    pub fn logs(&mut self) -> Vec<ResourceLogs> {
        self.drain();
        let decode = |bytes: Vec<u8>| LogsData::decode(&*bytes).unwrap().resource_logs;
        self.files("logs").into_iter().flat_map(decode).collect()
    }

    /// The names of the spans, sorted.
    pub fn span_names(&mut self) -> Vec<String> {
        let mut names: Vec<_> =
            spans_of(&self.traces()).into_iter().map(|found| found.span.name).collect();
        names.sort();
        names
    }

    fn drain(&mut self) {
        if self.writer.is_none() {
            self.start_writer(&["--interval", "20ms"]);
        }
        self.stop_writer();
    }

    /// Whether a batch is on the disk, while the writer runs: what it has written so far.
    pub fn has_written(&self, signal: &str, word: &str) -> bool {
        // At the beginning: the space of a file is reserved, which is a long way to look through.
        let has = |entry: &fs::DirEntry| {
            let mut start = Vec::new();
            let file = File::open(entry.path()).expect("it is sealed when the writer ends");
            file.take(64 << 10).read_to_end(&mut start).unwrap();
            start.windows(word.len()).any(|part| part == word.as_bytes())
        };
        let Ok(entries) = fs::read_dir(self.folder.join("out").join(signal)) else { return false };
        entries.map(Result::unwrap).any(|entry| has(&entry))
    }

    /// Runs one of the ignored tests, which are programs, in a process of its own.
    pub fn run(&self, program: &str) -> std::process::Output {
        Command::new(std::env::current_exe().unwrap())
            .args([program, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("OTLPIPE_DIR", self.directory())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            let _ = writer.kill();
            let _ = writer.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn writer() -> PathBuf {
    let found = std::env::var_os("OTLPIPE_WRITER")
        .expect("$OTLPIPE_WRITER names the writer: build/writer/otlpipe-writer of the tree");
    PathBuf::from(found)
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "waited {LIMIT:?} until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An export of ours is done when it returns: its future has nothing to wait for.
pub fn now(export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
    match pin!(export).poll(&mut Context::from_waker(noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("an export waits"),
    }
}

fn noop() -> &'static Waker {
    use std::sync::{Arc, OnceLock};
    struct Nothing;
    impl std::task::Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }
    static WAKER: OnceLock<Waker> = OnceLock::new();
    WAKER.get_or_init(|| Arc::new(Nothing).into())
}

/// A span with everything around it, so that it does not matter what shares a message.
#[derive(Debug)]
pub struct FoundSpan {
    pub around: String,
    pub span: Span,
}

pub fn spans_of(found: &[ResourceSpans]) -> Vec<FoundSpan> {
    let mut spans = Vec::new();
    for of in found {
        for scoped in &of.scope_spans {
            let ScopeSpans { scope, spans: inner, schema_url } = scoped;
            for span in inner {
                let around = format!("{:?} {} {scope:?} {schema_url}", of.resource, of.schema_url);
                spans.push(FoundSpan { around, span: span.clone() });
            }
        }
    }
    spans
}

/// The same of metrics, one text a point, and sorted. As text, because NaN differs from itself.
pub fn points_of(found: &[ResourceMetrics]) -> Vec<String> {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    let mut points = Vec::new();
    for of in found {
        for scoped in &of.scope_metrics {
            let ScopeMetrics { scope, metrics, schema_url } = scoped;
            for metric in metrics {
                let mut shell = metric.clone();
                let inner: Vec<String> = match shell.data.as_mut().unwrap() {
                    Data::Gauge(data) => take(&mut data.data_points),
                    Data::Sum(data) => take(&mut data.data_points),
                    Data::Histogram(data) => take(&mut data.data_points),
                    Data::ExponentialHistogram(data) => take(&mut data.data_points),
                    Data::Summary(data) => take(&mut data.data_points),
                };
                points.extend(inner.into_iter().map(|point| {
                    format!(
                        "{:?} {} {scope:?} {schema_url} {shell:?} {point}",
                        of.resource, of.schema_url
                    )
                }));
            }
        }
    }
    points.sort();
    points
}

fn take<T: std::fmt::Debug>(points: &mut Vec<T>) -> Vec<String> {
    std::mem::take(points).into_iter().map(|point| format!("{point:?}")).collect()
}
