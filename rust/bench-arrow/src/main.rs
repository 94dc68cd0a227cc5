// SPDX-License-Identifier: Apache-2.0
//! What an export costs the thread that calls it: otlp-arrow-library, beside the conversion of
//! `opentelemetry-proto` (the yardstick that rust/bench has too) and otlpipe.
//!
//! usage: otlpipe-bench-arrow OUTPUT [ROUNDS [SECONDS]]   for a runtime directory that a writer serves
//!
//! OUTPUT is a directory for the files of otlp-arrow-library: some 100 MB in 300 rounds. The paced
//! exports last SECONDS. The spans are those of rust/bench; otlpipe gets them from a newer SDK, and
//! exports spans alone here. The results go to standard error, as those of rust/bench do.
use opentelemetry::metrics::MeterProvider;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::SpanExporter as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk_ours::trace::SpanExporter as _;
use otlp_arrow_library::otlp::FileSpanExporter;
use otlp_arrow_library::OtlpLibrary as ArrowLibrary;
use otlpipe::OtlpLibrary;
use prost::Message;
use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::future::{ready, Future};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::runtime::Runtime;

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

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// As the SDK's batch processor does, which has a thread of its own for it: no runtime's.
fn wait<T>(export: impl Future<Output = T>) -> T {
    thread_local! {
        static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
    }
    let mut export = pin!(export);
    WAKER.with(|waker| loop {
        match export.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    })
}

/// The same spans as an SDK's own: the types of two versions differ, their fields do not.
macro_rules! spans {
    ($api:ident, $sdk:ident) => {{
        use $api::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
        use $api::{InstrumentationScope, KeyValue};
        use $sdk::trace::{SpanData, SpanEvents, SpanLinks};
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
        (1..=512).map(span).collect::<Vec<_>>()
    }};
}

/// One way to export, and what it measured.
#[derive(Default)]
struct Way {
    nanos: Vec<u64>,
    allocations: u64,
    refused: u64,
}

impl Way {
    fn measure<E>(&mut self, export: impl FnOnce() -> Result<(), E>) {
        let (allocations, start) = (ALLOCATIONS.load(Relaxed), Instant::now());
        let result = export();
        self.nanos.push(start.elapsed().as_nanos() as u64);
        self.allocations = ALLOCATIONS.load(Relaxed) - allocations;
        self.refused += u64::from(result.is_err());
    }

    /// The best and the median.
    fn times(&mut self) -> Option<(f64, f64)> {
        self.nanos.sort();
        let best = *self.nanos.first()?;
        Some((best as f64, self.nanos[self.nanos.len() / 2] as f64))
    }
}

/// The times are beside those of the first, which is the yardstick.
fn report(what: &str, ways: &mut [(&str, Way)]) {
    let mut yardstick = None;
    for (name, way) in ways {
        let Some((best, median)) = way.times() else { continue };
        let (best_there, median_there) = *yardstick.get_or_insert((best, median));
        eprintln!(
            "{what}: {name}: best {:.1} us ({:.3} x), median {:.1} us ({:.3} x), \
             {} allocations, {} of {} refused",
            best / 1e3,
            best / best_there,
            median / 1e3,
            median / median_there,
            way.allocations,
            way.refused,
            way.nanos.len()
        );
    }
}

fn ways<const N: usize>(names: [&'static str; N]) -> [(&'static str, Way); N] {
    names.map(|name| (name, Way::default()))
}

struct Bench {
    output: PathBuf,
    rounds: usize,
    runtime: Runtime,
    ours: OtlpLibrary,
}

impl Bench {
    /// Their library, with a buffer of so many spans that is written at the seconds' interval.
    fn arrow(
        &self,
        name: &str,
        spans: usize,
        seconds: u64,
    ) -> Result<ArrowLibrary, Box<dyn Error>> {
        let config = ArrowLibrary::with_config_builder()
            .output_dir(self.output.join(name))
            .max_trace_buffer_size(spans)
            .write_interval_secs(seconds)
            .build()?;
        Ok(self.runtime.block_on(ArrowLibrary::new(config))?)
    }

    fn arrow_as_it_comes(&self, name: &str) -> Result<ArrowLibrary, Box<dyn Error>> {
        let config =
            ArrowLibrary::with_config_builder().output_dir(self.output.join(name)).build()?;
        Ok(self.runtime.block_on(ArrowLibrary::new(config))?)
    }

