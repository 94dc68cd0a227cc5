/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, turn by turn: take answers, read and cut, remember, begin. What was acknowledged and
 * what is about to be begun goes into the cursor before a request is begun: so a kill at any moment
 * leaves a cursor that knows of each record whether it was acknowledged, may have been sent, or was
 * not sent.
 */
#include "cli/send/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/send/cursor_store.h"
#include "cli/send/flow.h"
#include "cli/send/report.h"
#include "cli/tool.h"
#include "writer/file/manifest_store.h"

#define SECOND_NS     INT64_C(1000000000)
#define LOOK_NS	      INT64_C(100000000) /* how often files are looked at that have no more */
#define IDLE_SAVE_NS  SECOND_NS		 /* where nothing was acknowledged, and yet it moved on */
#define SAVE_RETRY_NS SECOND_NS
#define SAY_AGAIN_NS  (60 * SECOND_NS)
/* So many refusals in a row, and nothing taken: it is not the records' fault. */
#define REFUSALS_MAX 100u
/* A limit that is learnt from the receiver does not go below. */
#define LEARNT_BYTES_MIN ((size_t)64 << 10)

struct sender {
	const struct send_options *options;
	struct send_destination *destination;
	struct cursor_store store;
	struct cursor resume; /* as it was when this run began */
	uint64_t directory_id;
	struct flow flows[SIGNAL_COUNT];
	bool is_used[SIGNAL_COUNT];
	struct report report;
	unsigned under_way;
	unsigned turn; /* the signal that is asked first */
	bool must_save;
	int save_error; /* of the last try; 0: all is well */
	int64_t next_save_ns;
	int64_t next_say_ns;
	int64_t stop_ns; /* when answers are waited for no longer; 0: it goes on */
	bool is_stopped; /* the receiver, or an error of ours, ends it */
	int status;
};

static void say_limited(struct sender *sender, int64_t now_ns, const char *what, const char *text)
{
	if (now_ns < sender->next_say_ns)
		return;
	sender->next_say_ns = now_ns + SAY_AGAIN_NS;
	report_clear_line(&sender->report);
	tool_error("%s: %s%s%s", sender->destination->shown, what, text[0] != '\0' ? ": " : "",
		   text);
}

static void fail(struct sender *sender)
{
	sender->status = TOOL_FAILED;
	sender->is_stopped = true;
}

static uint64_t random_number(void)
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = (uint64_t)clock_monotonic_ns();
	return number;
}

/* ---- the cursor ---- */

static void free_image(struct cursor *image)
{
	for (unsigned s = 0; s < SIGNAL_COUNT; s++)
		free(image->signals[s].done);
}

/* 0, or why it cannot be saved. */
static int save(struct sender *sender)
{
	struct cursor image = {.directory_id = sender->directory_id};
	int rc = 0;

	for (unsigned s = 0; rc == 0 && s < SIGNAL_COUNT; s++) {
		/* Those that this run does not send stay as they were. */
		if (sender->is_used[s])
			rc = flow_look(&sender->flows[s], &image.signals[s]);
		else
			image.signals[s] = sender->resume.signals[s];
	}
	if (rc == 0)
		rc = cursor_store_save(&sender->store, &image);
	for (unsigned s = 0; s < SIGNAL_COUNT; s++)
		if (!sender->is_used[s])
			image.signals[s].done = NULL;
	free_image(&image);
	return rc;
}

/* @return true: the cursor on the disk is what is true now */
static bool remember(struct sender *sender, int64_t now_ns)
{
	int rc;

	if (sender->save_error != 0 && now_ns < sender->next_save_ns)
		return false;
	rc = save(sender);
	if (rc < 0 && rc != sender->save_error) {
		report_clear_line(&sender->report);
		tool_error("%s: the cursor cannot be written: %s; no more is sent until it can",
			   sender->store.name, strerror(-rc));
	}
	if (rc == 0 && sender->save_error != 0)
		tool_error("%s: the cursor can be written again; sending goes on",
			   sender->store.name);
	sender->save_error = rc;
	sender->next_save_ns = now_ns + (rc < 0 ? SAVE_RETRY_NS : IDLE_SAVE_NS);
	if (rc == 0)
		sender->must_save = false;
	return rc == 0;
}

