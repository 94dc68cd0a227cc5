// SPDX-License-Identifier: Apache-2.0
/* Bad use, and what outlives what: a kill, a fork, an exporter that ends before its spans. */
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>

#include "otlp.h"
#include "support.h"

using std::chrono::seconds;

static std::string refused(const otlpipe::LibraryOptions &options, int code)
{
	otlpipe::OtlpExporterOptions exporter;

	exporter.open = options;
	try {
		otlpipe::OtlpSpanExporterFactory::Create(exporter);
	} catch (const otlpipe::Error &error) {
		EQUAL(error.result().code(), code);
		return error.what();
	}
	throw Failure{"it was not refused"};
}

TEST(a_runtime_directory_that_cannot_be_used_is_an_error_with_cause_and_hint)
{
	otlpipe::LibraryOptions options;

	options.runtime_dir = test_folder() + "/not/there";
	const std::string missing = refused(options, OTLP_ERR_ACCESS);
	CHECK(missing.find("otlpipe: the runtime directory is not accessible: ") == 0);
	CHECK(missing.find(options.runtime_dir) != std::string::npos);
	CHECK(missing.find("LibraryOptions::runtime_dir or $OTLPIPE_DIR") != std::string::npos);

	options.runtime_dir = test_folder() + "/open";
	CHECK(mkdir(options.runtime_dir.c_str(), 0777) == 0 &&
	      chmod(options.runtime_dir.c_str(), 0777) == 0);
	CHECK(refused(options, OTLP_ERR_ACCESS).find("/open") != std::string::npos);

	options.span_ring_bytes = UINT32_MAX;
	refused(options, OTLP_ERR_INVALID);
	options.span_ring_bytes = 0;
	options.lanes = 3;
	CHECK(refused(options, OTLP_ERR_INVALID).find("lanes") != std::string::npos);
	try {
		otlpipe::OtlpSpanExporterFactory::Create(otlpipe::Library());
		throw Failure{"an empty handle was taken"};
	} catch (const otlpipe::Error &error) {
		EQUAL(error.result().code(), OTLP_ERR_INVALID);
	}
}

TEST(an_empty_handle_is_invalid_in_each_call_and_crashes_in_none)
{
	const otlpipe::Library none;

	CHECK(!none);
	EQUAL(none.flush(seconds(0)).code(), OTLP_ERR_INVALID);
	EQUAL(none.shutdown(seconds(0)).code(), OTLP_ERR_INVALID);
	EQUAL(none.last_error(), "");
	EQUAL(none.stats().signals[0].accepted, 0u);
	EQUAL(otlpipe::export_metrics_ref(none, {}).code(), OTLP_ERR_INVALID);
}

TEST(a_library_of_another_version_is_refused_with_both_named)
{
	const std::string mine =
		std::to_string(OTLP_VERSION_MAJOR) + "." + std::to_string(OTLP_VERSION_MINOR);

	CHECK(otlpipe::detail::check_version(otlp_version()).ok());
	CHECK(otlpipe::detail::check_version((mine + ".77").c_str()).ok());
	for (const char *other : {"0.1.9", "1.2.0", "77.0.0", "", "x"}) {
		const auto result = otlpipe::detail::check_version(other);

		EQUAL(result.code(), OTLP_ERR_ABI);
		EQUAL(result.detail(),
		      "the program was compiled for otlpipe " + mine + ", loaded is " + other);
		EQUAL(std::string(result.hint()), "use the same version of otlpipe everywhere");
	}
}

TEST(what_open_goes_on_without_is_told_and_what_the_function_throws_goes_on)
{
	Pipeline pipeline;
	const LogLines lines;
	auto options = pipeline.options();
	std::string told;

	setenv("OTLPIPE_SPAN_RING_BYTES", "many", 1);
	options.on_diagnostic = [&told](const std::string &text) { told = text; };
	CHECK(otlpipe::Library::open(options));
	CHECK(told.find("OTLPIPE_SPAN_RING_BYTES") != std::string::npos);
	options.on_diagnostic = [](const std::string &) { throw 7; };
	try {
		otlpipe::Library::open(options);
		throw Failure{"nothing was thrown"};
	} catch (int thrown) {
		EQUAL(thrown, 7);
	}
	/* An exporter that opens one tells the SDK's log. */
	otlpipe::OtlpExporterOptions exporter;
	exporter.open = pipeline.options();
	otlpipe::OtlpSpanExporterFactory::Create(exporter);
	CHECK(lines.only().find("[otlpipe] ") == 0);
	unsetenv("OTLPIPE_SPAN_RING_BYTES");
}

