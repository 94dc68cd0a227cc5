// SPDX-License-Identifier: Apache-2.0
/*
 * http-server-opentelemetry: the shop of server.c with opentelemetry-cpp, to compare what each
 * costs a request (measure.sh). The same routes, the same spans and log record with the same
 * attributes; in place of pushes by reference, the SDK's tracer and logger. No metrics: those of
 * server.c are exported once a second, and a request only counts.
 *
 *   http-server-opentelemetry --exporter WHICH [--port N] [--threads N] [--queue N]
 *
 *   otlp:PORT      the SDK's OTLP/HTTP exporters to a receiver at 127.0.0.1:PORT
 *   ostream:FILE   the SDK's ostream exporters, to FILE.spans and FILE.logs
 *   otlpipe        our exporters for the SDK, behind its simple processors: docs/sdks.md
 *
 * The SDK's own stand behind its batch processors; OTLP is binary protobuf.
 *
 * --queue is the batch processors' queue, 2048 by default as theirs; a batch is a quarter of it.
 * What does not fit into it is dropped there, with a warning each in the SDK's internal log, which
 * is off here as it would cost more than the span. So this program counts what its exporters were
 * given, and says it at its end.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include <signal.h>

#include <opentelemetry/exporters/ostream/log_record_exporter_factory.h>
#include <opentelemetry/exporters/ostream/span_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter_options.h>
#include <opentelemetry/exporters/otlp/otlp_http_log_record_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_log_record_exporter_options.h>
#include <opentelemetry/logs/logger.h>
#include <opentelemetry/sdk/common/global_log_handler.h>
#include <opentelemetry/sdk/logs/batch_log_record_processor_factory.h>
#include <opentelemetry/sdk/logs/batch_log_record_processor_options.h>
#include <opentelemetry/sdk/logs/logger_provider.h>
#include <opentelemetry/sdk/logs/recordable.h>
#include <opentelemetry/sdk/logs/simple_log_record_processor_factory.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/recordable.h>
#include <opentelemetry/sdk/trace/samplers/always_on_factory.h>
#include <opentelemetry/sdk/trace/samplers/parent_factory.h>
#include <opentelemetry/sdk/trace/simple_processor_factory.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/trace/context.h>
#include <opentelemetry/trace/propagation/http_trace_context.h>
#include <otlpipe/opentelemetry.h>

namespace common = opentelemetry::common;
namespace context_api = opentelemetry::context;
namespace exporters = opentelemetry::exporter;
namespace logs_api = opentelemetry::logs;
namespace logs_sdk = opentelemetry::sdk::logs;
namespace nostd = opentelemetry::nostd;
namespace sdk_common = opentelemetry::sdk::common;
namespace trace_api = opentelemetry::trace;
namespace trace_sdk = opentelemetry::sdk::trace;

namespace
{

/* ---- counting what an exporter is given ---- */

template <typename Exporter, typename Recordable> class Counted final : public Exporter
{
      public:
	Counted(std::unique_ptr<Exporter> inner, std::atomic<unsigned long> &count)
	    : inner_(std::move(inner)), count_(count)
	{
	}

	std::unique_ptr<Recordable> MakeRecordable() noexcept override
	{
		return inner_->MakeRecordable();
	}

	sdk_common::ExportResult
	Export(const nostd::span<std::unique_ptr<Recordable>> &batch) noexcept override
	{
		const auto result = inner_->Export(batch);

		if (result == sdk_common::ExportResult::kSuccess)
			count_ += batch.size();
		return result;
	}

	bool ForceFlush(std::chrono::microseconds limit) noexcept override
	{
		return inner_->ForceFlush(limit);
	}

	bool Shutdown(std::chrono::microseconds limit) noexcept override
	{
		return inner_->Shutdown(limit);
	}

      private:
	const std::unique_ptr<Exporter> inner_;
	std::atomic<unsigned long> &count_;
};

using CountedSpans = Counted<trace_sdk::SpanExporter, trace_sdk::Recordable>;
using CountedLogs = Counted<logs_sdk::LogRecordExporter, logs_sdk::Recordable>;

/* ---- the telemetry ---- */

struct Exporters {
	std::unique_ptr<trace_sdk::SpanExporter> spans;
	std::unique_ptr<logs_sdk::LogRecordExporter> logs;
	bool is_batched = true;
};