/* ---- answers ---- */

static struct parcel *sibling_of(const struct lane *lane, const struct parcel *parcel)
{
	for (struct parcel *p = lane->first; p != NULL; p = p->next)
		if (p != parcel && p->state != LANE_DONE && p->family == parcel->family)
			return p;
	return NULL;
}

/* Both halves were taken of what was refused as a whole: its size was the reason. */
static void learn_limit(struct sender *sender, struct flow *flow, const struct parcel *parcel)
{
	size_t limit = parcel->family_bytes / 2 + parcel->family_bytes / 16;

	if (limit < LEARNT_BYTES_MIN)
		limit = LEARNT_BYTES_MIN;
	if (limit >= flow->cutter.limit_bytes)
		return;
	flow->cutter.limit_bytes = limit;
	report_clear_line(&sender->report);
	tool_error("%s: it refuses %s requests of %zu bytes and takes their halves: from now on "
		   "they have at most %zu bytes (--request-bytes)",
		   sender->destination->shown, signal_name(flow->signal), parcel->family_bytes,
		   limit);
}

static void on_taken(struct sender *sender, struct flow *flow, struct parcel *parcel,
		     const struct send_answer *answer, int64_t now_ns)
{
	char text[UNITS_TEXT_BYTES];
	const int64_t failed_ns = backoff_succeed(&flow->backoff, now_ns);
	const uint64_t rejected = answer->rejected_items < parcel->request.items
					  ? answer->rejected_items
					  : parcel->request.items;

	if (failed_ns > 0) {
		report_clear_line(&sender->report);
		tool_error("%s: it takes %s again, after %s", sender->destination->shown,
			   signal_name(flow->signal), units_format_duration(failed_ns, text));
		sender->next_say_ns = 0;
	}
	flow->counts.taken_items += parcel->request.items;
	flow->counts.taken_requests++;
	flow->counts.taken_bytes += parcel->request.body_bytes;
	flow->counts.rejected_items += rejected;
	flow->refusals = 0;
	flow->last_taken_ns = now_ns;
	if (rejected > 0)
		sender->status = TOOL_FAILED;
	if (answer->text[0] != '\0')
		say_limited(sender, now_ns,
			    rejected > 0 ? "it took a request and threw records of it away"
					 : "it took a request, and warns",
			    answer->text);
	if (parcel->family != 0) {
		struct parcel *sibling = sibling_of(&flow->lane, parcel);

		if (sibling != NULL)
			sibling->is_sibling_taken = true;
		else if (parcel->is_sibling_taken)
			learn_limit(sender, flow, parcel);
	}
	lane_done(&flow->lane, parcel);
	sender->must_save = true;
}

static void on_again(struct sender *sender, struct flow *flow, struct parcel *parcel,
		     const struct send_answer *answer, int64_t now_ns)
{
	char text[UNITS_TEXT_BYTES], what[96];
	const int64_t wait_ns =
		backoff_fail(&flow->backoff, now_ns, answer->retry_after_ns, random_number());

	parcel->is_doubtful |= answer->is_doubtful;
	parcel->may_be_there |= answer->is_doubtful;
	lane_again(&flow->lane, parcel);
	flow->counts.retries++;
	snprintf(what, sizeof(what), "it does not take %s; the next try is in %s",
		 signal_name(flow->signal), units_format_duration(wait_ns, text));
	say_limited(sender, now_ns, what, answer->text);
}

/* One record, refused for good. */
static void set_aside(struct sender *sender, struct flow *flow, struct parcel *parcel,
		      const char *reason, int64_t now_ns)
{
	int rc = dead_letters_add(&flow->dead_letters, reason, parcel->body,
				  parcel->request.body_bytes);

	if (rc < 0) {
		say_limited(sender, now_ns, "a refused record cannot be set aside; it waits",
			    strerror(-rc));
		(void)backoff_fail(&flow->backoff, now_ns, -1, random_number());
		if (parcel->state == LANE_BEGUN)
			lane_again(&flow->lane, parcel);
		return;
	}
	report_clear_line(&sender->report);
	if (flow->counts.refused_items < 10 || flow->counts.refused_items % 1000 == 0)
		tool_error("%s: one of %s is refused and set aside in %s: %s",
			   sender->destination->shown, signal_name(flow->signal),
			   flow->dead_letters.path, reason);
	flow->counts.refused_items += parcel->request.items;
	flow->last_taken_ns = now_ns;
	sender->status = TOOL_FAILED;
	lane_done(&flow->lane, parcel);
	sender->must_save = true;
}

