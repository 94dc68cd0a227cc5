// SPDX-License-Identifier: Apache-2.0
//! The lines of the README, between the two marks as they stand there (a test compares them), and
//! what makes a program of them.
use opentelemetry::trace::{Tracer, TracerProvider};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // README: begin
    let library = otlpipe::OtlpLibrary::builder().build()?;
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_batch_exporter(library.span_exporter()?)
        .build();
    // README: end
    provider.tracer("readme").in_span("the lines of the README", |_| ());
    provider.shutdown()?;
    library.shutdown(std::time::Duration::from_secs(30))?;
    Ok(())
}
