// SPDX-License-Identifier: Apache-2.0
//! The metric exporter.
use crate::arena::{self, Arena};
use crate::convert::{attributes_of, nanos, pair, resource, scope, slice, text};
use crate::error::{for_sdk, Error};
use crate::library::{timeout, OtlpLibrary, FLUSH_LIMIT};
use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Exemplar, ExponentialBucket, ExponentialHistogram,
    ExponentialHistogramDataPoint, Gauge, GaugeDataPoint, Histogram, HistogramDataPoint, Metric,
    MetricData, ResourceMetrics, Sum, SumDataPoint,
};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::Temporality;
use otlpipe_sys as sys;
use std::ffi::c_int;
use std::fmt;
use std::future::{ready, Future};
use std::ptr::NonNull;
use std::time::Duration;

/// A [`PushMetricExporter`] over a library: made by [`OtlpLibrary::metric_exporter`].
///
/// It shares the library and does not end it: its `shutdown` succeeds and changes nothing. A clone
/// is the same exporter, for another reader.
pub struct OtlpMetricExporter {
    library: OtlpLibrary,
    exporter: NonNull<sys::otlp_metric_exporter>,
}

// SAFETY: otlpipe.h: each function may be called from any thread at any time, without a lock.
unsafe impl Send for OtlpMetricExporter {}
// SAFETY: as above.
unsafe impl Sync for OtlpMetricExporter {}

impl Drop for OtlpMetricExporter {
    fn drop(&mut self) {
        // SAFETY: this is our one reference.
        unsafe { sys::otlp_metric_exporter_unref(self.exporter.as_ptr()) }
    }
}

impl Clone for OtlpMetricExporter {
    fn clone(&self) -> Self {
        // SAFETY: the exporter is referenced; what is returned is it.
        unsafe { sys::otlp_metric_exporter_ref(self.exporter.as_ptr()) };
        OtlpMetricExporter { library: self.library.clone(), exporter: self.exporter }
    }
}

impl fmt::Debug for OtlpMetricExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpMetricExporter").field("library", &self.library).finish()
    }
}

impl OtlpLibrary {
    /// An exporter for a meter provider's reader.
    ///
    /// # Errors
    /// [`Shutdown`](crate::ErrorKind::Shutdown) after the library's shutdown.
    pub fn metric_exporter(&self) -> Result<OtlpMetricExporter, Error> {
        let mut exporter = std::ptr::null_mut();
        // SAFETY: the library is referenced.
        let rc = unsafe { sys::otlp_library_metric_exporter(self.as_ptr(), &mut exporter) };
        self.check(rc)?;
        let exporter = NonNull::new(exporter).expect("a success has an exporter");
        Ok(OtlpMetricExporter { library: self.clone(), exporter })
    }

    /// Export metrics by reference.
    ///
    /// # Errors
    /// The first refusal: what could not be taken was dropped and counted, the others were taken.
    pub fn export_metrics_ref(&self, metrics: &ResourceMetrics) -> Result<(), Error> {
        // SAFETY: the library is referenced, and what is laid out lives during the call.
        self.check(push(metrics, |metrics| unsafe {
            sys::otlp_library_export_metrics_ref(self.as_ptr(), metrics)
        }))
    }
}

impl PushMetricExporter for OtlpMetricExporter {
    fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
        // SAFETY: the exporter is referenced, and what is laid out lives during the call.
        let rc = push(metrics, |metrics| unsafe {
            sys::otlp_metric_exporter_export(self.exporter.as_ptr(), metrics).cause
        });
        ready(for_sdk(self.library.check(rc)))
    }

    /// Waits until the writer has written what was exported, 5 seconds at most.
    fn force_flush(&self) -> OTelSdkResult {
        // SAFETY: the exporter is referenced.
        let rc = unsafe {
            sys::otlp_metric_exporter_force_flush(self.exporter.as_ptr(), timeout(FLUSH_LIMIT))
                .cause
        };
        for_sdk(self.library.check(rc))
    }

    /// Succeeds, and leaves the library and its other users alone.
    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        // SAFETY: the exporter is referenced.
        let rc = unsafe {
            sys::otlp_metric_exporter_shutdown(self.exporter.as_ptr(), timeout(limit)).cause
        };
        for_sdk(self.library.check(rc))
    }

    fn temporality(&self) -> Temporality {
        // SAFETY: the exporter is referenced.
        match unsafe { sys::otlp_metric_exporter_temporality_preference(self.exporter.as_ptr()) } {
            sys::OTLP_PREFER_DELTA => Temporality::Delta,
            sys::OTLP_PREFER_LOW_MEMORY => Temporality::LowMemory,
            _ => Temporality::Cumulative,
        }
    }
}

