// SPDX-License-Identifier: MIT
/*
 * The command selftest: which tests there are, running them, and their results as KTAP, one line a
 * test, with a line that begins with # for whatever is not as it should be. Knows no test: files
 * add theirs to a table that the linker makes.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/lib/string.h>

#define FAILURES_SHOWN 8

/* The linker: pagoda/row.h. */
extern const struct selftest_row __start_selftests[], __stop_selftests[];

void test_check(struct selftest *test, bool holds, const char *what, u64 value)
{
	test->checks++;
	if (holds)
		return;
	if (test->failures++ < FAILURES_SHOWN)
		print("# %s: 0x%016lx\n", what, value);
}

void test_equal(struct selftest *test, u64 value, u64 expected, const char *what)
{
	test->checks++;
	if (value == expected)
		return;
	if (test->failures++ < FAILURES_SHOWN)
		print("# %s: 0x%lx, not 0x%lx\n", what, value, expected);
}

bool test_needs(struct selftest *test, bool has, const char *reason)
{
	if (!has && !test->skipped)
		test->skipped = reason;
	return has;
}

struct alloc *test_alloc(struct selftest *test)
{
	if (!test->kernel->alloc)
		test_needs(test, false, "no RAM is left for an allocator");
	return test->kernel->alloc;
}

/* xorshift64*: its state is never 0. */
u64 test_random(struct selftest *test, u64 limit)
{
	u64 x = test->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	test->random = x;
	return (x * 0x2545f4914f6cdd1d >> 1) % limit;
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

/* @names has it, or its subject, or all. */
static bool is_asked_for(struct words names, const struct selftest_row *test)
{
	const char *name = row_text(&test->name);
	struct words word;

	while ((word = word_take(&names)).length > 0)
		if (words_equal(word, "all") || words_equal(word, name) ||
		    (word.length < strlen(name) && name[word.length] == '.' &&
		     memcmp(name, word.text, word.length) == 0))
			return true;
	return false;
}

static unsigned count_asked_for(struct words names)
{
	unsigned count = 0;

	for (const struct selftest_row *row = test_after(NULL); row; row = test_after(row))
		count += is_asked_for(names, row);
	return count;
}

struct totals {
	unsigned number, pass, fail, skip;
};

static void run_one(struct selftest *test, const struct selftest_row *row, struct totals *totals)
{
	selftest_function *run = (selftest_function *)row_target(&row->function);
	const char *name = row_text(&row->name);
	unsigned number = ++totals->number;

	test->skipped = NULL;
	test->checks = test->failures = 0;
	run(test);
	if (test->failures > FAILURES_SHOWN)
		print("# and %u more\n", test->failures - FAILURES_SHOWN);
	if (test->failures > 0 || (test->checks == 0 && !test->skipped)) {
		totals->fail++;
		print("not ok %u %s\n", number, name);
	} else if (test->skipped) {
		totals->skip++;
		print("ok %u %s # SKIP %s\n", number, name,
		      source_text(test->kernel->handoff->facts.efi.acpi, test->skipped).text);
	} else {
		totals->pass++;
		print("ok %u %s\n", number, name);
	}
}

void selftest_run(const struct kernel *kernel, const struct selftest_request *request)
{
	struct selftest test = { .kernel = kernel, .request = request, .random = request->seed };
	struct totals totals = { 0 };

	print("KTAP version 1\n1..%u\n# seed 0x%lx\n", count_asked_for(request->names),
	      request->seed);
	for (const struct selftest_row *row = test_after(NULL); row; row = test_after(row)) {
		if (!is_asked_for(request->names, row))
			continue;
		if (console_interrupted()) {
			print("Bail out! interrupted\n");
			return;
		}
		run_one(&test, row, &totals);
	}
	print("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n", totals.pass,
	      totals.fail, totals.skip);
}

static void list_all(void)
{
	for (const struct selftest_row *row = test_after(NULL); row; row = test_after(row))
		print("  %-30s %s\n", row_text(&row->name), row_text(&row->what));
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

COMMAND(190, selftest, "NAME|SUBJECT|all [SEED] | list",
	"check the map against the CPU, and report as KTAP", "selftest walk", "all list");

static void command_selftest(const struct kernel *kernel, const struct arguments *arguments)
{
	struct selftest_request request = { 0 };

	if (!argument_count(arguments, 1, 2))
		return;
	if (arguments->count == 1 && argument_is(arguments, 0, "list")) {
		list_all();
		return;
	}
	request.names = arguments->word[0];
	if (count_asked_for(request.names) == 0)
		argument_refuse(arguments, 0, "is no test; selftest list names them");
	else if (selftest_seed(arguments, 1, &request.seed))
		selftest_run(kernel, &request);
}