static void on_refused(struct sender *sender, struct flow *flow, struct parcel *parcel,
		       const struct send_answer *answer, int64_t now_ns)
{
	int rc;

	if (++flow->refusals > REFUSALS_MAX) {
		report_clear_line(&sender->report);
		tool_error("%s: it has refused %u requests in a row and taken none: it is not the "
			   "records' fault; nothing more is sent: %s",
			   sender->destination->shown, flow->refusals, answer->text);
		lane_again(&flow->lane, parcel);
		fail(sender);
		return;
	}
	if (parcel->request.items <= 1) {
		set_aside(sender, flow, parcel, answer->text, now_ns);
		return;
	}
	rc = flow_halve(flow, parcel);
	if (rc < 0) {
		(void)tool_path_error(sender->options->path, "a request cannot be halved", rc);
		lane_again(&flow->lane, parcel);
		fail(sender);
	}
}

static void on_answer(struct sender *sender, struct send_request *request,
		      const struct send_answer *answer, int64_t now_ns)
{
	struct parcel *parcel = (struct parcel *)request;
	struct flow *flow = &sender->flows[request->signal];

	sender->under_way--;
	switch (answer->verdict) {
	case SEND_TAKEN:
		on_taken(sender, flow, parcel, answer, now_ns);
		return;
	case SEND_AGAIN:
		on_again(sender, flow, parcel, answer, now_ns);
		return;
	case SEND_REFUSED:
	case SEND_TOO_LARGE:
		on_refused(sender, flow, parcel, answer, now_ns);
		return;
	case SEND_STOP:
		break;
	}
	report_clear_line(&sender->report);
	if (!sender->is_stopped)
		tool_error("%s: %s; nothing more is sent: see to its address, path and keys (--to, "
			   "--header, --ca, --kafka)",
			   sender->destination->shown, answer->text);
	parcel->is_doubtful |= answer->is_doubtful;
	parcel->may_be_there |= answer->is_doubtful;
	lane_again(&flow->lane, parcel);
	fail(sender);
}

/* Answers that are there, the first of them waited for. */
static void take_answers(struct sender *sender, int64_t wait_ns)
{
	struct send_request *request;
	struct send_answer answer;
	int rc;

	while ((rc = sender->destination->ops->wait(sender->destination, wait_ns, &request,
						    &answer)) == 1) {
		on_answer(sender, request, &answer, clock_monotonic_ns());
		wait_ns = 0;
	}
	if (sender->destination->trouble[0] != '\0')
		say_limited(sender, clock_monotonic_ns(), "nothing can be sent now, it waits",
			    sender->destination->trouble);
	if (rc < 0) {
		(void)tool_path_error(sender->destination->shown, "sending ends", rc);
		fail(sender);
		sender->stop_ns = clock_monotonic_ns();
	}
}

/* ---- requests ---- */

static size_t most_bytes(const struct sender *sender)
{
	const size_t limit = sender->destination->request_bytes;

	return limit > 0 && limit < SEND_REQUEST_BYTES_MAX ? limit : SEND_REQUEST_BYTES_MAX;
}

/* How many requests of a signal may be under way: one alone, as long as it is not taken. */
static size_t lane_limit(const struct sender *sender, const struct flow *flow)
{
	return flow->backoff.failures > 0 ? 1 : sender->options->concurrency;
}

/* The next of a signal that may be begun now; NULL: none. */
static struct parcel *choose(struct sender *sender, struct flow *flow, int64_t now_ns)
{
	struct parcel *parcel;

