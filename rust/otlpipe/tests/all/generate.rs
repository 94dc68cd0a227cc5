// SPDX-License-Identifier: Apache-2.0
//! Spans and metrics of the SDK's own types, with everything that they can hold, from a fixed seed.
use opentelemetry::logs::{AnyValue, LogRecord, Severity};
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics as ProtoMetrics;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use opentelemetry_sdk::Resource;
use std::future::{ready, Future};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }
    fn coin(&mut self) -> bool {
        self.below(2) == 1
    }
    fn text(&mut self) -> String {
        let words = ["", "get", "naïve café", "日本語", "a\0b", "🚀", "line\nbreak", "x"];
        let word = words[self.below(words.len() as u64) as usize];
        word.repeat(1 + self.below(40) as usize / 13)
    }
    fn real(&mut self) -> f64 {
        let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1e308];
        match self.below(8) {
            0 => special[self.below(special.len() as u64) as usize],
            _ => self.next() as i64 as f64 / 1e9,
        }
    }
    fn value(&mut self) -> Value {
        let count = self.below(4);
        match self.below(8) {
            0 => self.coin().into(),
            1 => (self.next() as i64).into(),
            2 => self.real().into(),
            3 => Value::Array(Array::Bool((0..count).map(|_| self.coin()).collect())),
            4 => Value::Array(Array::I64((0..count).map(|_| self.next() as i64).collect())),
            5 => Value::Array(Array::F64((0..count).map(|_| self.real()).collect())),
            6 => Value::Array(Array::String(
                (0..count).map(|_| StringValue::from(self.text())).collect(),
            )),
            _ => self.text().into(),
        }
    }
    pub fn attributes(&mut self, limit: u64) -> Vec<KeyValue> {
        (0..self.below(limit)).map(|n| KeyValue::new(format!("key.{n}"), self.value())).collect()
    }
    fn time(&mut self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.next() >> 1)
    }
    fn small(&mut self) -> u32 {
        self.below(3) as u32 * 7
    }
    fn trace_state(&mut self) -> TraceState {
        let pairs = (0..self.below(4)).map(|n| (format!("vendor{n}"), format!("v{}", n * 10)));
        TraceState::from_key_value(pairs).unwrap()
    }
    fn context(&mut self) -> SpanContext {
        let trace = u128::from(self.next()) << 64 | u128::from(self.next()) | 1;
        SpanContext::new(
            TraceId::from_bytes(trace.to_be_bytes()),
            SpanId::from_bytes((self.next() | 1).to_be_bytes()),
            TraceFlags::new(self.next() as u8),
            self.coin(),
            self.trace_state(),
        )
    }
    pub fn scope(&mut self) -> InstrumentationScope {
        let mut scope = InstrumentationScope::builder(format!("scope.{}", self.below(3)));
        if self.coin() {
            scope = scope.with_version("1.2.3");
        }
        if self.coin() {
            scope = scope.with_schema_url("https://example.com/scope/1");
        }
        if self.coin() {
            scope = scope.with_attributes(self.attributes(3));
        }
        scope.build()
    }
    fn any(&mut self, depth: u64) -> AnyValue {
        match self.below(5 + 2 * u64::from(depth > 0)) {
            0 => AnyValue::Int(self.next() as i64),
            1 => AnyValue::Double(self.real()),
            2 => AnyValue::Boolean(self.coin()),
            3 => AnyValue::Bytes(Box::new(self.next().to_le_bytes().to_vec())),
            4 => AnyValue::String(self.text().into()),
            5 => (0..self.below(4)).map(|_| self.any(depth - 1)).collect(),
            _ => (0..self.below(4)).map(|n| (format!("k{n}"), self.any(depth - 1))).collect(),
        }
    }
    /// Everything that a log record can hold, each here and there.
    pub fn fill(&mut self, record: &mut impl LogRecord) {
        let severities = [Severity::Trace, Severity::Info2, Severity::Error, Severity::Fatal4];
        record.set_observed_timestamp(self.time()); // without it their transform panics
        if self.coin() {
            record.set_timestamp(self.time());
        }
        if self.coin() {
            record.set_severity_number(severities[self.below(4) as usize]);
            record.set_severity_text("GRAVE");
        }
        if self.coin() {
            record.set_body(self.any(3));
        }
        if self.coin() {
            record.set_event_name("order.paid");
        }
        if self.coin() {
            record.set_target(format!("target.{}", self.below(3)));
        }
        if self.coin() {
            let of = self.context();
            record.set_trace_context(of.trace_id(), of.span_id(), Some(of.trace_flags()));
        }
        for n in 0..self.below(8) {
            record.add_attribute(format!("key.{n}"), self.any(2));
        }
    }
    pub fn resource(&mut self) -> Resource {
        let attributes = self.attributes(12);
        Resource::builder_empty()
            .with_schema_url(attributes, "https://example.com/resource/1")
            .with_service_name("shop")
            .build()
    }
    pub fn span(&mut self) -> SpanData {
        let mut events = SpanEvents::default();
        events.events = (0..self.below(3))
            .map(|_| Event::new(self.text(), self.time(), self.attributes(4), self.small()))
            .collect();
        events.dropped_count = self.small();
        let mut links = SpanLinks::default();
        links.links = (0..self.below(3))
            .map(|_| Link::new(self.context(), self.attributes(4), self.small()))
            .collect();
        links.dropped_count = self.small();
        let kinds = [
            SpanKind::Client,
            SpanKind::Server,
            SpanKind::Producer,
            SpanKind::Consumer,
            SpanKind::Internal,
        ];
        SpanData {
            span_context: self.context(),
            parent_span_id: match self.coin() {
                true => SpanId::from_bytes((self.next() | 1).to_be_bytes()),
                false => SpanId::INVALID,
            },
            parent_span_is_remote: self.coin(),
            span_kind: kinds[self.below(5) as usize].clone(),
            name: self.text().into(),
            start_time: self.time(),
            end_time: self.time(),
            attributes: self.attributes(12),
            dropped_attributes_count: self.small(),
            events,
            links,
            status: match self.below(3) {
                0 => Status::Unset,
                1 => Status::Ok,
                _ => Status::error(self.text()),
            },
            instrumentation_scope: self.scope(),
        }
    }
}

