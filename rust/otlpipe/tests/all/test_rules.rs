// SPDX-License-Identifier: Apache-2.0
//! The rules of the exporter model (docs/model.md), one test each.
use crate::generate::{plain_span, provider, record, Random};
use crate::support::{now, points_of, spans_of, wait_until, Pipeline, LIMIT};
use opentelemetry::trace::{SpanContext, Tracer, TracerProvider};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use opentelemetry_sdk::Resource;
use otlpipe::{ErrorKind, OtlpLibrary, TemporalityPreference};
use std::time::Duration;

/// The text of an SDK's internal failure: what else there is, is none.
fn cause(result: OTelSdkResult) -> String {
    match result {
        Err(OTelSdkError::InternalFailure(cause)) => cause,
        other => panic!("not an internal failure: {other:?}"),
    }
}

#[test]
fn rule_1_a_library_that_was_shut_down_makes_no_exporter() {
    let pipeline = Pipeline::without_writer();
    let library = pipeline.library();
    library.shutdown(LIMIT).unwrap();
    let error = library.span_exporter().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shutdown);
    assert!(error.to_string().contains("shut down"), "{error}");
    assert_eq!(library.metric_exporter().unwrap_err(), error);
}

#[test]
fn rule_2_exporters_keep_the_library_and_each_provider_its_resource() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    let exporter = library.span_exporter().unwrap();
    let providers: Vec<_> = ["one", "two"]
        .map(|name| {
            SdkTracerProvider::builder()
                .with_resource(Resource::builder_empty().with_service_name(name).build())
                .with_simple_exporter(exporter.clone())
                .build()
        })
        .into();
    drop((exporter, library));
    for (provider, name) in providers.into_iter().zip(["span.one", "span.two"]) {
        provider.tracer("rule").in_span(name, |_| ());
    }
    let found = spans_of(&pipeline.traces());
    assert_eq!(found.len(), 2);
    for of in found {
        let service = of.span.name.strip_prefix("span.").unwrap();
        assert!(of.around.contains(&format!("StringValue(\"{service}\")")), "{of:?}");
    }
}

#[test]
fn rule_3_the_shutdown_of_an_exporter_changes_nothing() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    let (one, other) = (library.span_exporter().unwrap(), library.span_exporter().unwrap());
    let metrics = library.metric_exporter().unwrap();
    for limit in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
        one.shutdown_with_timeout(limit).unwrap();
        metrics.shutdown_with_timeout(limit).unwrap();
    }
    now(one.export(vec![plain_span("one", 1)])).unwrap();
    now(other.export(vec![plain_span("other", 2)])).unwrap();
    library.span_exporter().unwrap();
    library.shutdown(LIMIT).unwrap();
    library.shutdown(LIMIT).unwrap();
    assert_eq!(pipeline.span_names(), ["one", "other"]);
}

#[test]
fn rule_4_after_the_shutdown_each_export_fails_and_is_counted() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    let spans = library.span_exporter().unwrap();
    let metrics = library.metric_exporter().unwrap();
    library.shutdown(LIMIT).unwrap();
    let many = (1..100).map(|id| plain_span("late", id)).collect();
    assert!(cause(now(spans.export(many))).contains("shut down"));
    assert!(cause(now(spans.export(vec![]))).contains("shut down"));
    assert!(cause(now(metrics.export(&ResourceMetrics::default()))).contains("shut down"));
    assert_eq!(library.stats().rejected_after_shutdown, 3);
    spans.force_flush().unwrap();
    spans.shutdown().unwrap();
    assert_eq!(pipeline.span_names(), [""; 0]);
}

#[test]
fn rule_5_empty_input_is_a_success_that_writes_nothing() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    now(library.span_exporter().unwrap().export(vec![])).unwrap();
    library.export_traces(&[]).unwrap();
    now(library.metric_exporter().unwrap().export(&ResourceMetrics::default())).unwrap();
    library.export_metrics_ref(&ResourceMetrics::default()).unwrap();
    let stats = library.stats();
    assert_eq!((stats.traces.accepted, stats.metrics.accepted), (0, 0));
    assert!(pipeline.traces().is_empty() && pipeline.metrics().is_empty());
}

/// The SDK's types rule out the rest: text is UTF-8, kinds are kinds, counts are those of vectors.
#[test]
fn rule_6_bad_input_is_refused_whole_and_its_neighbours_are_taken() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    let mut bad = plain_span("bad", 2);
    bad.span_context = SpanContext::empty_context();
    let mut spans: Vec<SpanData> = (10..50).map(|id| plain_span("good", id)).collect();
    spans.insert(20, bad);
    let failure = cause(now(library.span_exporter().unwrap().export(spans)));
    assert!(failure.contains("invalid"), "{failure}");
    let stats = library.stats().traces;
    assert_eq!((stats.accepted, stats.dropped_invalid), (40, 1));
    assert_eq!(pipeline.span_names(), ["good"; 40]);
}