	while (backoff_is_over(&flow->backoff, now_ns) &&
	       flow->lane.begun_count < lane_limit(sender, flow)) {
		parcel = lane_ready(&flow->lane);
		if (parcel == NULL || parcel->request.items > 1 ||
		    parcel->request.body_bytes <= most_bytes(sender))
			return parcel;
		set_aside(sender, flow, parcel, "it is larger than any request may be", now_ns);
	}
	return NULL;
}

/* Choose for all signals in turn. Returns how many. */
static unsigned choose_all(struct sender *sender, struct parcel **ret, int64_t now_ns)
{
	const unsigned room = sender->options->concurrency - sender->under_way;
	unsigned count = 0, idle = 0;

	while (count < room && idle < SIGNAL_COUNT) {
		const unsigned s = sender->turn++ % SIGNAL_COUNT;
		struct flow *flow = &sender->flows[s];
		struct parcel *parcel = sender->is_used[s] ? choose(sender, flow, now_ns) : NULL;

		idle = parcel != NULL ? 0 : idle + 1;
		if (parcel == NULL)
			continue;
		lane_begin(&flow->lane, parcel);
		ret[count++] = parcel;
	}
	return count;
}

static void begin_one(struct sender *sender, struct parcel *parcel)
{
	struct flow *flow = &sender->flows[parcel->request.signal];
	int rc = sender->destination->ops->begin(sender->destination, &parcel->request);

	if (rc == 0) {
		flow->counts.twice_items +=
			parcel->is_doubtful ? parcel->request.items : parcel->repeated_items;
		parcel->is_doubtful = false;
		parcel->repeated_items = 0;
		sender->under_way++;
		return;
	}
	lane_again(&flow->lane, parcel);
	if (rc == -EAGAIN)
		return;
	(void)tool_path_error(sender->destination->shown, "a request cannot be sent", rc);
	fail(sender);
}

/* Remember what is about to be begun, and begin it. */
static void begin_requests(struct sender *sender, int64_t now_ns)
{
	struct parcel *chosen[SEND_CONCURRENCY_MAX];
	unsigned count = 0;
	bool is_saved;

	if (!sender->is_stopped && sender->stop_ns == 0 &&
	    (sender->save_error == 0 || now_ns >= sender->next_save_ns))
		count = choose_all(sender, chosen, now_ns);
	is_saved = count == 0 && !sender->must_save && now_ns < sender->next_save_ns
			   ? true
			   : remember(sender, now_ns);
	for (unsigned i = 0; i < count; i++) {
		if (is_saved && !sender->is_stopped)
			begin_one(sender, chosen[i]);
		else
			lane_again(&sender->flows[chosen[i]->request.signal].lane, chosen[i]);
	}
}

static void read_files(struct sender *sender, int64_t now_ns)
{
	for (unsigned s = 0; s < SIGNAL_COUNT && !sender->is_stopped; s++) {
		struct flow *flow = &sender->flows[s];

		if (!sender->is_used[s] || (flow->is_at_end && now_ns < flow->next_look_ns))
			continue;
		if (flow_is_empty(flow))
			flow->last_taken_ns = now_ns;
		if (flow_fill(flow, sender->options->concurrency + 1) < 0) {
			tool_error("no memory for the next request");
			fail(sender);
		}
		if (flow->is_at_end)
			flow->next_look_ns = now_ns + LOOK_NS;
		if (flow->source.status > sender->status)
			sender->status = flow->source.status;
	}
}

/* ---- the end ---- */

static bool has_rest(const struct sender *sender)
{
	for (unsigned s = 0; s < SIGNAL_COUNT; s++)
		if (sender->is_used[s] &&
		    (!flow_is_empty(&sender->flows[s]) || !sender->flows[s].is_at_end))
			return true;
	return false;
}

static bool can_come(const struct sender *sender)
{
	for (unsigned s = 0; s < SIGNAL_COUNT; s++)
		if (sender->is_used[s] && !source_has_ended(&sender->flows[s].source))
			return true;
	return false;
}

