// SPDX-License-Identifier: Apache-2.0
//! A program that uses `tracing`: its spans go through tracing-opentelemetry into the rings of this
//! process, its events through opentelemetry-appender-tracing as log records, its counter through the
//! SDK's periodic reader.
//!
//! Run it beside a writer: `otlpipe-writer --output telemetry & cargo run --example tracing`.
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::Resource;
use otlpipe::OtlpLibrary;
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

#[tracing::instrument]
fn pay(order: u64, amount: f64) -> Result<(), &'static str> {
    tracing::info!(amount, "charging the card");
    if amount > 100.0 {
        tracing::error!("the card was declined");
        return Err("declined");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let resource = Resource::builder().with_service_name("shop").build();
    let library = OtlpLibrary::builder().build()?;
    let traces = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(library.span_exporter()?)
        .build();
    let logs = SdkLoggerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(library.log_exporter()?)
        .build();
    let metrics = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_reader(PeriodicReader::builder(library.metric_exporter()?).build())
        .build();
    let spans = tracing_opentelemetry::layer().with_tracer(traces.tracer("shop"));
    let events = OpenTelemetryTracingBridge::new(&logs);
    let subscriber = tracing_subscriber::registry().with(spans).with(events);
    tracing::subscriber::set_global_default(subscriber)?;

    let orders = metrics.meter("shop").u64_counter("orders").build();
    for (order, amount) in [(1, 9.5), (2, 250.0), (3, 42.0)] {
        let declined = pay(order, amount).is_err();
        orders.add(1, &[opentelemetry::KeyValue::new("declined", declined)]);
    }

    // What the SDK still holds goes into the rings; from there the writer takes it, also later.
    traces.shutdown()?;
    metrics.shutdown()?;
    logs.shutdown()?;
    library.shutdown(Duration::from_secs(5))?;
    let stats = library.stats();
    println!(
        "{} spans, {} points and {} log records are written",
        stats.traces.accepted, stats.metrics.accepted, stats.logs.accepted
    );
    Ok(())
}
