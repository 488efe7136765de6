// SPDX-License-Identifier: MIT
/*
 * The command selftest: which tests there are, and running those that are asked for. Knows no test:
 * files add theirs to a table that the linker makes. What is said of results is in record.c.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/record.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>

/* The linker: pagoda/row.h. */
extern const struct selftest_row __start_selftests[], __stop_selftests[];
extern const struct selftest_cost __start_selftest_costs[], __stop_selftest_costs[];

bool test_needs(struct selftest *test, bool has, const char *reason)
{
	if (!has && !test->skipped)
		test->skipped = reason;
	return has;
}

bool test_needs_pan2(struct selftest *test)
{
	return test_needs(test,
			  test->kernel->handoff->plan.pan &&
				  test_feature(test, ID_AA64MMFR1_EL1, PAN) >=
					  ID_AA64MMFR1_EL1_PAN_PAN2,
			  "no FEAT_PAN2, or turned off");
}

struct alloc *test_alloc(struct selftest *test)
{
	if (!test->kernel->alloc)
		test_needs(test, false, "no RAM is left for an allocator");
	return test->kernel->alloc;
}

bool test_tables(struct selftest *test, u64 count)
{
	const struct space *space = &test->kernel->kernel_space;

	if (test->kernel->alloc)
		(void)buddy_fill_pool(&test->kernel->alloc->buddy, count);
	return test_needs(test, pool_room(space->pool, regime_granule(&space->regime)) >= count,
			  "no memory for page tables");
}

/* xorshift64*: its state is never 0. */
u64 random_step(u64 *state)
{
	u64 x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1d;
}

u64 test_random(struct selftest *test, u64 limit)
{
	return (random_step(&test->random) >> 1) % limit;
}

u64 test_count(const struct selftest *test, u64 otherwise)
{
	return test->request->has_count ? test->request->count : otherwise;
}

static bool is_test(const struct selftest_row *row)
{
	return row != __stop_selftests && row->place == 0;
}

/* @row's subject is behind @other's in the list: by its number, or else by where it stands. */
static bool is_behind(const struct selftest_row *row, const struct selftest_row *other)
{
	return !other || row->place > other->place || (row->place == other->place && row > other);
}

/* The subject that comes after @last, the first after null; or null. */
static const struct selftest_row *subject_after(const struct selftest_row *last)
{
	const struct selftest_row *next = NULL;

	for (const struct selftest_row *row = __start_selftests; row != __stop_selftests; row++)
		if (!is_test(row) && is_behind(row, last) && (!next || is_behind(next, row)))
			next = row;
	return next;
}

/* The test that comes after @test, the first after null; or null. */
static const struct selftest_row *test_after(const struct selftest_row *test)
{
	const struct selftest_row *subject = test;

	if (test && is_test(test + 1))
		return test + 1;
	while (subject && is_test(subject))
		subject--;
	do
		subject = subject_after(subject);
	while (subject && !is_test(subject + 1));
	return subject ? subject + 1 : NULL;
}

/* The next of @names, which stand between blanks or commas. */
static struct words name_take(struct words *names)
{
	struct words name = word_take(names);
	size_t length = 0;

	while (length < name.length && name.text[length] != ',')
		length++;
	if (length < name.length) {
		names->length += name.length - length - 1;
		names->text -= name.length - length - 1;
		name.length = length;
	}
	return name;
}

static bool is_meant(struct words word, const char *name)
{
	return words_equal(word, "all") || words_equal(word, name) ||
	       (word.length < strlen(name) && name[word.length] == '.' &&
		memcmp(name, word.text, word.length) == 0);
}

/* @names has it, or its subject, or all; and not, later on, with a minus sign before. */
static bool is_asked_for(struct words names, const struct selftest_row *test)
{
	const char *name = row_text(&test->name);
	bool asked_for = false;
	struct words word;

	while ((word = name_take(&names)).length > 0) {
		bool without = word.text[0] == '-';

		word.text += without;
		word.length -= without;
		if (is_meant(word, name))
			asked_for = !without;
	}
	return asked_for;
}

static unsigned count_asked_for(struct words names)
{
	unsigned count = 0;

	for (const struct selftest_row *row = test_after(NULL); row; row = test_after(row))
		count += is_asked_for(names, row);
	return count;
}

/* What @test costs, as costs.txt has it; 0 where that does not know. */
static u64 cost_of(const struct selftest_row *test)
{
	for (const struct selftest_cost *cost = __start_selftest_costs;
	     cost != __stop_selftest_costs; cost++)
		if (strcmp(row_text(&cost->name), row_text(&test->name)) == 0)
			return (u64)cost->instructions;
	return 0;
}