static void check_give_up(struct sender *sender, int64_t now_ns)
{
	const int64_t limit_ns = sender->options->give_up_after_ns;
	char text[UNITS_TEXT_BYTES];

	for (unsigned s = 0; limit_ns > 0 && s < SIGNAL_COUNT && !sender->is_stopped; s++) {
		const struct flow *flow = &sender->flows[s];

		if (!sender->is_used[s] || flow_is_empty(flow) ||
		    now_ns - flow->last_taken_ns < limit_ns)
			continue;
		report_clear_line(&sender->report);
		tool_error("%s: it has taken no %s for %s (--give-up-after)",
			   sender->destination->shown, signal_name(flow->signal),
			   units_format_duration(limit_ns, text));
		fail(sender);
	}
}

/* @return false: there is no more to do */
static bool goes_on(struct sender *sender, int64_t now_ns)
{
	check_give_up(sender, now_ns);
	if ((tool_interrupted() || sender->is_stopped) && sender->stop_ns == 0)
		sender->stop_ns = now_ns + sender->options->grace_ns;
	if (sender->stop_ns != 0)
		return sender->under_way > 0 && now_ns < sender->stop_ns;
	if (has_rest(sender))
		return true;
	return sender->options->follow && can_come(sender);
}

/* How long nothing has to be done but to wait for answers. */
static int64_t wait_time_ns(const struct sender *sender, int64_t now_ns)
{
	int64_t until_ns = now_ns + LOOK_NS;

	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		const struct flow *flow = &sender->flows[s];

		if (!sender->is_used[s] || sender->stop_ns != 0)
			continue;
		if (sender->save_error == 0 && sender->under_way < sender->options->concurrency &&
		    lane_ready(&flow->lane) != NULL &&
		    flow->lane.begun_count < lane_limit(sender, flow) &&
		    flow->backoff.until_ns < until_ns)
			until_ns = flow->backoff.until_ns;
	}
	return until_ns > now_ns ? until_ns - now_ns : 0;
}

static void run(struct sender *sender)
{
	int64_t now_ns = clock_monotonic_ns();

	while (goes_on(sender, now_ns)) {
		if (sender->stop_ns == 0)
			read_files(sender, now_ns);
		begin_requests(sender, now_ns);
		report_look(&sender->report);
		now_ns = clock_monotonic_ns();
		take_answers(sender, wait_time_ns(sender, now_ns));
		now_ns = clock_monotonic_ns();
	}
	sender->next_save_ns = 0;
	if (!remember(sender, now_ns))
		sender->status = TOOL_FAILED;
}

/* ---- open ---- */

static int say_cursor(const char *path, int rc)
{
	switch (rc) {
	case -EBUSY:
		tool_error("%s: another sender uses this cursor; each needs a --name of its own",
			   path);
		return TOOL_FAILED;
	case -EBADMSG:
		tool_error("%s: the cursor is damaged, or no cursor; move it away to begin with "
			   "the oldest file again, which sends twice what was sent",
			   path);
		return TOOL_FAILED;
	case -EPROTO:
		tool_error("%s: the cursor has another version than %d; finish with the otlpipe "
			   "that made it",
			   path, CURSOR_VERSION);
		return TOOL_FAILED;
	default:
		return tool_path_error(path, "the cursor cannot be opened", rc);
	}
}

/* The id of the directory, by its manifest; 0: it has none that can be read. */
static uint64_t directory_id_of(const char *path)
{
	struct manifest_image image = {0};
	int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t id = 0;
	int rc;

	if (dirfd < 0)
		return 0;
	rc = manifest_load(&image, dirfd);
	if (rc == 0 || rc == -EAGAIN)
		id = image.id;
	manifest_image_free(&image);
	close(dirfd);
	return id;
}

