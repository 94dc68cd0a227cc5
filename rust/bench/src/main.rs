// SPDX-License-Identifier: Apache-2.0
//! What an export costs the thread that calls it: otlpipe, beside what else there is.
//!
//! usage: otlpipe-bench [ROUNDS [NAME]]       for a runtime directory that a writer serves
//!
//! All of them export the same batch in turn, so that they share whatever else the machine does. A
//! NAME ("otlpipe", "transform", "stdout") runs that one alone, for a tool that counts instructions.
//! The results go to standard error, because the peer that prints does so to standard output: send
//! that to /dev/null.
use opentelemetry::logs::{LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use opentelemetry_sdk::Resource;
use otlpipe::{OtlpLibrary, OtlpLogExporter, OtlpMetricExporter, OtlpSpanExporter};
use prost::Message;
use std::alloc::{GlobalAlloc, Layout, System};
use std::future::{ready, Future};
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant, UNIX_EPOCH};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(old, layout, bytes) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Nothing;

impl Wake for Nothing {
    fn wake(self: Arc<Self>) {}
}

/// None of these exporters has anything to wait for.
fn now(export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
    static WAKER: OnceLock<Waker> = OnceLock::new();
    let waker = WAKER.get_or_init(|| Waker::from(Arc::new(Nothing)));
    match pin!(export).poll(&mut Context::from_waker(waker)) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("it waits"),
    }
}

fn spans() -> Vec<SpanData> {
    let scope = InstrumentationScope::builder("bench").with_version("1.0").build();
    let span = |id: u64| SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes([7; 16]),
            SpanId::from_bytes(id.to_be_bytes()),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::from_bytes([1; 8]),
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: "GET /cart/{id}".into(),
        start_time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_000 + id),
        end_time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_500_000 + id),
        attributes: vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.path", format!("/cart/{id}")),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("server.address", "shop.example.com"),
            KeyValue::new("server.port", 443),
            KeyValue::new("network.protocol.version", "1.1"),
            KeyValue::new("user.cached", true),
            KeyValue::new("cart.total", 17.25),
        ],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope.clone(),
    };
    (1..=512).map(span).collect()
}

/// As a web server logs: a text of some 100 bytes, four attributes, the ids of its span.
fn logs() -> Vec<SdkLogRecord> {
    let logger = SdkLoggerProvider::builder().build().logger("bench");
    let log = |id: u64| {
        let mut record = logger.create_log_record();
        let time = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_000 + id);
        record.set_timestamp(time);
        record.set_observed_timestamp(time);
        record.set_severity_number(Severity::Warn);
        record.set_severity_text("WARN");
        record.set_body(
            format!("the payment service answered 503 for cart {id:08}; it is tried again after 250 ms, 3 times at most").into(),
        );
        record.add_attribute("http.route", "/cart/{id}/payment");
        record.add_attribute("http.response.status_code", 503);
        record.add_attribute("server.address", "shop.example.com");
        record.add_attribute("retry", true);
        record.set_trace_context(
            TraceId::from_bytes([7; 16]),
            SpanId::from_bytes(id.to_be_bytes()),
            Some(TraceFlags::SAMPLED),
        );
        record
    };
    (1..=512).map(log).collect()
}

/// One way to export: its name, and what it measured.
#[derive(Default)]
struct Way {
    nanos: Vec<u64>,
    allocations: u64,
    refused: u64,
}

impl Way {
    fn measure(&mut self, export: impl FnOnce() -> OTelSdkResult) {
        let (allocations, start) = (ALLOCATIONS.load(Relaxed), Instant::now());
        let result = export();
        self.nanos.push(start.elapsed().as_nanos() as u64);
        self.allocations = ALLOCATIONS.load(Relaxed) - allocations;
        self.refused += u64::from(result.is_err());
    }
}

const NAMES: [&str; 3] = ["otlpipe", "transform", "stdout"];

#[derive(Default)]
struct Ways([Way; 3]);

impl Ways {
    fn report(&mut self, what: &str) {
        let [ours, ..] = &mut self.0;
        ours.nanos.sort();
        let (best, median) = match ours.nanos.as_slice() {
            [] => (1, 1),
            sorted => (sorted[0], sorted[sorted.len() / 2]),
        };
        for (name, way) in NAMES.iter().zip(&mut self.0) {
            way.nanos.sort();
            let Some(first) = way.nanos.first() else { continue };
            let middle = way.nanos[way.nanos.len() / 2];
            eprintln!(
                "{what}: {name}: best {:.1} us ({:.1} x), median {:.1} us ({:.1} x), \
                 {} allocations, {} of {} refused",
                *first as f64 / 1e3,
                *first as f64 / best as f64,
                middle as f64 / 1e3,
                middle as f64 / median as f64,
                way.allocations,
                way.refused,
                way.nanos.len()
            );
        }
    }
}