struct Telemetry {
	std::atomic<unsigned long> spans{0}, spans_exported{0}, logs{0}, logs_exported{0};
	std::ofstream span_file, log_file;
	std::unique_ptr<trace_sdk::TracerProvider> traces;
	std::unique_ptr<logs_sdk::LoggerProvider> logging;
	nostd::shared_ptr<trace_api::Tracer> tracer;
	nostd::shared_ptr<logs_api::Logger> logger;
};

/* @return without exporters: there are none of this name */
Exporters make_exporters(Telemetry &telemetry, const std::string &which)
{
	Exporters ret;

	if (which.rfind("otlp:", 0) == 0) {
		const std::string url = "http://127.0.0.1:" + which.substr(5);
		exporters::otlp::OtlpHttpExporterOptions spans;
		exporters::otlp::OtlpHttpLogRecordExporterOptions logs;

		spans.url = url + "/v1/traces";
		spans.content_type = exporters::otlp::HttpRequestContentType::kBinary;
		logs.url = url + "/v1/logs";
		logs.content_type = exporters::otlp::HttpRequestContentType::kBinary;
		ret.spans = exporters::otlp::OtlpHttpExporterFactory::Create(spans);
		ret.logs = exporters::otlp::OtlpHttpLogRecordExporterFactory::Create(logs);
	} else if (which.rfind("ostream:", 0) == 0) {
		telemetry.span_file.open(which.substr(8) + ".spans");
		telemetry.log_file.open(which.substr(8) + ".logs");
		if (!telemetry.span_file || !telemetry.log_file)
			return ret;
		ret.spans =
			exporters::trace::OStreamSpanExporterFactory::Create(telemetry.span_file);
		ret.logs = exporters::logs::OStreamLogRecordExporterFactory::Create(
			telemetry.log_file);
	} else if (which == "otlpipe") {
		const auto library = otlpipe::Library::open();

		ret.spans = otlpipe::OtlpSpanExporterFactory::Create(library);
		ret.logs = otlpipe::OtlpLogRecordExporterFactory::Create(library);
		ret.is_batched = false;
	}
	return ret;
}

void start(Telemetry &telemetry, Exporters made, std::size_t queue)
{
	const auto resource = opentelemetry::sdk::resource::Resource::Create({});
	std::unique_ptr<trace_sdk::SpanProcessor> spans;
	std::unique_ptr<logs_sdk::LogRecordProcessor> logs;

	made.spans =
		std::make_unique<CountedSpans>(std::move(made.spans), telemetry.spans_exported);
	made.logs = std::make_unique<CountedLogs>(std::move(made.logs), telemetry.logs_exported);
	if (made.is_batched) {
		trace_sdk::BatchSpanProcessorOptions of_spans;
		logs_sdk::BatchLogRecordProcessorOptions of_logs;

		of_spans.max_queue_size = of_logs.max_queue_size = queue;
		of_spans.max_export_batch_size = of_logs.max_export_batch_size = queue / 4;
		spans = trace_sdk::BatchSpanProcessorFactory::Create(std::move(made.spans),
								     of_spans);
		logs = logs_sdk::BatchLogRecordProcessorFactory::Create(std::move(made.logs),
									of_logs);
	} else {
		spans = trace_sdk::SimpleSpanProcessorFactory::Create(std::move(made.spans));
		logs = logs_sdk::SimpleLogRecordProcessorFactory::Create(std::move(made.logs));
	}
	telemetry.traces = std::make_unique<trace_sdk::TracerProvider>(
		std::move(spans), resource,
		trace_sdk::ParentBasedSamplerFactory::Create(std::shared_ptr<trace_sdk::Sampler>(
			trace_sdk::AlwaysOnSamplerFactory::Create())));
	telemetry.logging = std::make_unique<logs_sdk::LoggerProvider>(std::move(logs), resource);
	telemetry.tracer = telemetry.traces->GetTracer("otlpipe.examples.http-server", "1.0.0");
	telemetry.logger = telemetry.logging->GetLogger("http-server",
							"otlpipe.examples.http-server", "1.0.0");
}

/* @return was all of it given to the exporters, and taken? */
bool finish(Telemetry &telemetry)
{
	telemetry.traces->ForceFlush(std::chrono::seconds(20));
	telemetry.traces->Shutdown();
	telemetry.logging->ForceFlush(std::chrono::seconds(20));
	telemetry.logging->Shutdown();
	std::printf("spans: %lu ended, %lu exported; logs: %lu emitted, %lu exported\n",
		    telemetry.spans.load(), telemetry.spans_exported.load(), telemetry.logs.load(),
		    telemetry.logs_exported.load());
	return telemetry.span_file.good() && telemetry.log_file.good();
}

