// SPDX-License-Identifier: Apache-2.0
/*
 * The metric exporter. What the SDK has collected is pointed to; a metric at a time, the few
 * structs that the C interface reads are laid out beside it.
 */
#include <memory>

#include <opentelemetry/nostd/variant.h>
#include <opentelemetry/sdk/metrics/data/metric_data.h>
#include <opentelemetry/sdk/metrics/data/point_data.h>
#include <opentelemetry/sdk/metrics/export/metric_producer.h>
#include <opentelemetry/sdk/metrics/instruments.h>
#include <opentelemetry/version.h>

#include <otlpipe/opentelemetry.h>

#include "cpp/opentelemetry/report.h"
#include "cpp/opentelemetry/resources.h"

#if OPENTELEMETRY_VERSION_MAJOR > 1 || OPENTELEMETRY_VERSION_MINOR >= 21
#define OTLPIPE_HAS_EXPONENTIAL
#endif

namespace otlpipe
{

namespace nostd = opentelemetry::nostd;
namespace metrics_sdk = opentelemetry::sdk::metrics;

using metrics_sdk::MetricData;
using metrics_sdk::PointDataAttributes;
using opentelemetry::sdk::common::ExportResult;

namespace
{

otlp_number number(const metrics_sdk::ValueType &value)
{
	otlp_number ret = {};

	if (nostd::holds_alternative<int64_t>(value)) {
		ret.type = OTLP_NUMBER_INT;
		ret.as.integer = nostd::get<int64_t>(value);
	} else {
		ret.type = OTLP_NUMBER_DOUBLE;
		ret.as.real = nostd::get<double>(value);
	}
	return ret;
}

/* A histogram's sum is a double in OTLP, whatever was measured. */
double real(const metrics_sdk::ValueType &value)
{
	return nostd::holds_alternative<int64_t>(value)
		       ? static_cast<double>(nostd::get<int64_t>(value))
		       : nostd::get<double>(value);
}

otlp_temporality temporality_of(metrics_sdk::AggregationTemporality of)
{
	switch (of) {
	case metrics_sdk::AggregationTemporality::kDelta:
		return OTLP_TEMPORALITY_DELTA;
	case metrics_sdk::AggregationTemporality::kCumulative:
		return OTLP_TEMPORALITY_CUMULATIVE;
	default:
		return OTLP_TEMPORALITY_UNSPECIFIED; /* refused, where it matters */
	}
}

/* Lays out the points of a metric which are of one kind. */
class Layout
{
      public:
	Layout(Buffer &buffer, const MetricData &data) noexcept : buffer_(buffer), data_(data)
	{
		metric_.name = text_borrow(buffer, data.instrument_descriptor.name_);
		metric_.description = text_borrow(buffer, data.instrument_descriptor.description_);
		metric_.unit = text_borrow(buffer, data.instrument_descriptor.unit_);
		metric_.temporality = temporality_of(data.aggregation_temporality);
	}

	/**
	 * @param Point  the SDK's kind
	 * @param Made   the library's
	 * @param fill   a callable (const Point &, Made &)
	 * @return the points; NULL: there are none, or no memory, which has_memory() tells
	 */
	template <class Point, class Made, class Fill> const Made *points(Fill &&fill) noexcept
	{
		size_t count = 0;

		for (const auto &found : data_.point_data_attr_)
			count += nostd::holds_alternative<Point>(found.point_data);
		metric_.point_count = 0;
		if (count == 0)
			return nullptr;
		auto *made = buffer_.array<Made>(count);

		if (made == nullptr) {
			has_memory_ = false;
			return nullptr;
		}
		for (const auto &found : data_.point_data_attr_) {
			if (!nostd::holds_alternative<Point>(found.point_data))
				continue;
			Made &point = made[metric_.point_count++];

			point = Made{};
			point.point.attributes = attributes_borrow(buffer_, found.attributes);
			point.point.start_time_unix_ns = time_ns(data_.start_ts);
			point.point.time_unix_ns = time_ns(data_.end_ts);
			/* OTLP has no count of attributes that a point lacks. */
			if (point.point.attributes.dropped != 0)
				has_memory_ = false;
			fill(nostd::get<Point>(found.point_data), point);
		}
		return made;
	}

	bool sums() noexcept
	{
		metric_.type = OTLP_METRIC_SUM;
		metric_.points.number = points<metrics_sdk::SumPointData, otlp_number_point>(
			[this](const metrics_sdk::SumPointData &from, otlp_number_point &to) {
				to.value = number(from.value_);
				metric_.is_monotonic = from.is_monotonic_;
			});
		return metric_.points.number != nullptr;
	}

