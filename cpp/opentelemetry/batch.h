// SPDX-License-Identifier: Apache-2.0
/*
 * What the exporters of spans and of log records have in common: the pool that recordables come
 * from, and the way of a batch of them into the library.
 */
#ifndef OTLPIPE_CPP_BATCH_H
#define OTLPIPE_CPP_BATCH_H

#include <memory>

#include <opentelemetry/nostd/span.h>

#include "cpp/opentelemetry/recordable.h"
#include "cpp/opentelemetry/report.h"
#include "cpp/opentelemetry/resources.h"

namespace otlpipe
{

/**
 * Traits: those of Resources, and `record`, the struct of the C interface; `recordable`, the class
 * that has one; `what` they are; and push(handle *, const record *, size_t).
 */
template <class Traits> class BatchExporter
{
      public:
	using handle = typename Traits::handle;
	using record = typename Traits::record;
	using recordable = typename Traits::recordable;

	/** @throws Error */
	explicit BatchExporter(const OtlpExporterOptions &options)
	    : library_(library_of(options)), flush_limit_(options.flush_limit),
	      reporter_(library_, Traits::what), resources_(library_.get()),
	      exporter_(made(library_), Traits::unref),
	      pool_(Pool::make(sizeof(recordable), options.pool_records))
	{
		if (pool_ == nullptr)
			throw Error(Result(OTLP_ERR_NO_MEMORY));
	}

	BatchExporter(const BatchExporter &) = delete;
	BatchExporter &operator=(const BatchExporter &) = delete;

	/** A recordable; NULL: there is no memory. */
	recordable *make() noexcept
	{
		recordable *made = recordable::make(*pool_);

		if (made == nullptr)
			reporter_.no_memory();
		return made;
	}

	template <class Recordable>
	opentelemetry::sdk::common::ExportResult
	export_all(const opentelemetry::nostd::span<std::unique_ptr<Recordable>> &records) noexcept
	{
		alignas(std::max_align_t) char room[1024];
		Buffer buffer(room, sizeof(room), scratch_.take());
		Batch batch(*this, buffer);
		bool has_foreign = false;

		for (const auto &found : records) {
			recordable *from = own<recordable>(found);

			if (from != nullptr)
				batch.add(*from);
			else
				has_foreign = true;
		}
		const int code = batch.end(has_foreign);

		scratch_.give(buffer.release());
		reporter_.exported(code);
		if (has_foreign)
			reporter_.foreign();
		return export_result(code == OTLP_OK && has_foreign ? OTLP_ERR_INVALID : code);
	}

	bool flush(std::chrono::microseconds timeout) noexcept
	{
		return reporter_.flush(timeout, flush_limit_);
	}

      private:
	using Resource = opentelemetry::sdk::resource::Resource;
	using InstrumentationScope = opentelemetry::sdk::instrumentationscope::InstrumentationScope;

	struct ClosePool {
		void operator()(Pool *pool) const noexcept
		{
			pool->close();
		}
	};

	/* Records of one resource, on their way. */
	class Batch
	{
	      public:
		Batch(BatchExporter &of, Buffer &buffer) noexcept
		    : of_(of), buffer_(buffer), exporter_(of.exporter_.get())
		{
		}

		void add(recordable &from) noexcept
		{
			if (from.resource() != resource_)
				set_resource(from.resource());
			if (from.scope() != scope_)
				set_scope(from.scope());
			if (count_ == chunk_records)
				push();
			record &to = records_[count_++];

			to = from.finished();
			to.resource = inline_resource_;
			to.scope = c_scope_;
		}

		/**
		 * @param is_empty_fine  nothing of the batch was ours: that is no empty export
		 * @return the first failure of a push
		 */
		int end(bool is_empty_fine) noexcept
		{
			/* Nothing to do, which fails too where the library was shut down. */
			if (count_ != 0 || (!did_push_ && !is_empty_fine))
				push();
			return code_;
		}

	      private:
		void push() noexcept
		{
			/* After a shutdown it is one call that was rejected. */
			const int code = code_ == OTLP_ERR_SHUTDOWN
						 ? code_
						 : Traits::push(exporter_, records_, count_);

			if (code_ == OTLP_OK)
				code_ = code;
			did_push_ = true;
			count_ = 0;
		}

		void set_resource(const Resource *resource) noexcept
		{
			if (count_ != 0)
				push();
			resource_ = resource;
			exporter_ = of_.exporter_.get();
			inline_resource_ = nullptr;
			if (resource == nullptr)
				return;
			auto *content = buffer_.array<otlp_resource>(1);
			handle *found = nullptr;

			if (content != nullptr)
				found = of_.resources_.find(*resource, buffer_, *content);
			if (found != nullptr)
				exporter_ = found;
			else
				inline_resource_ = content;
		}

		void set_scope(const InstrumentationScope *scope) noexcept
		{
			scope_ = scope;
			c_scope_ = nullptr;
			if (scope == nullptr)
				return;
			auto *content = buffer_.array<otlp_scope>(1);

			if (content != nullptr)
				*content = scope_borrow(buffer_, *scope);
			c_scope_ = content;
		}

		BatchExporter &of_;
		Buffer &buffer_;
		handle *exporter_; /* of the resource; borrowed */
		const Resource *resource_ = nullptr;
		const otlp_resource *inline_resource_ = nullptr;
		const InstrumentationScope *scope_ = nullptr;
		const otlp_scope *c_scope_ = nullptr;
		int code_ = OTLP_OK;
		bool did_push_ = false;
		size_t count_ = 0;
		record records_[chunk_records];
	};

	static handle *made(const Library &library)
	{
		handle *exporter = nullptr;

		check(library, Traits::make(library.get(), &exporter));
		return exporter;
	}

	const Library library_;
	const std::chrono::milliseconds flush_limit_;
	Reporter reporter_;
	Resources<Traits> resources_;
	Scratch scratch_;
	const std::unique_ptr<handle, void (*)(handle *) noexcept> exporter_;
	const std::unique_ptr<Pool, ClosePool> pool_;
};

} // namespace otlpipe

#endif