    fn spans(&self) -> Result<(), Box<dyn Error>> {
        // An hour between its own writes: the rounds ask for each, so none falls into a measurement.
        let arrow = self.arrow("spans", 10_000, 3600)?;
        let exporter = arrow.span_exporter();
        let file = FileSpanExporter::new(arrow.file_exporter());
        let ours = self.ours.span_exporter()?;
        let resource = ResourceAttributesWithSchema::from(&Resource::builder().build());
        let batch = spans!(opentelemetry, opentelemetry_sdk);
        let batch_ours = spans!(opentelemetry_ours, opentelemetry_sdk_ours);
        let mut ways = ways([
            "transform",
            "arrow span_exporter()",
            "arrow span_exporter() and flush()",
            "arrow FileSpanExporter",
            "otlpipe",
        ]);
        for _ in 0..self.rounds {
            let spans = batch.clone();
            ways[0].1.measure(|| {
                let resource_spans = group_spans_by_resource_and_scope(spans, &resource);
                black_box(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
                Ok::<_, ()>(())
            });
            let spans = batch.clone();
            ways[1].1.measure(|| wait(exporter.export(spans)));
            wait(arrow.flush())?;
            let spans = batch.clone();
            ways[2].1.measure(|| {
                wait(exporter.export(spans)).map_err(|_| ())?;
                wait(arrow.flush()).map_err(|_| ())
            });
            let spans = batch.clone();
            ways[3].1.measure(|| wait(file.export(spans)));
            let spans = batch_ours.clone();
            ways[4].1.measure(|| wait(ours.export(spans)));
            self.ours.flush(Duration::from_secs(30))?;
        }
        report("512 spans of 8 attributes", &mut ways);
        self.runtime.block_on(arrow.shutdown())?;
        Ok(())
    }

    fn points(&self) -> Result<(), Box<dyn Error>> {
        let arrow = self.arrow("points", 10_000, 3600)?;
        let measured = BenchPoints { arrow: arrow.clone(), rounds: self.rounds };
        let reader =
            PeriodicReader::builder(measured).with_interval(Duration::from_secs(24 * 3600)).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        let counter = provider.meter("bench").u64_counter("requests").build();
        for n in 0..1000 {
            let attributes = [
                opentelemetry::KeyValue::new("http.route", format!("/cart/{n}")),
                opentelemetry::KeyValue::new("http.request.method", "GET"),
                opentelemetry::KeyValue::new("http.response.status_code", 200),
            ];
            counter.add(n, &attributes);
        }
        provider.force_flush()?;
        self.runtime.block_on(arrow.shutdown())?;
        Ok(())
    }

    /// Batch after batch, with a pause between them or none: which does it refuse?
    fn refusals(
        &self,
        what: &str,
        arrow: &ArrowLibrary,
        batches: usize,
        pause: Duration,
    ) -> Result<(), Box<dyn Error>> {
        let exporter = arrow.span_exporter();
        let ours = self.ours.span_exporter()?;
        let batch = spans!(opentelemetry, opentelemetry_sdk);
        let batch_ours = spans!(opentelemetry_ours, opentelemetry_sdk_ours);
        let mut ways = ways(["arrow span_exporter()", "otlpipe"]);
        let dropped = self.ours.stats().traces.dropped_full;
        // In turn where they are paced. Without pauses the first would give the second one.
        let turns: &[&[usize]] = if pause.is_zero() { &[&[0], &[1]] } else { &[&[0, 1]] };
        let mut seconds = Vec::new();
        for turn in turns {
            let start = Instant::now();
            for n in 0..batches {
                thread::sleep((pause * n as u32).saturating_sub(start.elapsed()));
                if turn.contains(&0) {
                    let spans = batch.clone();
                    ways[0].1.measure(|| wait(exporter.export(spans)));
                }
                if turn.contains(&1) {
                    let spans = batch_ours.clone();
                    ways[1].1.measure(|| wait(ours.export(spans)));
                }
            }
            seconds.push(start.elapsed().as_secs_f64());
        }
        self.ours.flush(Duration::from_secs(30))?;
        let dropped = self.ours.stats().traces.dropped_full - dropped;
        let lost = [ways[0].1.refused * batch.len() as u64, dropped];
        for (n, (name, way)) in ways.iter().enumerate() {
            eprintln!(
                "{what}: {name}: {} of {batches} batches refused, {} of {} spans lost, in {:.1} s",
                way.refused,
                lost[n],
                batches * batch.len(),
                seconds[n.min(seconds.len() - 1)]
            );
        }
        self.runtime.block_on(arrow.shutdown())?;
        Ok(())
    }
}

/// Measures inside of an export, the one place where the SDK shows its metrics.
struct BenchPoints {
    arrow: ArrowLibrary,
    rounds: usize,
}

impl PushMetricExporter for BenchPoints {
    fn export(
        &self,
        metrics: &ResourceMetrics,
    ) -> impl Future<Output = opentelemetry_sdk::error::OTelSdkResult> + Send {
        // It has no exporter of metrics for Rust: a program converts first, and gives it the request.
        let mut ways =
            ways(["transform", "arrow: transform and export_metrics()", "arrow export_metrics()"]);
        for _ in 0..self.rounds {
            ways[0].1.measure(|| {
                black_box(ExportMetricsServiceRequest::from(metrics).encode_to_vec());
                Ok::<_, ()>(())
            });
            ways[1].1.measure(|| {
                wait(self.arrow.export_metrics(ExportMetricsServiceRequest::from(metrics)))
            });
            let request = ExportMetricsServiceRequest::from(metrics);
            ways[2].1.measure(|| wait(self.arrow.export_metrics(request)));
        }
        report("1000 points", &mut ways);
        ready(Ok(()))
    }
    fn force_flush(&self) -> opentelemetry_sdk::error::OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> opentelemetry_sdk::error::OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: otlpipe-bench-arrow OUTPUT [ROUNDS [SECONDS]]";
    let output = Path::new(&arguments.next().ok_or(usage)?).to_path_buf();
    let rounds = arguments.next().map_or(Ok(300), |rounds| rounds.parse())?;
    let seconds: usize = arguments.next().map_or(Ok(20), |seconds| seconds.parse())?;
    let ours = OtlpLibrary::builder().build()?;
    let bench = Bench { output, rounds, runtime: Runtime::new()?, ours };
    wait(ready(())); // its waker is made here
    bench.spans()?;
    bench.points()?;

    let tenth = Duration::from_millis(100);
    let arrow = bench.arrow_as_it_comes("paced")?;
    bench.refusals("10 batches a second", &arrow, 10 * seconds, tenth)?;
    let arrow = bench.arrow_as_it_comes("unpaced")?;
    bench.refusals("back to back", &arrow, 1000, Duration::ZERO)?;
    let arrow = bench.arrow("largest", 1_000_000, 1)?;
    bench.refusals("back to back, its largest buffer", &arrow, 1000, Duration::ZERO)?;
    bench.ours.shutdown(Duration::from_secs(5))?;
    Ok(())
}
