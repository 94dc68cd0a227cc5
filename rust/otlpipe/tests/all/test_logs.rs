// SPDX-License-Identifier: Apache-2.0
//! The log exporter: its fields, and the rules of the exporter model.
use crate::allocations;
use crate::generate::Random;
use crate::support::{now, Pipeline, LIMIT};
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider};
use opentelemetry::{InstrumentationScope, Key, SpanId, TraceId};
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::Resource;
use otlpipe::{ErrorKind, OtlpLibrary};
use std::time::{Duration, UNIX_EPOCH};

type Record = (SdkLogRecord, InstrumentationScope);

/// The SDK makes none without a logger.
fn empty_record() -> SdkLogRecord {
    SdkLoggerProvider::builder().build().logger("made").create_log_record()
}

fn plain(text: &'static str) -> Record {
    let mut record = empty_record();
    record.set_body(text.into());
    record.set_observed_timestamp(UNIX_EPOCH + Duration::from_secs(1));
    (record, InstrumentationScope::builder("plain").build())
}

fn nested(depth: usize) -> AnyValue {
    (1..depth).fold(AnyValue::Int(7), |inner, _| AnyValue::ListAny(Box::new(vec![inner])))
}

fn many(count: usize, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    (0..count)
        .map(|_| {
            let mut record = empty_record();
            random.fill(&mut record);
            (record, random.scope())
        })
        .collect()
}