TEST(a_recordable_may_outlive_its_exporter)
{
	Pipeline pipeline;
	otlpipe::OtlpExporterOptions options;

	options.library = pipeline.library();
	options.pool_records = 2;
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(options);
	std::vector<std::unique_ptr<trace_sdk::Recordable>> spans;
	for (int i = 0; i < 5; i++)
		spans.push_back(exporter->MakeRecordable());
	spans.pop_back();
	spans.erase(spans.begin());
	exporter.reset();
	for (auto &span : spans)
		span->SetAttribute("after", std::string(10000, 'x'));
}

TEST(a_provider_goes_on_in_a_forked_child)
{
	Pipeline pipeline;
	const auto library = pipeline.library();
	auto provider = span_provider(otlpipe::OtlpSpanExporterFactory::Create(library), "fork");
	auto tracer = provider->GetTracer("fork");

	tracer->StartSpan("before")->End();
	auto across = tracer->StartSpan("across");
	const pid_t pid = fork();
	if (pid == 0) {
		across->End();
		tracer->StartSpan("child")->End();
		_exit(library.stats().signals[OTLP_SIGNAL_TRACES].accepted == 2 ? 0 : 1);
	}
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	tracer->StartSpan("parent")->End();
	across = nullptr; /* which ends it here too */
	CHECK((span_names(pipeline.written("traces")) ==
	       std::vector<std::string>{"across", "across", "before", "child", "parent"}));
}

TEST(a_batch_processor_ends_with_its_provider_and_loses_nothing)
{
	Pipeline pipeline;
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(pipeline.library());
	auto provider = std::make_unique<trace_sdk::TracerProvider>(
		trace_sdk::BatchSpanProcessorFactory::Create(std::move(exporter), {}));

	pipeline.start_writer();
	for (int i = 0; i < 100; i++)
		provider->GetTracer("batch")->StartSpan("batched")->End();
	CHECK(provider->ForceFlush());
	for (int i = 0; i < 100; i++)
		provider->GetTracer("batch")->StartSpan("batched")->End();
	provider.reset();
	EQUAL(span_names(pipeline.written("traces")).size(), 200u);
}

/* The host says how many it has ended and how many were accepted, until it is killed. */
static void killed_host(const char *processor)
{
	Pipeline pipeline;
	int out[2];
	unsigned long ended = 0, accepted = 0;

	pipeline.start_writer();
	CHECK(pipe(out) == 0);
	const pid_t pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		execl(host_program.c_str(), "cpp_host", processor, pipeline.directory().c_str(),
		      nullptr);
		_exit(127);
	}
	close(out[1]);
	FILE *said = fdopen(out[0], "r");
	char line[64];
	while (std::fgets(line, sizeof(line), said) != nullptr && accepted < 2000)
		CHECK(std::sscanf(line, "%lu %lu", &ended, &accepted) == 2);
	CHECK(kill(pid, SIGKILL) == 0);
	/* What it said before the kill counts too. */
	while (std::fgets(line, sizeof(line), said) != nullptr)
		if (std::strchr(line, '\n') != nullptr)
			std::sscanf(line, "%lu %lu", &ended, &accepted);
	std::fclose(said);
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	CHECK(accepted >= 2000);

	std::set<int64_t> numbers;
	const auto traces = traces_of(pipeline.written("traces"));
	for (const auto &found : traces.records)
		numbers.insert(found.record->attributes[0]->value->int_value);
	CHECK(numbers.size() >= accepted);
	EQUAL(numbers.size(), traces.records.size());
	/* None left out; a batch processor's queue drops what it has no room for. */
	if (std::strcmp(processor, "simple") == 0)
		EQUAL(*numbers.rbegin(), static_cast<int64_t>(numbers.size()) - 1);
	pipeline.verify();
}

TEST(a_kill_loses_nothing_that_a_simple_processor_exported)
{
	killed_host("simple");
}

TEST(a_kill_loses_nothing_that_a_batch_processor_exported)
{
	killed_host("batch");
}