/* ---- a request ---- */

constexpr std::array<const char *, 10> methods = {"GET",     "HEAD",	"POST",	 "PUT",	  "DELETE",
						  "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"};

enum Outcome { FRONT_PAGE, PRODUCT, FAILURE, NOT_FOUND, NOT_ALLOWED };

constexpr struct {
	const char *route;
	unsigned status;
	const char *error_type;
} outcomes[] = {
	{"/", MHD_HTTP_OK, nullptr},
	{"/products/{id}", MHD_HTTP_OK, nullptr},
	{"/fail", MHD_HTTP_INTERNAL_SERVER_ERROR, "shop.database_unavailable"},
	{nullptr, MHD_HTTP_NOT_FOUND, nullptr},
	{nullptr, MHD_HTTP_METHOD_NOT_ALLOWED, nullptr},
};

struct Shop {
	Telemetry telemetry;
	unsigned port = 0;
};

struct Request {
	const char *method, *path, *version;
	unsigned method_number = 0;
	Outcome outcome = NOT_FOUND;
	unsigned long product = 0;
	char name[32] = "";
	char client[INET_ADDRSTRLEN] = "";
	const char *user_agent = nullptr;
	nostd::shared_ptr<trace_api::Span> span;
};

void route(Request &request)
{
	static constexpr char products[] = "/products/";
	const std::size_t prefix = sizeof(products) - 1, len = std::strlen(request.path);

	while (request.method_number < methods.size() - 1 &&
	       std::strcmp(methods[request.method_number], request.method) != 0)
		request.method_number++;
	if (std::strcmp(request.path, "/") == 0)
		request.outcome = FRONT_PAGE;
	else if (std::strcmp(request.path, "/fail") == 0)
		request.outcome = FAILURE;
	else if (std::strncmp(request.path, products, prefix) == 0 && len > prefix &&
		 len <= prefix + 9 &&
		 std::strspn(request.path + prefix, "0123456789") == len - prefix)
		request.outcome = PRODUCT;
	if (request.outcome == PRODUCT)
		request.product = std::strtoul(request.path + prefix, nullptr, 10);
	if (request.outcome != NOT_FOUND && request.method_number > 1)
		request.outcome = NOT_ALLOWED;
	const char *method = methods[request.method_number];
	const char *of = outcomes[request.outcome].route;
	std::snprintf(request.name, sizeof(request.name), "%s%s%s",
		      std::strcmp(method, "_OTHER") == 0 ? "HTTP" : method,
		      of != nullptr ? " " : "", of != nullptr ? of : "");
}

/* The headers of a request, for the SDK's reader of traceparent. */
class Carrier final : public context_api::propagation::TextMapCarrier
{
      public:
	explicit Carrier(MHD_Connection *connection) : connection_(connection)
	{
	}

	nostd::string_view Get(nostd::string_view key) const noexcept override
	{
		const char *value = MHD_lookup_connection_value(connection_, MHD_HEADER_KIND,
								std::string(key).c_str());
		return value != nullptr ? value : "";
	}

	void Set(nostd::string_view, nostd::string_view) noexcept override
	{
	}

      private:
	MHD_Connection *connection_;
};

void set(trace_api::Span &span, nostd::string_view key, const char *text)
{
	if (text != nullptr)
		span.SetAttribute(key, text);
}

void begin_span(const Shop &shop, Request &request, MHD_Connection *connection)
{
	const Carrier carrier(connection);
	trace_api::StartSpanOptions options;
	context_api::Context none;

	options.kind = trace_api::SpanKind::kServer;
	options.parent = trace_api::propagation::HttpTraceContext().Extract(carrier, none);
	request.span = shop.telemetry.tracer->StartSpan(request.name, options);
}

void end(Shop &shop, trace_api::Span &span)
{
	span.End();
	if (span.GetContext().IsSampled())
		shop.telemetry.spans++;
}