	bool gauges() noexcept
	{
		metric_.type = OTLP_METRIC_GAUGE;
		metric_.points.number = points<metrics_sdk::LastValuePointData, otlp_number_point>(
			[](const metrics_sdk::LastValuePointData &from, otlp_number_point &to) {
				if (from.is_lastvalue_valid_)
					to.value = number(from.value_);
			});
		return metric_.points.number != nullptr;
	}

	bool histograms() noexcept
	{
		metric_.type = OTLP_METRIC_HISTOGRAM;
		metric_.points.histogram =
			points<metrics_sdk::HistogramPointData, otlp_histogram_point>(
				[](const metrics_sdk::HistogramPointData &from,
				   otlp_histogram_point &to) {
					to.count = from.count_;
					to.has_sum = true;
					to.sum = real(from.sum_);
					to.has_min = to.has_max = from.record_min_max_;
					to.min = real(from.min_);
					to.max = real(from.max_);
					to.bucket_counts = from.counts_.data();
					to.bucket_count = from.counts_.size();
					to.bounds = from.boundaries_.data();
					to.bound_count = from.boundaries_.size();
				});
		return metric_.points.histogram != nullptr;
	}

#ifdef OTLPIPE_HAS_EXPONENTIAL
	bool exponentials() noexcept
	{
		using Point = metrics_sdk::Base2ExponentialHistogramPointData;

		metric_.type = OTLP_METRIC_EXP_HISTOGRAM;
		metric_.points.exp_histogram = points<Point, otlp_exp_histogram_point>(
			[this](const Point &from, otlp_exp_histogram_point &to) {
				to.count = from.count_;
				to.has_sum = true;
				to.sum = from.sum_;
				to.has_min = to.has_max = from.record_min_max_;
				to.min = from.min_;
				to.max = from.max_;
				to.scale = from.scale_;
				to.zero_count = from.zero_count_;
				to.zero_threshold = from.zero_threshold_;
				to.positive = buckets(from.positive_buckets_.get());
				to.negative = buckets(from.negative_buckets_.get());
			});
		return metric_.points.exp_histogram != nullptr;
	}
#endif

	const otlp_metric &metric() const noexcept
	{
		return metric_;
	}

	bool has_memory() const noexcept
	{
		return has_memory_;
	}

      private:
#ifdef OTLPIPE_HAS_EXPONENTIAL
	/* They are copied: the SDK has them in cells of any width. */
	otlp_exp_buckets buckets(metrics_sdk::AdaptingCircularBufferCounter *from) noexcept
	{
		otlp_exp_buckets ret = {};

		if (from == nullptr || from->Empty())
			return ret;
		const int32_t first = from->StartIndex(), last = from->EndIndex();
		const auto count = static_cast<size_t>(static_cast<int64_t>(last) - first + 1);
		auto *counts = buffer_.array<uint64_t>(count);

		if (counts == nullptr) {
			has_memory_ = false;
			return ret;
		}
		for (size_t i = 0; i < count; i++)
			counts[i] = from->Get(first + static_cast<int32_t>(i));
		ret.offset = first;
		ret.counts = counts;
		ret.count = count;
		return ret;
	}
#endif

	Buffer &buffer_;
	const MetricData &data_;
	otlp_metric metric_ = {};
	bool has_memory_ = true;
};

/* The way of one collection into the library. */
class Collection
{
      public:
	explicit Collection(otlp_library *library, Scratch &whole, Scratch &part) noexcept
	    : library_(library), whole_(whole), part_(part)
	{
	}

	int push(const metrics_sdk::ResourceMetrics &metrics) noexcept
	{
		Buffer buffer(nullptr, 0, whole_.take());

		if (metrics.resource_ != nullptr) {
			resource_ = resource_borrow(buffer, *metrics.resource_);
			resource_metrics_.resource = &resource_;
		}
		resource_metrics_.scope_metrics = &scope_metrics_;
		resource_metrics_.scope_metrics_count = 1;
		scope_metrics_.metric_count = 1;
		for (const auto &of : metrics.scope_metric_data_) {
			scope_metrics_.scope = otlp_scope{};
			if (of.scope_ != nullptr)
				scope_metrics_.scope = scope_borrow(buffer, *of.scope_);
			for (const auto &data : of.metric_data_)
				push_data(data);
		}
		whole_.give(buffer.release());
		/* Nothing to do, which fails too where the library was shut down. */
		if (!did_push_) {
			const otlp_resource_metrics nothing = {};

			return otlp_library_export_metrics_ref(library_, &nothing);
		}
		return code_;
	}