static const struct selftest_row *test_named(const char *name)
{
	for (const struct selftest_row *row = __start_selftests; row != __stop_selftests; row++)
		if (is_test(row) && strcmp(row_text(&row->name), name) == 0)
			return row;
	return NULL;
}

/*
 * The most that one test may cost for all up to that to fit into the budget: the cheap ones are
 * many. Costs are sorted; of those that cost the same all fit, or none.
 */
static u64 cost_limit(const struct selftest_request *request)
{
	u64 sum = 0;

	for (const struct selftest_cost *cost = __start_selftest_costs;
	     cost != __stop_selftest_costs; cost++) {
		const struct selftest_row *test = test_named(row_text(&cost->name));

		if (!test || !is_asked_for(request->names, test))
			continue;
		sum += (u64)cost->instructions;
		if (sum > request->budget)
			return (u64)cost->instructions - 1;
	}
	return ~(u64)0;
}

/* What a test costs that nobody has measured may be anything. */
static bool fits(const struct selftest_row *test, u64 limit)
{
	u64 cost = cost_of(test);

	return cost != 0 && cost <= limit;
}

static void run_one(struct selftest *test, const struct selftest_row *row, bool fitting)
{
	selftest_function *run = (selftest_function *)row_target(&row->function);

	test->skipped = NULL;
	test->checks = test->failures = 0;
	test->number = (u32)row->number;
	test->space = NULL;
	test_about(test, vaddr(0));
	if (test_needs(test, fitting, "costs more than the budget has"))
		test_guarded(test, run);
}

void selftest_run(const struct kernel *kernel, const struct selftest_request *request)
{
	struct selftest test = { .kernel = kernel, .request = request, .random = request->seed };
	u64 limit = request->has_budget ? cost_limit(request) : 0;
	struct record record;

	record_begin(&record, &test, count_asked_for(request->names));
	for (const struct selftest_row *row = test_after(NULL); row; row = test_after(row)) {
		if (!is_asked_for(request->names, row))
			continue;
		if (console_interrupted()) {
			record_interrupted(&record);
			return;
		}
		record_test(&record, row);
		run_one(&test, row, !request->has_budget || fits(row, limit));
		record_result(&record, row);
	}
	record_end(&record);
}

static void list_all(void)
{
	for (const struct selftest_row *row = test_after(NULL); row; row = test_after(row)) {
		u64 cost = cost_of(row);

		print("  %-30s ", row_text(&row->name));
		if (cost != 0)
			print("%11lu", cost);
		else
			print("%11s", "?");
		print("  %s\n", row_text(&row->what));
	}
}

bool selftest_seed(const struct arguments *arguments, unsigned index, u64 *seed)
{
	*seed = counter_read() | 1;
	if (index >= arguments->count)
		return true;
	if (!argument_number(arguments, index, seed))
		return false;
	return *seed != 0 || argument_refuse(arguments, index, "is no seed: any other number is");
}

COMMAND(190, selftest,
	"NAME|SUBJECT|all[,-NAME] [SEED] [json] [--budget N] | list | stress SECONDS [SEED]",
	"check the map against the CPU, and report as KTAP or JSON", "selftest walk",
	"all list json stress --budget");

/* `stress` takes a number of seconds first. */
static bool seconds_take(struct selftest_request *request, const struct arguments *arguments)
{
	request->has_count = argument_is(arguments, 0, "stress") && arguments->count > 1;
	return !request->has_count || argument_number(arguments, 1, &request->count);
}

/* What may follow the names, in any order: a seed, json, and a budget. */
static bool request_take(struct selftest_request *request, const struct arguments *arguments)
{
	unsigned seed = 0;

	if (!seconds_take(request, arguments))
		return false;
	for (unsigned i = request->has_count ? 2 : 1; i < arguments->count; i++) {
		if (argument_is(arguments, i, "json"))
			request->json = true;
		else if (!argument_is(arguments, i, "--budget")) {
			if (seed != 0)
				return argument_refuse(arguments, i, "is one argument too many");
			seed = i;
		} else if (i + 1 == arguments->count)
			return argument_refuse(arguments, i, "is for a number of instructions");
		else if (!argument_number(arguments, ++i, &request->budget))
			return false;
		else
			request->has_budget = true;
	}
	return selftest_seed(arguments, seed != 0 ? seed : arguments->count, &request->seed);
}

static void command_selftest(const struct kernel *kernel, const struct arguments *arguments)
{
	struct selftest_request request = { 0 };

	if (!argument_count(arguments, 1, ARGUMENTS_MAX))
		return;
	if (arguments->count == 1 && argument_is(arguments, 0, "list")) {
		list_all();
		return;
	}
	request.names = arguments->word[0];
	if (count_asked_for(request.names) == 0)
		argument_refuse(arguments, 0, "is no test; selftest list names them");
	else if (request_take(&request, arguments))
		selftest_run(kernel, &request);
}
