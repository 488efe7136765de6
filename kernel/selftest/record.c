// SPDX-License-Identifier: MIT
/*
 * Results of self tests: KTAP, one line a test, with a line that begins with # for whatever is not
 * as it should be; or JSON, and then with all that is needed to do by hand what a test did.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/record.h>
#include <pagoda/lib/format.h>
#include <pagoda/mm/pt/pagetable.h>
#include <pagoda/mm/pt/pool.h>
#include <pagoda/mm/pt/slot.h>

#define FAILURES_SHOWN 8
#define NOTE_MAX 160

/* The registers that a translation of stage 1 depends on, as they are now. */
static void show_registers(struct json *json)
{
	static const u8 shown[] = { SYSREG_SCTLR_EL1, SYSREG_TCR_EL1, SYSREG_MAIR_EL1,
				    SYSREG_TTBR0_EL1, SYSREG_TTBR1_EL1 };
	u64 registers[SYSREG_COUNT];

	control_read(registers);
	json_row(json, "registers");
	for (unsigned i = 0; i < ARRAY_SIZE(shown); i++)
		json_hex(json, sysreg_table[shown[i]].name, registers[shown[i]]);
	json_close(json);
}

/*
 * The table that @pte leads to. Tests write descriptors that lead nowhere: of those, only to one
 * that is in the space's own pool.
 */
static bool is_table(const struct space *space, pte_t pte, int level, paddr_t *table)
{
	const struct table_pool *pool = space->pool;

	if (pte_kind(&space->regime, pte, level) != PTE_TABLE)
		return false;
	*table = pte_next(&space->regime, pte);
	return regime_upper(&space->regime) ||
	       (table->value >= pool->start.value && table->value < pool->end.value);
}

static void show_walk(struct json *json, const struct space *space, vaddr_t va)
{
	const struct regime *regime = &space->regime;
	paddr_t table = space->root, at;
	int level = regime->root_level;
	pte_t pte;

	do {
		at = paddr_add(table, regime_index(regime, level, va) * sizeof(pte_t));
		pte = slot_read(slot_at(space, at));
		json_row(json, NULL);
		json_number(json, "level", level);
		json_hex(json, "at", at.value);
		json_hex(json, "value", pte.bits);
		json_close(json);
	} while (is_table(space, pte, level++, &table));
}

static void show_descriptors(struct json *json, const struct selftest *test)
{
	const struct space *space = &test->kernel->kernel_space;

	json_array(json, "descriptors");
	if (!pt_contains(space, test->about))
		space = test->space;
	if (space && pt_contains(space, test->about))
		show_walk(json, space, test->about);
	json_close(json);
}

static void show_failure(struct selftest *test, const char *what, const u64 *expected, u64 value)
{
	struct json *json = test->json;

	if (test->failures == 1)
		json_array(json, "failures");
	json_object(json, NULL);
	json_string(json, "what", what);
	if (expected)
		json_hex(json, "expected", *expected);
	json_hex(json, "observed", value);
	json_hex(json, "address", test->about.value);
	show_registers(json);
	show_descriptors(json, test);
	json_close(json);
}

static void fail(struct selftest *test, const char *what, const u64 *expected, u64 value)
{
	if (test->failures++ >= FAILURES_SHOWN)
		return;
	if (test->json)
		show_failure(test, what, expected, value);
	else if (expected)
		print("# %s: 0x%lx, not 0x%lx\n", what, value, *expected);
	else
		print("# %s: 0x%016lx\n", what, value);
}

void test_note(struct selftest *test, const char *text, ...)
{
	char note[NOTE_MAX];
	va_list arguments;

	va_start(arguments, text);
	format_list(note, sizeof(note), text, arguments);
	va_end(arguments);
	if (!test->json) {
		print("# %s\n", note);
	} else if (test->failures > 0) {
		json_object(test->json, NULL);
		json_string(test->json, "what", note);
		json_close(test->json);
	}
}

void test_about(struct selftest *test, vaddr_t va)
{
	test->about = va;
}

void test_check(struct selftest *test, bool holds, const char *what, u64 value)
{
	test->checks++;
	if (!holds)
		fail(test, what, NULL, value);
}

void test_equal(struct selftest *test, u64 value, u64 expected, const char *what)
{
	test->checks++;
	if (value != expected)
		fail(test, what, &expected, value);
}

void record_begin(struct record *record, struct selftest *test, unsigned planned)
{
	const struct selftest_request *request = test->request;
	struct json *json = &record->json;

	*record = (struct record){ .test = test };
	if (!request->json) {
		print("KTAP version 1\n1..%u\n# seed 0x%lx\n", planned, request->seed);
		return;
	}
	test->json = json;
	json_begin(json, console_write);
	json_string(json, "pagoda", PAGODA_VERSION);
	json_hex(json, "seed", request->seed);
	json_number(json, "planned", planned);
	json_number(json, "counter_frequency", (s64)counter_frequency());
	json_hex(json, "MIDR_EL1", test->kernel->handoff->facts.id[SYSREG_MIDR_EL1]);
	json_array(json, "checks");
}

void record_test(struct record *record, const struct selftest_row *row)
{
	struct json *json = record->test->json;

	record->number++;
	if (!json)
		return;
	json_object(json, NULL);
	json_string(json, "check", row_text(&row->name));
	json_string(json, "what", row_text(&row->what));
	if (row->rule != 0)
		json_string(json, "rule", row_text(&row->rule));
	record->begun = counter_read();
}

static struct source_text skip_reason(const struct selftest *test)
{
	return source_text(test->kernel->handoff->facts.efi.acpi, test->skipped);
}

static void result_json(struct record *record, const char *result)
{
	struct selftest *test = record->test;
	u64 ticks = counter_read() - record->begun;

	if (test->failures > 0)
		json_close(test->json);
	json_string(test->json, "result", result);
	json_number(test->json, "looked_at", test->checks);
	json_number(test->json, "failed", test->failures);
	if (test->skipped)
		json_string(test->json, "reason", skip_reason(test).text);
	json_number(test->json, "ticks", (s64)ticks);
	json_close(test->json);
}

static void result_ktap(struct record *record, const char *name, const char *result)
{
	struct selftest *test = record->test;

	if (test->failures > FAILURES_SHOWN)
		print("# and %u more\n", test->failures - FAILURES_SHOWN);
	print("%s %u %s", result, record->number, name);
	if (test->skipped && test->failures == 0)
		print(" # SKIP %s", skip_reason(test).text);
	print("\n");
}

void record_result(struct record *record, const struct selftest_row *row)
{
	struct selftest *test = record->test;
	bool failed = test->failures > 0 || (test->checks == 0 && !test->skipped);

	if (failed)
		record->fail++;
	else if (test->skipped)
		record->skip++;
	else
		record->pass++;
	if (test->json)
		result_json(record, failed ? "fail" : test->skipped ? "skip" : "pass");
	else
		result_ktap(record, row_text(&row->name), failed ? "not ok" : "ok");
}

static void totals_json(struct record *record)
{
	struct json *json = record->test->json;

	json_close(json);
	json_row(json, "totals");
	json_number(json, "pass", record->pass);
	json_number(json, "fail", record->fail);
	json_number(json, "skip", record->skip);
	json_close(json);
	json_end(json);
}

void record_end(struct record *record)
{
	if (record->test->json)
		totals_json(record);
	else
		print("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n", record->pass,
		      record->fail, record->skip);
}

/* A document that is complete, with fewer checks than planned. */
void record_interrupted(struct record *record)
{
	if (record->test->json)
		totals_json(record);
	else
		print("Bail out! interrupted\n");
}
