// SPDX-License-Identifier: Apache-2.0
//! What is on the disk is, field by field, what `opentelemetry-proto` makes of the same objects.
//!
//! The differences are theirs, and `expected` has each: a status that was never set is an empty
//! message there and none here, and so are buckets without a count. docs/sdks.md lists them.
use crate::generate::{plain_span, provider, record, Random};
use crate::support::{now, points_of, spans_of, FoundSpan, Pipeline};
use opentelemetry::trace::{
    Link, Span, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point, ResourceMetrics};
use opentelemetry_proto::tonic::trace::v1::Status as ProtoStatus;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use opentelemetry_sdk::Resource;
use std::sync::{Arc, Mutex};

/// As their transform has it, without what is nothing.
fn expected(spans: Vec<SpanData>, resource: &Resource) -> Vec<String> {
    let resource = ResourceAttributesWithSchema::from(resource);
    let mut found = spans_of(&group_spans_by_resource_and_scope(spans, &resource));
    for of in &mut found {
        of.span.status = of.span.status.take().filter(|status| *status != ProtoStatus::default());
    }
    lines(found)
}

fn lines(mut found: Vec<FoundSpan>) -> Vec<String> {
    found.sort_by(|one, other| one.span.span_id.cmp(&other.span.span_id));
    found.iter().map(|of| format!("{of:?}")).collect()
}

fn assert_same(ours: &[String], theirs: &[String]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn every_field_of_a_span_is_what_the_sdks_own_transform_makes_of_it() {
    let mut pipeline = Pipeline::new();
    let mut random = Random::new(20261128);
    let resource = random.resource();
    let spans: Vec<SpanData> = (0..1000).map(|_| random.span()).collect();
    let mut exporter = pipeline.library().span_exporter().unwrap();
    exporter.set_resource(&resource);
    for batch in spans.chunks(70) {
        now(exporter.export(batch.to_vec())).unwrap();
    }
    assert_same(&lines(spans_of(&pipeline.traces())), &expected(spans, &resource));
}

/// Keeps what a provider exports.
#[derive(Clone, Debug)]
struct Both {
    ours: otlpipe::OtlpSpanExporter,
    seen: Arc<Mutex<Vec<SpanData>>>,
}

impl SpanExporter for Both {
    async fn export(&self, batch: Vec<SpanData>) -> opentelemetry_sdk::error::OTelSdkResult {
        self.seen.lock().unwrap().extend(batch.iter().cloned());
        self.ours.export(batch).await
    }
    fn set_resource(&mut self, resource: &Resource) {
        self.ours.set_resource(resource);
    }
}

#[test]
fn spans_of_a_real_provider_are_what_the_sdks_own_transform_makes_of_them() {
    let mut pipeline = Pipeline::new();
    let resource = Resource::builder_empty().with_service_name("real").build();
    let ours = pipeline.library().span_exporter().unwrap();
    let both = Both { ours, seen: Arc::default() };
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(both.clone())
        .build();
    let tracer = provider.tracer("real");
    tracer.in_span("root", |context| {
        context.span().add_event("started", vec![KeyValue::new("n", 1)]);
        let mut child = tracer
            .span_builder("child")
            .with_kind(SpanKind::Client)
            .with_links(vec![Link::with_context(context.span().span_context().clone())])
            .with_attributes([KeyValue::new("key", "value")])
            .start_with_context(&tracer, &Context::current());
        child.set_status(Status::error("broken"));
        child.end();
    });
    provider.shutdown().unwrap();
    let seen = both.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    assert_same(&lines(spans_of(&pipeline.traces())), &expected(seen, &resource));
}

/// What is known of one context is left out by no other field.
#[test]
fn a_link_to_no_span_is_left_out_and_counted() {
    let mut pipeline = Pipeline::new();
    let mut span = plain_span("linked", 1);
    let good = Link::with_context(plain_span("", 2).span_context);
    let nowhere = Link::new(SpanContext::empty_context(), vec![KeyValue::new("key", 1)], 0);
    span.links.links = vec![nowhere.clone(), good, nowhere];
    pipeline.library().export_traces(&[span]).unwrap();
    let found = spans_of(&pipeline.traces());
    assert_eq!(found[0].span.links.len(), 1);
    assert_eq!(found[0].span.dropped_links_count, 2);
}

fn without_nothing(mut found: Vec<ResourceMetrics>) -> Vec<ResourceMetrics> {
    let metrics =
        found.iter_mut().flat_map(|of| &mut of.scope_metrics).flat_map(|of| &mut of.metrics);
    for metric in metrics {
        if let Some(Data::ExponentialHistogram(data)) = &mut metric.data {
            for point in &mut data.data_points {
                for side in [&mut point.positive, &mut point.negative] {
                    *side = side.take().filter(|side| !side.bucket_counts.is_empty());
                }
            }
        }
    }
    found
}

fn every_kind(temporality: Temporality, seed: u64) {
    let mut pipeline = Pipeline::new();
    let mut random = Random::new(seed);
    let exporter = pipeline.library().metric_exporter().unwrap();
    let export = move |metrics: &_| now(exporter.export(metrics));
    let (provider, seen) = provider(temporality, random.resource(), export);
    for _ in 0..3 {
        record(&provider, &mut random);
        provider.force_flush().unwrap();
    }
    provider.shutdown().unwrap();
    let theirs = points_of(&without_nothing(seen.try_iter().collect()));
    let ours = points_of(&without_nothing(pipeline.metrics()));
    assert!(theirs.len() > 200, "only {} points", theirs.len());
    assert_same(&ours, &theirs);
}

#[test]
fn every_kind_of_metric_is_what_the_sdks_own_transform_makes_of_it_cumulative() {
    every_kind(Temporality::Cumulative, 7);
}

#[test]
fn every_kind_of_metric_is_what_the_sdks_own_transform_makes_of_it_delta() {
    every_kind(Temporality::Delta, 11);
}

/// Theirs is 0, which the next point of the series makes a reset.
#[test]
fn an_unsigned_value_beyond_otlps_integers_is_the_nearest_double() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    let export = move |metrics: &_| Ok(library.export_metrics_ref(metrics)?);
    let (provider, _seen) =
        provider(Temporality::Cumulative, Resource::builder_empty().build(), export);
    let meter = opentelemetry::metrics::MeterProvider::meter(&provider, "large");
    meter.u64_gauge("large").build().record(u64::MAX, &[]);
    provider.shutdown().unwrap();
    let found = pipeline.metrics();
    let Some(Data::Gauge(gauge)) = &found[0].scope_metrics[0].metrics[0].data else { panic!() };
    let value = gauge.data_points[0].value;
    assert_eq!(value, Some(number_data_point::Value::AsDouble(18446744073709551615.0)));
}