struct Options {
    rounds: usize,
    only: Option<String>,
}

impl Options {
    fn wants(&self, way: usize) -> bool {
        self.only.as_ref().map_or(true, |only| only == NAMES[way])
    }
}

fn bench_spans(library: &OtlpLibrary, ours: &OtlpSpanExporter, options: &Options) {
    let resource = ResourceAttributesWithSchema::from(&Resource::builder().build());
    let stdout = opentelemetry_stdout::SpanExporter::default();
    let (batch, mut ways) = (spans(), Ways::default());
    for _ in 0..options.rounds {
        if options.wants(0) {
            let batch = batch.clone();
            ways.0[0].measure(|| now(ours.export(batch)));
            library.flush(Duration::from_secs(30)).expect("a writer serves the runtime directory");
        }
        if options.wants(1) {
            let batch = batch.clone();
            ways.0[1].measure(|| {
                let resource_spans = group_spans_by_resource_and_scope(batch, &resource);
                black_box(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
                Ok(())
            });
        }
        if options.wants(2) {
            let batch = batch.clone();
            ways.0[2].measure(|| now(stdout.export(batch)));
        }
    }
    ways.report("512 spans of 8 attributes");
}

fn bench_logs(library: &OtlpLibrary, ours: &OtlpLogExporter, options: &Options) {
    let resource = ResourceAttributesWithSchema::from(&Resource::builder().build());
    let stdout = opentelemetry_stdout::LogExporter::default();
    let scope = InstrumentationScope::builder("bench").with_version("1.0").build();
    let (records, mut ways) = (logs(), Ways::default());
    let borrowed: Vec<_> = records.iter().map(|record| (record, &scope)).collect();
    for _ in 0..options.rounds {
        if options.wants(0) {
            ways.0[0].measure(|| now(ours.export(LogBatch::new(&borrowed))));
            library.flush(Duration::from_secs(30)).expect("a writer serves the runtime directory");
        }
        if options.wants(1) {
            ways.0[1].measure(|| {
                let batch = LogBatch::new(&borrowed);
                let resource_logs = group_logs_by_resource_and_scope(&batch, &resource);
                black_box(ExportLogsServiceRequest { resource_logs }.encode_to_vec());
                Ok(())
            });
        }
        if options.wants(2) {
            ways.0[2].measure(|| now(stdout.export(LogBatch::new(&borrowed))));
        }
    }
    ways.report("512 logs of 4 attributes");
}

/// Measures inside of an export, the one place where the SDK shows its metrics.
struct BenchMetrics {
    library: OtlpLibrary,
    ours: OtlpMetricExporter,
    options: Options,
}

impl PushMetricExporter for BenchMetrics {
    fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
        let stdout = opentelemetry_stdout::MetricExporter::default();
        let mut ways = Ways::default();
        for _ in 0..self.options.rounds {
            if self.options.wants(0) {
                ways.0[0].measure(|| now(self.ours.export(metrics)));
                self.library.flush(Duration::from_secs(30)).expect("a writer is there");
            }
            if self.options.wants(1) {
                ways.0[1].measure(|| {
                    black_box(ExportMetricsServiceRequest::from(metrics).encode_to_vec());
                    Ok(())
                });
            }
            if self.options.wants(2) {
                ways.0[2].measure(|| now(stdout.export(metrics)));
            }
        }
        ways.report("1000 points");
        ready(Ok(()))
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn bench_metrics(
    library: &OtlpLibrary,
    options: Options,
) -> Result<(), Box<dyn std::error::Error>> {
    let ours = library.metric_exporter()?;
    let measured = BenchMetrics { library: library.clone(), ours, options };
    let reader =
        PeriodicReader::builder(measured).with_interval(Duration::from_secs(24 * 3600)).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let meter = provider.meter("bench");
    let counter = meter.u64_counter("requests").build();
    for n in 0..1000 {
        let attributes = [
            KeyValue::new("http.route", format!("/cart/{n}")),
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.response.status_code", 200),
        ];
        counter.add(n, &attributes);
    }
    provider.force_flush()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map_or(Ok(300), |rounds| rounds.parse())?;
    let options = Options { rounds, only: arguments.next() };
    let library = OtlpLibrary::builder().build()?;
    let exporter = library.span_exporter()?;
    let _ = now(ready(Ok(()))); // its waker is made here
    bench_spans(&library, &exporter, &options);
    bench_logs(&library, &library.log_exporter()?, &options);
    bench_metrics(&library, options)?;
    library.shutdown(Duration::from_secs(5))?;
    Ok(())
}