void end_server_span(Shop &shop, const Request &request)
{
	const auto &outcome = outcomes[request.outcome];
	const char *method = methods[request.method_number];
	trace_api::Span &span = *request.span;

	set(span, "http.request.method", method);
	if (std::strcmp(method, "_OTHER") == 0)
		set(span, "http.request.method_original", request.method);
	set(span, "url.path", request.path);
	set(span, "url.scheme", "http");
	set(span, "http.route", outcome.route);
	span.SetAttribute("http.response.status_code", outcome.status);
	set(span, "error.type", outcome.error_type);
	set(span, "server.address", "127.0.0.1");
	span.SetAttribute("server.port", shop.port);
	set(span, "client.address", request.client);
	set(span, "user_agent.original", request.user_agent);
	set(span, "network.protocol.name", "http");
	if (std::strncmp(request.version, "HTTP/", 5) == 0)
		set(span, "network.protocol.version", request.version + 5);
	if (outcome.error_type != nullptr) {
		span.SetStatus(trace_api::StatusCode::kError, "the database did not answer");
		span.AddEvent("exception", {{"exception.type", outcome.error_type},
					    {"exception.message", "the database did not answer"}});
	}
	end(shop, span);
}

void call_database(Shop &shop, const Request &request, const trace_api::StartSpanOptions &below)
{
	auto options = below;

	options.kind = trace_api::SpanKind::kClient;
	auto span = shop.telemetry.tracer->StartSpan("SELECT products", options);
	set(*span, "db.system.name", "postgresql");
	set(*span, "db.namespace", "shop");
	set(*span, "db.collection.name", "products");
	set(*span, "db.operation.name", "SELECT");
	set(*span, "db.query.text", "SELECT name, price FROM products WHERE id = $1");
	if (outcomes[request.outcome].error_type != nullptr) {
		set(*span, "error.type", outcomes[request.outcome].error_type);
		span->SetStatus(trace_api::StatusCode::kError, "");
	}
	end(shop, *span);
}

void emit_log(Shop &shop, const Request &request)
{
	const auto context = request.span->GetContext();
	const auto now = common::SystemTimestamp(std::chrono::system_clock::now());
	logs_api::Logger &logger = *shop.telemetry.logger;

	if (request.outcome == PRODUCT)
		logger.EmitLogRecord(
			logs_api::Severity::kInfo, nostd::string_view("a product was shown"),
			context.trace_id(), context.span_id(), context.trace_flags(), now,
			common::MakeAttributes(
				{{"shop.product.id", static_cast<int64_t>(request.product)}}));
	else
		logger.EmitLogRecord(
			logs_api::Severity::kError,
			nostd::string_view("the database did not answer"), context.trace_id(),
			context.span_id(), context.trace_flags(), now,
			common::MakeAttributes(
				{{"exception.type",
				  nostd::string_view(outcomes[request.outcome].error_type)}}));
	shop.telemetry.logs++;
}

void handle(Shop &shop, const Request &request)
{
	trace_api::StartSpanOptions below;

	below.parent = request.span->GetContext();
	if (request.outcome == PRODUCT || request.outcome == FAILURE) {
		call_database(shop, request, below);
		emit_log(shop, request);
	}
	if (request.outcome == PRODUCT) {
		auto span = shop.telemetry.tracer->StartSpan("render product.html", below);

		set(*span, "shop.template.name", "product.html");
		end(shop, *span);
	}
	end_server_span(shop, request);
}

/* ---- HTTP, as in server.c ---- */

MHD_Result answer(MHD_Connection *connection, const Request &request)
{
	const unsigned status = outcomes[request.outcome].status;
	char text[128];
	const int len = request.outcome == PRODUCT
				? std::snprintf(text, sizeof(text),
						"{\"id\":%lu,\"name\":\"product %lu\"}\n",
						request.product, request.product)
				: std::snprintf(text, sizeof(text), "{\"status\":%u}\n", status);
	MHD_Response *response = MHD_create_response_from_buffer(static_cast<std::size_t>(len),
								 text, MHD_RESPMEM_MUST_COPY);

	if (response == nullptr)
		return MHD_NO;
	auto rc = MHD_add_response_header(response, "Content-Type", "application/json");
	if (rc == MHD_YES)
		rc = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return rc;
}

Request *begin_request(const Shop &shop, MHD_Connection *connection, const char *path,
		       const char *method, const char *version)
{
	auto request = std::make_unique<Request>();
	const auto *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	request->method = method;
	request->path = path;
	request->version = version;
	route(*request);
	request->user_agent =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "User-Agent");
	if (info != nullptr && info->client_addr->sa_family == AF_INET) {
		sockaddr_in client;

		std::memcpy(&client, info->client_addr, sizeof(client));
		inet_ntop(AF_INET, &client.sin_addr, request->client, sizeof(request->client));
	}
	begin_span(shop, *request, connection);
	return request.release();
}