/// Lay out a metric at a time, and push it: a few kilobytes that stay in the processor's cache.
/// Returns the first refusal.
fn push(metrics: &ResourceMetrics, export: impl Fn(&sys::otlp_resource_metrics) -> c_int) -> c_int {
    arena::with(|whole, part| {
        let found = resource(whole, metrics.resource());
        let (mut first, mut is_empty) = (sys::OTLP_OK, true);
        'all: for of in metrics.scope_metrics() {
            let mut scope_metrics =
                sys::otlp_scope_metrics { scope: scope(whole, of.scope()), ..Default::default() };
            for of in of.metrics() {
                part.clear();
                let metric = metric(part, of);
                is_empty = false;
                (scope_metrics.metrics, scope_metrics.metric_count) = (&metric, 1);
                let rc = export(&sys::otlp_resource_metrics {
                    resource: &found,
                    scope_metrics: &scope_metrics,
                    scope_metrics_count: 1,
                    ..Default::default()
                });
                if first == sys::OTLP_OK {
                    first = rc;
                }
                if rc == sys::OTLP_ERR_SHUTDOWN {
                    break 'all; // one call that was rejected
                }
            }
        }
        // Nothing to do, which fails too where the library was shut down.
        if is_empty {
            return export(&sys::otlp_resource_metrics::default());
        }
        first
    })
}

/// What instruments count in. Histograms' sums are doubles in OTLP, whatever they are here.
trait Number: Copy {
    fn number(self) -> sys::otlp_number;
    fn real(self) -> f64;
}

fn integer(integer: i64) -> sys::otlp_number {
    sys::otlp_number { type_: sys::OTLP_NUMBER_INT, as_: sys::otlp_number_content { integer } }
}

impl Number for f64 {
    fn number(self) -> sys::otlp_number {
        let as_ = sys::otlp_number_content { real: self };
        sys::otlp_number { type_: sys::OTLP_NUMBER_DOUBLE, as_ }
    }
    fn real(self) -> f64 {
        self
    }
}

impl Number for i64 {
    fn number(self) -> sys::otlp_number {
        integer(self)
    }
    fn real(self) -> f64 {
        self as f64
    }
}

impl Number for u64 {
    /// OTLP's integers have a sign: what is beyond them is the nearest double.
    fn number(self) -> sys::otlp_number {
        i64::try_from(self).map_or_else(|_| (self as f64).number(), integer)
    }
    fn real(self) -> f64 {
        self as f64
    }
}

fn metric(arena: &Arena, of: &Metric) -> sys::otlp_metric {
    let filled = match of.data() {
        AggregatedMetrics::F64(data) => points(arena, data),
        AggregatedMetrics::U64(data) => points(arena, data),
        AggregatedMetrics::I64(data) => points(arena, data),
    };
    sys::otlp_metric {
        name: text(of.name()),
        description: text(of.description()),
        unit: text(of.unit()),
        ..filled
    }
}

/// As OTLP's own transform has it: what is neither is cumulative.
fn temporality(of: Temporality) -> sys::otlp_temporality {
    match of {
        Temporality::Delta => sys::OTLP_TEMPORALITY_DELTA,
        _ => sys::OTLP_TEMPORALITY_CUMULATIVE,
    }
}

fn points<T: Number>(arena: &Arena, data: &MetricData<T>) -> sys::otlp_metric {
    match data {
        MetricData::Gauge(of) => gauge(arena, of),
        MetricData::Sum(of) => sum(arena, of),
        MetricData::Histogram(of) => histogram(arena, of),
        MetricData::ExponentialHistogram(of) => exponential(arena, of),
    }
}

/// Into a point that has nothing yet.
#[inline]
fn put_point<'a, T: Number + 'a>(
    arena: &Arena,
    found: impl Iterator<Item = &'a KeyValue>,
    exemplars: impl Iterator<Item = &'a Exemplar<T>>,
    times: [u64; 2],
    to: &mut sys::otlp_point,
) {
    to.attributes = attributes_of(arena, found.map(pair));
    (to.start_time_unix_ns, to.time_unix_ns) = (times[0], times[1]);
    (to.exemplars, to.exemplar_count) =
        slice(arena.collect(exemplars.map(|of| sys::otlp_exemplar {
            time_unix_ns: nanos(of.time()),
            value: of.value.number(),
            trace_id: *of.trace_id(),
            span_id: *of.span_id(),
            filtered_attributes: attributes_of(arena, of.filtered_attributes().map(pair)),
            ..Default::default()
        })));
}

/// Of each kind of point a list; `put` is given a point that has nothing yet.
#[inline]
fn put_points<S, T: Copy + Default>(
    arena: &Arena,
    found: impl Iterator<Item = S>,
    mut put: impl FnMut(S, &mut T),
) -> (*const T, usize) {
    // SAFETY: it is the place of a point, which may be written to, and nobody else refers to.
    slice(unsafe {
        arena.collect_into(found, |found, to: *mut T| {
            to.write(T::default());
            put(found, &mut *to);
        })
    })
}