#[test]
fn rule_7_each_error_is_the_sdks_failure_with_its_cause() {
    let pipeline = Pipeline::without_writer();
    let library = pipeline.builder().span_ring_bytes(4096).build().unwrap();
    let exporter = library.span_exporter().unwrap();
    let many = (1..1000).map(|id| plain_span("many", id)).collect();
    assert!(cause(now(exporter.export(many))).contains("dropped and counted"));
    let failure = cause(exporter.force_flush());
    assert!(failure.contains("start otlpipe-writer"), "{failure}");
    let failure = cause(library.metric_exporter().unwrap().force_flush());
    assert!(failure.contains("start otlpipe-writer"), "{failure}");
    let mut large = plain_span("large", 1);
    large.name = "x".repeat(5000).into();
    let failure = cause(now(exporter.export(vec![large])));
    assert!(failure.contains("larger ring"), "{failure}");
    assert_eq!(library.shutdown(LIMIT).unwrap_err().kind(), ErrorKind::NoWriter);
    assert!(cause(now(exporter.export(vec![]))).contains("shut down"));
}

#[test]
fn rule_8_threads_share_an_exporter_without_a_lock() {
    let mut pipeline = Pipeline::new();
    let exporter = pipeline.library().span_exporter().unwrap();
    std::thread::scope(|scope| {
        for thread in 1..=4u64 {
            let exporter = &exporter;
            scope.spawn(move || {
                for n in 0..50 {
                    let ids = (0..5).map(|part| thread << 32 | n << 8 | part | 1 << 40);
                    let batch = ids.map(|id| plain_span("shared", id)).collect();
                    now(exporter.export(batch)).unwrap();
                }
            });
        }
    });
    let mut ids: Vec<_> =
        spans_of(&pipeline.traces()).into_iter().map(|found| found.span.span_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1000);
}

#[test]
fn rule_9_each_way_of_exporting_spans_gives_the_same_otlp() {
    let mut random = Random::new(99);
    let resource = random.resource();
    let spans: Vec<SpanData> = (0..100).map(|_| random.span()).collect();
    let each = |export: &dyn Fn(&OtlpLibrary)| {
        let mut pipeline = Pipeline::new();
        export(&pipeline.builder().resource(&resource).build().unwrap());
        let found = spans_of(&pipeline.traces());
        let mut lines: Vec<_> = found.iter().map(|of| format!("{of:?}")).collect();
        lines.sort();
        lines
    };
    let by_library = each(&|library| library.export_traces(&spans).unwrap());
    assert_eq!(by_library.len(), 100);
    let one_by_one = each(&|library| {
        let exporter = library.span_exporter().unwrap();
        spans.iter().for_each(|span| now(exporter.export(vec![span.clone()])).unwrap());
    });
    assert_eq!(one_by_one, by_library);
    let by_exporter = each(&|library| {
        let mut exporter = library.span_exporter().unwrap();
        exporter.set_resource(&resource);
        now(exporter.export(spans.clone())).unwrap();
    });
    assert_eq!(by_exporter, by_library);
}

#[test]
fn rule_9_each_way_of_exporting_metrics_gives_the_same_otlp() {
    let mut one = Pipeline::new();
    let mut other = Pipeline::new();
    let library = one.library();
    let exporter = other.library().metric_exporter().unwrap();
    let export = move |metrics: &_| {
        library.export_metrics_ref(metrics)?;
        now(exporter.export(metrics))
    };
    let mut random = Random::new(5);
    let (provider, _seen) = provider(Temporality::Delta, random.resource(), export);
    record(&provider, &mut random);
    provider.shutdown().unwrap();
    let found = points_of(&one.metrics());
    assert!(found.len() > 80);
    assert_eq!(found, points_of(&other.metrics()));
}

#[test]
fn rule_10_data_flow_to_the_disk_at_the_interval() {
    let pipeline = Pipeline::new();
    pipeline.library().export_traces(&[plain_span("by.itself", 1)]).unwrap();
    wait_until("the interval is over", || pipeline.has_written("traces", "by.itself"));
}

#[test]
fn rule_10_data_flow_to_the_disk_when_a_batch_is_full() {
    let pipeline = Pipeline::with_writer(&["--interval", "1h", "--batch-bytes", "64KiB"]);
    let spans: Vec<SpanData> = (1..4000).map(|id| plain_span("by.size", id)).collect();
    pipeline.library().export_traces(&spans).unwrap();
    wait_until("a batch is full", || pipeline.has_written("traces", "by.size"));
}

#[test]
fn a_metric_exporter_answers_by_the_preference_of_its_library() {
    let pipeline = Pipeline::without_writer();
    for (preference, expected) in [
        (TemporalityPreference::Cumulative, Temporality::Cumulative),
        (TemporalityPreference::Delta, Temporality::Delta),
        (TemporalityPreference::LowMemory, Temporality::LowMemory),
    ] {
        let library = pipeline.builder().temporality(preference).build().unwrap();
        assert_eq!(library.metric_exporter().unwrap().temporality(), expected);
    }
}