fn with_batch<R>(records: &[Record], call: impl FnOnce(LogBatch<'_>) -> R) -> R {
    let borrowed: Vec<_> = records.iter().map(|(record, scope)| (record, scope)).collect();
    call(LogBatch::new(&borrowed))
}

fn lines(found: &[ResourceLogs]) -> Vec<String> {
    let mut lines = Vec::new();
    for of in found {
        for scoped in &of.scope_logs {
            let ScopeLogs { scope, log_records, schema_url } = scoped;
            let around = format!("{:?} {} {scope:?} {schema_url}", of.resource, of.schema_url);
            lines.extend(log_records.iter().map(|record| format!("{around} {record:?}")));
        }
    }
    lines.sort();
    lines
}

fn bodies(found: &[ResourceLogs]) -> Vec<String> {
    let of = found.iter().flat_map(|of| &of.scope_logs).flat_map(|of| &of.log_records);
    let mut bodies: Vec<_> = of.map(|record| format!("{:?}", record.body)).collect();
    bodies.sort();
    bodies
}

#[test]
fn every_field_of_a_log_record_is_what_the_sdks_own_transform_makes_of_it() {
    let mut pipeline = Pipeline::new();
    let resource = Random::new(1).resource();
    let records = many(600, 20261128);
    let mut exporter = pipeline.library().log_exporter().unwrap();
    exporter.set_resource(&resource);
    for some in records.chunks(50) {
        with_batch(some, |batch| now(exporter.export(batch))).unwrap();
    }
    let theirs = with_batch(&records, |batch| {
        group_logs_by_resource_and_scope(&batch, &ResourceAttributesWithSchema::from(&resource))
    });
    let (ours, theirs) = (lines(&pipeline.logs()), lines(&theirs));
    assert_eq!(ours.len(), 600);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn each_way_of_exporting_logs_gives_the_same_otlp() {
    let resource = Random::new(2).resource();
    let records = many(60, 4);
    let each = |export: &dyn Fn(&OtlpLibrary)| {
        let mut pipeline = Pipeline::new();
        export(&pipeline.builder().resource(&resource).build().unwrap());
        lines(&pipeline.logs())
    };
    let by_library =
        each(&|library| with_batch(&records, |batch| library.export_logs(&batch)).unwrap());
    assert_eq!(by_library.len(), 60);
    let one_by_one = each(&|library| {
        let exporter = library.log_exporter().unwrap();
        for one in records.chunks(1) {
            with_batch(one, |batch| now(exporter.export(batch))).unwrap();
        }
    });
    assert_eq!(one_by_one, by_library);
}

#[test]
fn a_log_exporter_lives_and_ends_as_its_library_does() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    let exporter = library.log_exporter().unwrap();
    exporter.shutdown_with_timeout(Duration::ZERO).unwrap();
    now(exporter.export(LogBatch::new(&[]))).unwrap();
    with_batch(&[plain("taken")], |batch| now(exporter.export(batch))).unwrap();
    exporter.force_flush().unwrap();
    assert_eq!(library.stats().logs.accepted, 1);
    library.shutdown(LIMIT).unwrap();
    assert_eq!(library.log_exporter().unwrap_err().kind(), ErrorKind::Shutdown);
    let late: Vec<_> = (0..50).map(|_| plain("late")).collect();
    let error = with_batch(&late, |batch| now(exporter.export(batch))).unwrap_err();
    assert!(error.to_string().contains("shut down"), "{error}");
    now(exporter.export(LogBatch::new(&[]))).unwrap_err();
    assert_eq!(library.stats().rejected_after_shutdown, 2);
    assert_eq!(bodies(&pipeline.logs()).len(), 1);
}

#[test]
fn each_logger_provider_keeps_its_resource() {
    let mut pipeline = Pipeline::new();
    let exporter = pipeline.library().log_exporter().unwrap();
    let providers: Vec<_> = ["one", "two"]
        .map(|name| {
            SdkLoggerProvider::builder()
                .with_resource(Resource::builder_empty().with_service_name(name).build())
                .with_batch_exporter(exporter.clone())
                .build()
        })
        .into();
    drop(exporter);
    for (provider, name) in providers.into_iter().zip(["body.one", "body.two"]) {
        let logger = provider.logger("rule");
        let mut record = logger.create_log_record();
        record.set_body(name.into());
        logger.emit(record);
        provider.shutdown().unwrap();
    }
    let found = lines(&pipeline.logs());
    assert_eq!(found.len(), 2);
    for line in found {
        let is_one = line.contains("StringValue(\"body.one\")");
        assert_eq!(line.contains("StringValue(\"one\")"), is_one, "{line}");
        assert_eq!(line.contains("StringValue(\"two\")"), !is_one, "{line}");
    }
}

#[test]
fn a_record_nested_too_deeply_is_refused_and_its_neighbours_are_taken() {
    let mut pipeline = Pipeline::new();
    let library = pipeline.library();
    let mut records: Vec<_> = (0..40).map(|_| plain("good")).collect();
    records[7].0.set_body(nested(16)); // as deep as it may be
    records[20].0.set_body(nested(17));
    records[30].0.add_attribute("deep", nested(1000));
    let error = with_batch(&records, |batch| library.export_logs(&batch)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let stats = library.stats().logs;
    assert_eq!((stats.accepted, stats.dropped_invalid), (38, 2));
    assert_eq!(pipeline.logs().iter().map(|of| bodies(&[of.clone()]).len()).sum::<usize>(), 38);
}

#[test]
fn a_full_log_ring_drops_the_newest_and_counts_them() {
    let pipeline = Pipeline::without_writer();
    let library = pipeline.builder().log_ring_bytes(4096).build().unwrap();
    let records: Vec<_> = (0..200).map(|_| plain("many")).collect();
    let error = with_batch(&records, |batch| library.export_logs(&batch)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    let stats = library.stats().logs;
    assert!(stats.accepted > 0);
    assert_eq!(stats.accepted + stats.dropped_full, 200);
}

#[test]
fn an_export_of_logs_allocates_nothing() {
    let pipeline = Pipeline::without_writer();
    let exporter = pipeline.library().log_exporter().unwrap();
    let records = many(200, 6);
    let (count, result) = with_batch(&records, |batch| {
        now(exporter.export(LogBatch::new(&[]))).unwrap();
        let first = with_batch(&records, |batch| now(exporter.export(batch)));
        first.unwrap();
        allocations::of(|| now(exporter.export(batch)))
    });
    result.unwrap();
    assert_eq!(count, 0);
}

#[test]
fn a_target_is_the_name_of_the_scope_and_ids_of_zero_are_none() {
    let mut pipeline = Pipeline::new();
    let mut record = plain("targeted");
    record.0.set_target("shop::cart");
    record.0.set_trace_context(TraceId::INVALID, SpanId::INVALID, None);
    record.0.add_attribute(Key::new("key"), AnyValue::Bytes(Box::new(vec![0, 255])));
    with_batch(&[record], |batch| pipeline.library().export_logs(&batch)).unwrap();
    let found = pipeline.logs();
    let scoped = &found[0].scope_logs[0];
    assert_eq!(scoped.scope.as_ref().unwrap().name, "shop::cart");
    assert!(scoped.log_records[0].trace_id.is_empty());
    assert!(scoped.log_records[0].span_id.is_empty());
}