fn gauge<T: Number>(arena: &Arena, of: &Gauge<T>) -> sys::otlp_metric {
    let times = [of.start_time().map_or(0, nanos), nanos(of.time())];
    let put = |found: &GaugeDataPoint<T>, to: &mut sys::otlp_number_point| {
        put_point(arena, found.attributes(), found.exemplars(), times, &mut to.point);
        to.value = found.value().number();
    };
    let (number, point_count) = put_points(arena, of.data_points(), put);
    sys::otlp_metric {
        type_: sys::OTLP_METRIC_GAUGE,
        points: sys::otlp_metric_points { number },
        point_count,
        ..Default::default()
    }
}

fn sum<T: Number>(arena: &Arena, of: &Sum<T>) -> sys::otlp_metric {
    let times = [nanos(of.start_time()), nanos(of.time())];
    let put = |found: &SumDataPoint<T>, to: &mut sys::otlp_number_point| {
        put_point(arena, found.attributes(), found.exemplars(), times, &mut to.point);
        to.value = found.value().number();
    };
    let (number, point_count) = put_points(arena, of.data_points(), put);
    sys::otlp_metric {
        type_: sys::OTLP_METRIC_SUM,
        temporality: temporality(of.temporality()),
        is_monotonic: of.is_monotonic(),
        points: sys::otlp_metric_points { number },
        point_count,
        ..Default::default()
    }
}

fn histogram<T: Number>(arena: &Arena, of: &Histogram<T>) -> sys::otlp_metric {
    let times = [nanos(of.start_time()), nanos(of.time())];
    let put = |found: &HistogramDataPoint<T>, to: &mut sys::otlp_histogram_point| {
        put_point(arena, found.attributes(), found.exemplars(), times, &mut to.point);
        to.count = found.count();
        (to.has_sum, to.sum) = (true, found.sum().real());
        (to.has_min, to.min) = (found.min().is_some(), found.min().map_or(0.0, Number::real));
        (to.has_max, to.max) = (found.max().is_some(), found.max().map_or(0.0, Number::real));
        (to.bucket_counts, to.bucket_count) = slice(arena.collect(found.bucket_counts()));
        (to.bounds, to.bound_count) = slice(arena.collect(found.bounds()));
    };
    let (histogram, point_count) = put_points(arena, of.data_points(), put);
    sys::otlp_metric {
        type_: sys::OTLP_METRIC_HISTOGRAM,
        temporality: temporality(of.temporality()),
        points: sys::otlp_metric_points { histogram },
        point_count,
        ..Default::default()
    }
}

fn buckets(arena: &Arena, of: &ExponentialBucket) -> sys::otlp_exp_buckets {
    let (counts, count) = slice(arena.collect(of.counts()));
    sys::otlp_exp_buckets { offset: of.offset(), counts, count }
}

fn exponential<T: Number>(arena: &Arena, of: &ExponentialHistogram<T>) -> sys::otlp_metric {
    let times = [nanos(of.start_time()), nanos(of.time())];
    let put = |found: &ExponentialHistogramDataPoint<T>, to: &mut sys::otlp_exp_histogram_point| {
        put_point(arena, found.attributes(), found.exemplars(), times, &mut to.point);
        to.count = found.count() as u64;
        (to.has_sum, to.sum) = (true, found.sum().real());
        (to.has_min, to.min) = (found.min().is_some(), found.min().map_or(0.0, Number::real));
        (to.has_max, to.max) = (found.max().is_some(), found.max().map_or(0.0, Number::real));
        to.scale = found.scale().into();
        to.zero_count = found.zero_count();
        to.zero_threshold = found.zero_threshold();
        to.positive = buckets(arena, found.positive_bucket());
        to.negative = buckets(arena, found.negative_bucket());
    };
    let (exp_histogram, point_count) = put_points(arena, of.data_points(), put);
    sys::otlp_metric {
        type_: sys::OTLP_METRIC_EXP_HISTOGRAM,
        temporality: temporality(of.temporality()),
        points: sys::otlp_metric_points { exp_histogram },
        point_count,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsigned_value_beyond_otlps_integers_keeps_its_size() {
        let small = 7u64.number();
        assert_eq!(small.type_, sys::OTLP_NUMBER_INT);
        // SAFETY: the type says which member counts.
        assert_eq!(unsafe { small.as_.integer }, 7);
        let large = u64::MAX.number();
        assert_eq!(large.type_, sys::OTLP_NUMBER_DOUBLE);
        // SAFETY: the type says which member counts.
        assert_eq!(unsafe { large.as_.real }, 18446744073709551615.0);
    }
}