/// A span that is right, and nothing more.
pub fn plain_span(name: &'static str, id: u64) -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes([7; 16]),
            SpanId::from_bytes(id.to_be_bytes()),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: UNIX_EPOCH + Duration::from_secs(1),
        end_time: UNIX_EPOCH + Duration::from_secs(2),
        attributes: vec![KeyValue::new("key", "value")],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("plain").build(),
    }
}

/// Does what a test wants with what a reader collects, beside what OTLP's own transform makes of it.
pub struct Tee<F> {
    export: F,
    temporality: Temporality,
    seen: std::sync::mpsc::Sender<ProtoMetrics>,
}

impl<F> PushMetricExporter for Tee<F>
where
    F: Fn(&ResourceMetrics) -> OTelSdkResult + Send + Sync + 'static,
{
    fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
        for seen in ExportMetricsServiceRequest::from(metrics).resource_metrics {
            let _ = self.seen.send(seen);
        }
        ready((self.export)(metrics))
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

pub type Seen = std::sync::mpsc::Receiver<ProtoMetrics>;

/// A provider whose reader collects when it is flushed, and what the transform made of that.
pub fn provider<F>(
    temporality: Temporality,
    resource: Resource,
    export: F,
) -> (SdkMeterProvider, Seen)
where
    F: Fn(&ResourceMetrics) -> OTelSdkResult + Send + Sync + 'static,
{
    let (seen, receiver) = std::sync::mpsc::channel();
    let reader = PeriodicReader::builder(Tee { export, temporality, seen })
        .with_interval(Duration::from_secs(24 * 3600))
        .build();
    let exponential = |instrument: &Instrument| {
        instrument.name().starts_with("exponential").then(|| {
            Stream::builder()
                .with_aggregation(Aggregation::Base2ExponentialHistogram {
                    max_size: 20,
                    max_scale: 20,
                    record_min_max: !instrument.name().ends_with("bare"),
                })
                .build()
                .unwrap()
        })
    };
    let provider = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_reader(reader)
        .with_view(exponential)
        .build();
    (provider, receiver)
}

/// Every kind of instrument, in two scopes.
pub fn record(provider: &SdkMeterProvider, random: &mut Random) {
    for _ in 0..2 {
        let meter = provider.meter_with_scope(random.scope());
        record_numbers(&meter, random);
        record_histograms(&meter, random);
    }
}

fn record_numbers(meter: &Meter, random: &mut Random) {
    let counter = meter.u64_counter("counter").with_unit("By").with_description("größe").build();
    let real_counter = meter.f64_counter("counter.real").build();
    let up_down = meter.i64_up_down_counter("up.down").build();
    let real_up_down = meter.f64_up_down_counter("up.down.real").build();
    let gauges = (
        meter.u64_gauge("gauge.unsigned").build(),
        meter.i64_gauge("gauge").with_unit("1").build(),
        meter.f64_gauge("gauge.real").build(),
    );
    for _ in 0..5 {
        let attributes = random.attributes(4);
        counter.add(random.below(1 << 40), &attributes);
        real_counter.add(random.below(1 << 20) as f64 / 8.0, &attributes);
        up_down.add(random.next() as i32 as i64, &attributes);
        real_up_down.add(random.next() as i32 as f64 / 8.0, &attributes);
        gauges.0.record(random.below(1 << 62), &attributes);
        gauges.1.record(random.next() as i64, &attributes);
        gauges.2.record(random.real(), &attributes);
    }
    let (observed, attributes) = (random.below(1 << 40), random.attributes(3));
    let of = attributes.clone();
    meter
        .u64_observable_counter("observed")
        .with_callback(move |to| to.observe(observed, &of))
        .build();
    let of = attributes.clone();
    meter
        .i64_observable_up_down_counter("observed.up.down")
        .with_callback(move |to| to.observe(-5, &of))
        .build();
    meter
        .f64_observable_gauge("observed.gauge")
        .with_callback(move |to| to.observe(2.5, &attributes))
        .build();
}

fn record_histograms(meter: &Meter, random: &mut Random) {
    let plain = meter.f64_histogram("histogram").with_unit("ms").build();
    let whole = meter.u64_histogram("histogram.whole").with_boundaries(vec![1.0, 10.0]).build();
    let bare = meter.f64_histogram("histogram.without.bounds").with_boundaries(vec![]).build();
    let exponential = meter.f64_histogram("exponential").build();
    let exponential_bare = meter.u64_histogram("exponential.bare").build();
    for _ in 0..12 {
        let attributes = random.attributes(3);
        plain.record(random.below(20_000) as f64 / 8.0, &attributes);
        whole.record(random.below(15), &attributes);
        bare.record(random.below(100) as f64, &attributes);
        exponential.record(random.below(1 << 30) as f64 - f64::from(1 << 29), &attributes);
        exponential_bare.record(random.below(1 << 30), &attributes);
    }
    exponential.record(0.0, &[]);
}