MHD_Result on_request(void *context, MHD_Connection *connection, const char *path,
		      const char *method, const char *version, const char *,
		      std::size_t *body_bytes, void **state)
try {
	auto *shop = static_cast<Shop *>(context);
	auto *request = static_cast<Request *>(*state);

	if (request == nullptr) {
		*state = begin_request(*shop, connection, path, method, version);
		return MHD_YES;
	}
	if (*body_bytes > 0) {
		*body_bytes = 0;
		return MHD_YES;
	}
	handle(*shop, *request);
	return answer(connection, *request);
} catch (const std::bad_alloc &) {
	return MHD_NO;
}

void on_completed(void *, MHD_Connection *, void **state, MHD_RequestTerminationCode)
{
	delete static_cast<Request *>(*state);
	*state = nullptr;
}

MHD_Daemon *listen_on(Shop &shop, unsigned port, unsigned threads)
{
	sockaddr_in address{};

	address.sin_family = AF_INET;
	address.sin_port = htons(static_cast<uint16_t>(port));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, nullptr, nullptr, on_request,
		&shop, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE, threads,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, nullptr, MHD_OPTION_END);
	if (daemon == nullptr)
		return nullptr;
	const auto *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	shop.port = info != nullptr ? info->port : port;
	return daemon;
}

/* ---- the program ---- */

struct Options {
	unsigned long port = 8080, threads = 2, queue = 2048;
	std::string exporter;
};

bool parse_number(const char *text, unsigned long min, unsigned long max, unsigned long &ret)
{
	char *end;

	ret = std::strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && ret >= min && ret <= max;
}

bool parse_options(int argc, char **argv, Options &ret)
{
	static const option known[] = {{"port", required_argument, nullptr, 'p'},
				       {"threads", required_argument, nullptr, 't'},
				       {"queue", required_argument, nullptr, 'q'},
				       {"exporter", required_argument, nullptr, 'e'},
				       {}};
	bool is_good = true;
	int key;

	while (is_good && (key = getopt_long(argc, argv, "", known, nullptr)) != -1) {
		if (key == 'p')
			is_good = parse_number(optarg, 0, 65535, ret.port);
		else if (key == 't')
			is_good = parse_number(optarg, 2, 64, ret.threads);
		else if (key == 'q')
			is_good = parse_number(optarg, 4, 1 << 24, ret.queue);
		else if (key == 'e')
			ret.exporter = optarg;
		else
			is_good = false;
	}
	return is_good && optind == argc && !ret.exporter.empty();
}

} // namespace

int main(int argc, char **argv)
try {
	Options options;
	sigset_t signals;
	Shop shop;
	int number;

	if (!parse_options(argc, argv, options)) {
		std::fprintf(stderr,
			     "usage: http-server-opentelemetry --exporter "
			     "otlp:PORT|ostream:FILE|otlpipe [--port 0..65535] [--threads 2..64] "
			     "[--queue 4..16777216]\n");
		return 2;
	}
	/* Before there are threads. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, nullptr);
	signal(SIGPIPE, SIG_IGN);
	Exporters made = make_exporters(shop.telemetry, options.exporter);
	if (made.spans == nullptr || made.logs == nullptr) {
		std::fprintf(stderr, "http-server-opentelemetry: no exporter can be made of '%s'\n",
			     options.exporter.c_str());
		return 1;
	}
	sdk_common::internal_log::GlobalLogHandler::SetLogLevel(
		sdk_common::internal_log::LogLevel::Error);
	start(shop.telemetry, std::move(made), options.queue);
	MHD_Daemon *daemon = listen_on(shop, static_cast<unsigned>(options.port),
				       static_cast<unsigned>(options.threads));
	if (daemon == nullptr) {
		std::fprintf(stderr, "http-server-opentelemetry: cannot listen on 127.0.0.1:%lu\n",
			     options.port);
		return 1;
	}
	std::printf("listening on http://127.0.0.1:%u\n", shop.port);
	std::fflush(stdout);
	sigwait(&signals, &number);
	MHD_stop_daemon(daemon);
	return finish(shop.telemetry) ? 0 : 1;
} catch (const std::exception &error) {
	std::fprintf(stderr, "http-server-opentelemetry: %s\n", error.what());
	return 1;
}
