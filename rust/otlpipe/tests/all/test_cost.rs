// SPDX-License-Identifier: Apache-2.0
//! An export allocates nothing, once its thread has exported before.
use crate::allocations;
use crate::generate::{plain_span, provider, record, Random};
use crate::support::{now, Pipeline};
use opentelemetry::KeyValue;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use opentelemetry_sdk::Resource;
use std::sync::mpsc::channel;

fn spans_with_eight_attributes() -> Vec<SpanData> {
    let with_attributes = |id| {
        let mut span = plain_span("GET /cart", id);
        span.attributes = (0..8).map(|n| KeyValue::new(format!("key.{n}"), n)).collect();
        span
    };
    (1..=512).map(with_attributes).collect()
}

#[test]
fn an_export_of_spans_allocates_nothing() {
    let pipeline = Pipeline::without_writer();
    let exporter = pipeline.library().span_exporter().unwrap();
    now(exporter.export(vec![plain_span("first", 1)])).unwrap();
    let spans = spans_with_eight_attributes();
    let (count, result) = allocations::of(|| now(exporter.export(spans)));
    result.unwrap();
    assert_eq!(count, 0);
}

#[test]
fn an_export_of_spans_with_everything_allocates_nothing() {
    let pipeline = Pipeline::without_writer();
    let exporter = pipeline.library().span_exporter().unwrap();
    let mut random = Random::new(3);
    let spans: Vec<_> = (0..200).map(|_| random.span()).collect();
    exporter.export_ref(&spans).unwrap();
    let (count, result) = allocations::of(|| exporter.export_ref(&spans));
    result.unwrap();
    assert_eq!(count, 0);
}

/// So that the counter is known to count.
#[test]
fn the_transform_allocates_thousands_of_times_for_the_same_spans() {
    let spans = spans_with_eight_attributes();
    let resource = ResourceAttributesWithSchema::from(&Resource::builder_empty().build());
    let (count, _) = allocations::of(|| group_spans_by_resource_and_scope(spans, &resource));
    assert!(count > 4000, "{count}");
}

#[test]
fn an_export_of_metrics_allocates_nothing() {
    let pipeline = Pipeline::without_writer();
    let exporter = pipeline.library().metric_exporter().unwrap();
    let (sender, counts) = channel();
    let export = move |metrics: &_| {
        let (count, result) = allocations::of(|| now(exporter.export(metrics)));
        sender.send(count).unwrap();
        result
    };
    let mut random = Random::new(17);
    let resource = random.resource();
    let (provider, _seen) = provider(Temporality::Cumulative, resource, export);
    record(&provider, &mut random);
    provider.force_flush().unwrap(); // the first of the reader's thread
    provider.force_flush().unwrap();
    provider.shutdown().unwrap();
    let counts: Vec<u64> = counts.try_iter().collect();
    assert!(counts.len() >= 2 && counts[0] > 0, "{counts:?}");
    assert!(counts[1..].iter().all(|count| *count == 0), "{counts:?}");
}