      private:
	void push_data(const MetricData &data) noexcept
	{
		Buffer buffer(nullptr, 0, part_.take());
		Layout layout(buffer, data);

		/* A metric has points of one kind; whatever made others has each kind of its own.
		 */
		if (layout.sums())
			push_metric(layout);
		if (layout.gauges())
			push_metric(layout);
		if (layout.histograms())
			push_metric(layout);
#ifdef OTLPIPE_HAS_EXPONENTIAL
		if (layout.exponentials())
			push_metric(layout);
#endif
		if (!layout.has_memory())
			keep(OTLP_ERR_NO_MEMORY);
		part_.give(buffer.release());
	}

	void push_metric(const Layout &layout) noexcept
	{
		scope_metrics_.metrics = &layout.metric();
		/* After a shutdown it is one call that was rejected. */
		if (code_ != OTLP_ERR_SHUTDOWN)
			keep(otlp_library_export_metrics_ref(library_, &resource_metrics_));
		did_push_ = true;
	}

	void keep(int code) noexcept
	{
		if (code_ == OTLP_OK)
			code_ = code;
	}

	otlp_library *const library_;
	Scratch &whole_, &part_;
	otlp_resource resource_ = {};
	otlp_scope_metrics scope_metrics_ = {};
	otlp_resource_metrics resource_metrics_ = {};
	int code_ = OTLP_OK;
	bool did_push_ = false;
};

class OtlpMetricExporter final : public metrics_sdk::PushMetricExporter
{
      public:
	explicit OtlpMetricExporter(const OtlpExporterOptions &options)
	    : library_(library_of(options)), flush_limit_(options.flush_limit),
	      reporter_(library_, "metrics")
	{
		check(library_, otlp_library_metric_exporter(library_.get(), &exporter_));
	}

	~OtlpMetricExporter() override
	{
		otlp_metric_exporter_unref(exporter_);
	}

	ExportResult Export(const metrics_sdk::ResourceMetrics &metrics) noexcept override
	{
		const int code = Collection(library_.get(), whole_, part_).push(metrics);

		reporter_.exported(code);
		return export_result(code);
	}

	metrics_sdk::AggregationTemporality
	GetAggregationTemporality(metrics_sdk::InstrumentType type) const noexcept override
	{
		switch (otlp_metric_exporter_temporality(exporter_, kind(type))) {
		case OTLP_TEMPORALITY_DELTA:
			return metrics_sdk::AggregationTemporality::kDelta;
		case OTLP_TEMPORALITY_CUMULATIVE:
			return metrics_sdk::AggregationTemporality::kCumulative;
		default:
			return metrics_sdk::AggregationTemporality::kUnspecified;
		}
	}

	bool ForceFlush(std::chrono::microseconds timeout) noexcept override
	{
		return reporter_.flush(timeout, flush_limit_);
	}

	/* Succeeds, and leaves the library and its other users alone. */
	bool Shutdown(std::chrono::microseconds) noexcept override
	{
		return true;
	}

      private:
	static otlp_instrument_kind kind(metrics_sdk::InstrumentType type)
	{
		switch (type) {
		case metrics_sdk::InstrumentType::kCounter:
			return OTLP_COUNTER;
		case metrics_sdk::InstrumentType::kHistogram:
			return OTLP_HISTOGRAM;
		case metrics_sdk::InstrumentType::kUpDownCounter:
			return OTLP_UP_DOWN_COUNTER;
		case metrics_sdk::InstrumentType::kObservableCounter:
			return OTLP_OBSERVABLE_COUNTER;
		case metrics_sdk::InstrumentType::kObservableGauge:
			return OTLP_OBSERVABLE_GAUGE;
		case metrics_sdk::InstrumentType::kObservableUpDownCounter:
			return OTLP_OBSERVABLE_UP_DOWN_COUNTER;
		case metrics_sdk::InstrumentType::kGauge:
			return OTLP_GAUGE;
		}
		return static_cast<otlp_instrument_kind>(-1); /* it has no temporality */
	}

	const Library library_;
	const std::chrono::milliseconds flush_limit_;
	Reporter reporter_;
	Scratch whole_, part_;
	otlp_metric_exporter *exporter_ = nullptr;
};

} // namespace

std::unique_ptr<metrics_sdk::PushMetricExporter>
OtlpMetricExporterFactory::Create(const OtlpExporterOptions &options)
{
	return std::make_unique<OtlpMetricExporter>(options);
}

std::unique_ptr<metrics_sdk::PushMetricExporter>
OtlpMetricExporterFactory::Create(const Library &library)
{
	return Create(options_of(library));
}

Result export_metrics_ref(const Library &library,
			  const metrics_sdk::ResourceMetrics &metrics) noexcept
{
	Scratch whole, part;

	return library.result(Collection(library.get(), whole, part).push(metrics));
}

} // namespace otlpipe
