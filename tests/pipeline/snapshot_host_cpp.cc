// SPDX-License-Identifier: Apache-2.0
/*
 * A program in C++ that pushes some spans and asks for a snapshot, by the header that needs no
 * opentelemetry-cpp.
 *
 * usage: snapshot_host_cpp RUNTIME_DIR; prints how many spans were accepted, and the codes of the
 * asks of its library and of an empty handle
 */
#include <otlpipe/library.h>

#include <iostream>
#include <vector>

int main(int argc, char **argv)
{
	const unsigned count = 20;
	otlpipe::LibraryOptions options;
	std::vector<otlp_span> spans(count);

	if (argc != 2)
		return 2;
	options.runtime_dir = argv[1];
	const auto library = otlpipe::Library::open(options);
	for (unsigned i = 0; i < count; i++) {
		spans[i].name = OTLP_STR("asked for in C++");
		spans[i].kind = OTLP_SPAN_KIND_INTERNAL;
		spans[i].trace_id[0] = spans[i].span_id[0] = static_cast<uint8_t>(i + 1);
		spans[i].start_time_unix_ns = 1;
		spans[i].end_time_unix_ns = 2;
	}
	if (otlp_library_export_traces(library.get(), spans.data(), count) != OTLP_OK)
		return 3;
	const auto asked = library.snapshot();
	const auto none = otlpipe::Library().snapshot();
	std::cout << count << ' ' << asked.code() << ' ' << none.code() << '\n';
	return asked.ok() && !none.ok() ? 0 : 4;
}