static int open_cursor(struct sender *sender)
{
	const struct send_options *options = sender->options;
	char file[CURSOR_FILE_BYTES], *path = NULL;
	int rc, status = TOOL_OK;

	cursor_file_name(options->name, file);
	if (asprintf(&path, "%s%s%s", options->cursor != NULL ? options->cursor : options->path,
		     options->cursor != NULL ? "" : "/", options->cursor != NULL ? "" : file) < 0)
		return tool_path_error(options->path, "no memory", -ENOMEM);
	rc = cursor_store_open(&sender->store, path, &sender->resume);
	sender->directory_id = directory_id_of(options->path);
	if (rc < 0)
		status = say_cursor(path, rc);
	else if (sender->resume.directory_id != 0 && sender->directory_id != 0 &&
		 sender->resume.directory_id != sender->directory_id) {
		tool_error("%s: the cursor is of another directory, or the manifest of this one "
			   "was made anew (id %016" PRIx64 ", not %016" PRIx64
			   "); take another --name or --cursor, which begins with the oldest file",
			   path, sender->directory_id, sender->resume.directory_id);
		status = TOOL_FAILED;
	} else if (sender->directory_id == 0) {
		sender->directory_id = sender->resume.directory_id;
	}
	free(path);
	return status;
}

static int open_flow(struct sender *sender, enum otlp_signal signal)
{
	const struct send_options *options = sender->options;
	const size_t most = most_bytes(sender);
	struct flow *flow = &sender->flows[signal];
	int rc = flow_open(flow, options->path, signal, &sender->resume.signals[signal],
			   (uint64_t)options->max_age_ns,
			   options->request_bytes < most ? options->request_bytes : most);

	if (rc == -EUCLEAN)
		return TOOL_FAILED;
	if (rc < 0)
		return tool_path_error(options->path, "it cannot be read", rc);
	sender->is_used[signal] = true;
	flow->backoff.max_ns = options->backoff_max_ns;
	flow->last_taken_ns = clock_monotonic_ns();
	rc = dead_letters_name(&flow->dead_letters,
			       options->refused != NULL ? options->refused : options->path,
			       options->name, signal_name(signal));
	return rc < 0 ? tool_path_error(options->path, "refused records", rc) : TOOL_OK;
}

/* With a directory for each signal that is asked for. */
static bool is_made(const struct send_options *options)
{
	int dirfd = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ret = dirfd >= 0;

	for (enum otlp_signal s = 0; ret && s < SIGNAL_COUNT; s++)
		if (options->signal == SIGNAL_NONE || options->signal == s)
			ret = faccessat(dirfd, signal_name(s), F_OK, 0) == 0;
	if (dirfd >= 0)
		close(dirfd);
	return ret;
}

/*
 * A sender that follows may be started before its writer has made the directory. Whatever else is
 * wrong with it, who opens it says. false: it was told to stop.
 */
static bool await_directory(const struct send_options *options)
{
	if (!options->follow || access(options->path, F_OK) == 0 || errno != ENOENT)
		return true;
	tool_error("%s: it is not there yet: waiting for it", options->path);
	while (!is_made(options))
		if (!tool_rest(LOOK_NS))
			return false;
	return true;
}

int sender_run(const struct send_options *options, struct send_destination *destination)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	int status;

	if (sender == NULL)
		return tool_path_error(options->path, "no memory", -ENOMEM);
	sender->options = options;
	sender->destination = destination;
	sender->store.dirfd = sender->store.lock_fd = -1;
	sender->report = (struct report){
		.destination = destination,
		.flows = sender->flows,
		.is_used = sender->is_used,
		.metrics = options->metrics,
	};
	tool_catch_signals();
	if (!await_directory(options)) {
		free(sender);
		return TOOL_OK;
	}
	status = open_cursor(sender);
	for (enum otlp_signal s = 0; status == TOOL_OK && s < SIGNAL_COUNT; s++)
		if (options->signal == SIGNAL_NONE || options->signal == s)
			status = open_flow(sender, s);
	if (status == TOOL_OK) {
		report_begin(&sender->report);
		run(sender);
		/* Told to stop while it follows, it is complete as far as it is told. */
		if (has_rest(sender) && !options->follow)
			sender->status = TOOL_FAILED;
		report_end(&sender->report, !has_rest(sender));
		status = sender->status;
	}
	for (unsigned s = 0; s < SIGNAL_COUNT; s++)
		if (sender->is_used[s])
			flow_close(&sender->flows[s]);
	cursor_store_close(&sender->store);
	cursor_free(&sender->resume);
	free(sender);
	return status;
}
