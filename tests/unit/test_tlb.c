// SPDX-License-Identifier: MIT
/*
 * TLBI operands against a decoder written from the manual (DDI 0487 C5.5 and D8.14): the operations
 * for a range drop exactly that range, in every page size, with and without TCR.DS, FEAT_TLBIRANGE
 * and FEAT_TTL. Host only. The decoder writes field positions and rules down again; the constants
 * of sysreg.tbl are what is under test.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <pagoda/mm/pt/tlb.h>

#include "support/random.h"

#define RANDOM_CASES 200000

/* What the decoder knows of the machine. */
struct cpu {
	unsigned granule_bits; /* 12, 14 or 16 */
	bool ds, has_range, has_ttl;
};

/* A case: the bytes asked for, and the level of the leaves there; -100 where nobody knows. */
struct asked {
	uint64_t start, size;
	int level;
	bool tables;
};

#define NOBODY_KNOWS (-100)

static char why[256];

#define CHECK(condition, ...)                                    \
	do {                                                     \
		if (!(condition)) {                              \
			snprintf(why, sizeof(why), __VA_ARGS__); \
			return false;                            \
		}                                                \
	} while (0)

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return (value >> low) & (~(uint64_t)0 >> (63 - (high - low)));
}

static uint64_t level_span(const struct cpu *cpu, int level)
{
	return (uint64_t)1 << (cpu->granule_bits + (3 - level) * (cpu->granule_bits - 3));
}

/* "The level hint": which levels may be named, by page size and TCR.DS. */
static bool hint_is_reserved(const struct cpu *cpu, unsigned level)
{
	switch (cpu->granule_bits) {
	case 12:
		return level == 0 && !cpu->ds;
	case 14:
		return level == 0 || (level == 1 && !cpu->ds);
	}
	return level == 0;
}

static unsigned granule_field(const struct cpu *cpu)
{
	return cpu->granule_bits == 12 ? 1 : cpu->granule_bits == 14 ? 2 : 3;
}

/* TLBI VAAE1IS, VAALE1IS: the bytes that it drops from @at on, into @size. */
static bool decode_address(const struct cpu *cpu, const struct asked *asked, uint64_t operand,
			   uint64_t at, uint64_t *size)
{
	uint64_t page = bits(at, 55, 12);
	unsigned ttl = bits(operand, 47, 44);

	CHECK(bits(operand, 63, 48) == 0, "RES0 bits in %#lx", operand);
	CHECK(bits(operand, 43, 0) == page, "address %#lx in %#lx, not %#lx", bits(operand, 43, 0),
	      operand, page);
	*size = asked->level == NOBODY_KNOWS ? level_span(cpu, 3) : level_span(cpu, asked->level);
	if (ttl == 0)
		return true;
	CHECK(cpu->has_ttl, "TTL %u without FEAT_TTL", ttl);
	CHECK(ttl >> 2 == granule_field(cpu), "TTL %u is of another page size", ttl);
	CHECK(!hint_is_reserved(cpu, ttl & 3), "TTL %u is reserved", ttl);
	CHECK(asked->level == (int)(ttl & 3), "TTL %u, but leaves are at level %d", ttl,
	      asked->level);
	CHECK(!asked->tables, "a hint where tables at other levels went");
	return true;
}

/* TLBI RVAAE1IS, RVAALE1IS. */
static bool decode_range(const struct cpu *cpu, const struct asked *asked, uint64_t operand,
			 uint64_t at, uint64_t *size)
{
	unsigned scale = bits(operand, 45, 44), num = bits(operand, 43, 39);
	unsigned ttl = bits(operand, 38, 37);
	unsigned shift = cpu->ds ? 16 : cpu->granule_bits;
	/* BaseADDR is 37 bits, and the address sign-extended: all those here are the upper half. */
	uint64_t base = (bits(operand, 36, 0) | ~(uint64_t)0 << 37) << shift;

	CHECK(cpu->has_range, "a range without FEAT_TLBIRANGE");
	CHECK(bits(operand, 63, 48) == 0, "RES0 bits in %#lx", operand);
	CHECK(bits(operand, 47, 46) == granule_field(cpu), "TG of another page size: %#lx",
	      operand);
	CHECK(base == at, "base %#lx, not %#lx", base, at);
	*size = (uint64_t)(num + 1) << (5 * scale + 1) << cpu->granule_bits;
	if (ttl == 0)
		return true;
	CHECK(cpu->has_ttl && !asked->tables, "TTL %u not allowed", ttl);
	CHECK(!hint_is_reserved(cpu, ttl), "TTL %u is reserved", ttl);
	CHECK(asked->level == (int)ttl, "TTL %u, but leaves are at level %d", ttl, asked->level);
	return true;
}

static bool decode(const struct cpu *cpu, const struct asked *asked, const struct tlb_op *op,
		   uint64_t at, uint64_t *size)
{
	bool last = op->kind == TLB_VA_LAST || op->kind == TLB_RANGE_LAST;

	CHECK(last == !asked->tables, "of leaves only: %d, tables went: %d", last, asked->tables);
	if (op->kind == TLB_VA || op->kind == TLB_VA_LAST)
		return decode_address(cpu, asked, op->operand, at, size);
	CHECK(op->kind == TLB_RANGE || op->kind == TLB_RANGE_LAST, "kind %d", op->kind);
	CHECK(!cpu->ds || at % 65536 == 0, "base %#lx is not 64 KiB aligned", at);
	return decode_range(cpu, asked, op->operand, at, size);
}

static struct space make_space(const struct cpu *cpu)
{
	unsigned va_bits = cpu->ds ? 52 : cpu->granule_bits == 14 ? 47 : 48;
	uint64_t id[SYSREG_FACT_COUNT] = { 0 };
	struct regime regime = regime_make(cpu->granule_bits, va_bits, cpu->ds ? 52 : 48, cpu->ds);

	id[SYSREG_ID_AA64ISAR0_EL1] = (uint64_t)(cpu->has_range ? 2 : 1) << 56;
	id[SYSREG_ID_AA64MMFR2_EL1] = (uint64_t)cpu->has_ttl << 48;
	return (struct space){ .regime = regime, .tlb = tlb_make(id) };
}

/* The operations for @asked drop all of it, and no byte more than whole pages or leaves around it.
 */
static bool covers(const struct cpu *cpu, const struct asked *asked, unsigned *count)
{
	struct space space = make_space(cpu);
	uint64_t page = level_span(cpu, 3);
	uint64_t at = asked->start & -page, end = (asked->start + asked->size + page - 1) & -page;
	struct tlb_range range = { .start = vaddr(asked->start),
				   .end = vaddr(asked->start + asked->size),
				   .level = asked->level == NOBODY_KNOWS ? TLB_LEVEL_UNKNOWN :
									   asked->level,
				   .tables = asked->tables };
	struct tlb_ops ops = tlb_ops_begin(&space, &range);
	struct tlb_op op;
	uint64_t size = 0;

	for (*count = 0; tlb_ops_next(&ops, &op); ++*count, at += size) {
		CHECK(*count < TLB_OPS_MAX, "more than %d operations", TLB_OPS_MAX);
		if (op.kind == TLB_ALL) {
			CHECK(*count == 0 && !tlb_ops_next(&ops, &op), "all, and more");
			CHECK((end - at) / page > (cpu->has_range ? 32 << 16 : TLB_OPS_MAX),
			      "all, for few pages");
			*count = 1;
			return true;
		}
		CHECK(at != end, "an operation too many: %#lx", op.operand);
		if (!decode(cpu, asked, &op, at, &size))
			return false;
		/* Not a leaf's span where the range has only part of the leaf. */
		if (op.kind < TLB_RANGE && (asked->tables || at % size != 0 || end - at < size))
			size = page;
		CHECK(end - at >= size, "%#lx bytes from %#lx on, beyond %#lx", size, at, end);
	}
	CHECK(at == end, "ends at %#lx, not %#lx", at, end);
	return true;
}

static void check(const struct cpu *cpu, const struct asked *asked, unsigned *count)
{
	if (!covers(cpu, asked, count))
		fail_msg("%uK pages%s%s%s, %#lx bytes at %#lx, level %d%s: %s",
			 1u << (cpu->granule_bits - 10), cpu->ds ? ", DS" : "",
			 cpu->has_range ? ", range" : "", cpu->has_ttl ? ", TTL" : "", asked->size,
			 asked->start, asked->level, asked->tables ? ", tables" : "", why);
}

static struct cpu random_cpu(struct random *random)
{
	struct cpu cpu = { .granule_bits = 12 + 2 * random_below(random, 3),
			   .has_range = random_below(random, 2),
			   .has_ttl = random_below(random, 2) };

	cpu.ds = cpu.granule_bits != 16 && random_below(random, 2);
	return cpu;
}

/* In the upper 2^47 bytes: a random number of pages anywhere, or of whole leaves. */
static struct asked random_asked(struct random *random, const struct cpu *cpu)
{
	uint64_t page = level_span(cpu, 3);
	struct asked asked = { .level = NOBODY_KNOWS, .tables = random_below(random, 4) == 0 };
	uint64_t unit = page;

	if (random_below(random, 2)) {
		asked.level = 3 - (int)random_below(random, cpu->granule_bits == 12 ? 4 : 3);
		unit = level_span(cpu, asked.level);
	}
	if (asked.level == NOBODY_KNOWS || random_below(random, 8) == 0)
		unit = page;
	asked.size = unit * (1 + random_next(random) % ((uint64_t)1 << random_below(random, 24)));
	asked.size = asked.size > (uint64_t)1 << 45 ? unit : asked.size;
	asked.start = -((uint64_t)1 << 46) + (random_next(random) >> 18 & -unit);
	if (asked.start + asked.size < asked.start)
		asked.start = -asked.size & -unit;
	return asked;
}

static void every_range_is_covered_exactly_in_every_page_size_and_format(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned i = 0; i < RANDOM_CASES; i++) {
		struct cpu cpu = random_cpu(&random);
		struct asked asked = random_asked(&random, &cpu);
		unsigned count;

		check(&cpu, &asked, &count);
	}
}

static void a_short_range_takes_one_operation_a_page_without_feat_tlbirange(void **state)
{
	const struct cpu cpu = { 12, true, false, true };
	unsigned count;

	(void)state;
	for (uint64_t pages = 1; pages <= TLB_OPS_MAX; pages++) {
		struct asked asked = { -(uint64_t)0x40000000, pages << 12, 3, false };

		check(&cpu, &asked, &count);
		assert_int_equal(count, pages);
	}
	check(&cpu, &(struct asked){ -(uint64_t)0x40000000, (TLB_OPS_MAX + 1) << 12, 3, false },
	      &count);
	assert_int_equal(count, 1);
}

static void a_block_takes_one_operation_however_many_pages_it_has(void **state)
{
	static const struct cpu cpus[] = { { 12, true, false, true },
					   { 12, true, true, false },
					   { 14, false, true, true },
					   { 16, false, false, false } };
	unsigned count;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct asked asked = { -((uint64_t)1 << 42), level_span(&cpus[i], 2), 2, false };

		check(&cpus[i], &asked, &count);
		assert_int_equal(count, 1);
	}
}

/* One operation a scale, one odd page; with DS, up to 15 single pages to the next 64 KiB first. */
static void a_range_takes_at_most_five_operations_and_twenty_with_ds(void **state)
{
	struct random random = random_start();
	struct cpu cpu = { .granule_bits = 12, .ds = true, .has_range = true, .has_ttl = true };
	unsigned most = 0;

	(void)state;
	for (unsigned i = 0; i < RANDOM_CASES; i++) {
		struct asked asked = { .level = 3 };
		unsigned count;

		asked.start = -((uint64_t)1 << 40) + ((uint64_t)random_below(&random, 1024) << 12);
		asked.size = (uint64_t)(1 + random_below(&random, 1 << 21)) << 12;
		cpu.ds = i % 2;
		check(&cpu, &asked, &count);
		assert_true(count <= (cpu.ds ? 20 : 5));
		most = count > most ? count : most;
	}
	assert_true(most >= 18);
}

static void the_largest_range_is_one_operation_and_one_page_more_is_all(void **state)
{
	uint64_t start = -((uint64_t)1 << 46);
	struct tlb_op op;

	(void)state;
	for (unsigned granule_bits = 12; granule_bits <= 16; granule_bits += 2) {
		struct cpu cpu = { granule_bits, false, true, true };
		uint64_t size = (uint64_t)32 << 16 << granule_bits;
		struct space space = make_space(&cpu);
		struct tlb_ops ops = tlb_ops_begin(
			&space, &(struct tlb_range){ vaddr(start), vaddr(start + size), 3, false });
		unsigned count;

		assert_true(tlb_ops_next(&ops, &op));
		assert_int_equal(op.kind, TLB_RANGE_LAST);
		assert_int_equal(bits(op.operand, 45, 39), 3 << 5 | 31);
		assert_false(tlb_ops_next(&ops, &op));
		check(&cpu, &(struct asked){ start, size, 3, false }, &count);

		ops = tlb_ops_begin(
			&space,
			&(struct tlb_range){ vaddr(start), vaddr(start + size + 1), 3, false });
		assert_true(tlb_ops_next(&ops, &op));
		assert_int_equal(op.kind, TLB_ALL);
	}
}

static u64 first_operand(const struct cpu *cpu, int level, bool tables)
{
	struct space space = make_space(cpu);
	uint64_t start = -((uint64_t)1 << 46);
	uint64_t size = level_span(cpu, level >= 0 && level <= 3 ? level : 3);
	struct tlb_range range = { vaddr(start), vaddr(start + size), level, tables };
	struct tlb_ops ops = tlb_ops_begin(&space, &range);
	struct tlb_op op = { 0 };

	assert_true(tlb_ops_next(&ops, &op));
	if (op.kind == TLB_ALL) /* so many pages, since no leaf can stand there */
		return 0;
	assert_true(op.kind == TLB_VA || op.kind == TLB_VA_LAST);
	return bits(op.operand, 47, 44);
}

/* A level that does not fit the two bits of the field must not be taken for another one, either. */
static void an_unknown_level_is_no_hint_and_reserved_hints_are_not_given(void **state)
{
	static const struct {
		unsigned granule_bits;
		bool ds;
		int level;
		unsigned ttl;
	} cases[] = {
		{ 12, true, 0, 4 },   { 12, true, 1, 5 },  { 12, true, 2, 6 },
		{ 12, true, 3, 7 },   { 12, false, 0, 0 }, { 12, false, 1, 5 },
		{ 12, false, 3, 7 },  { 14, true, 1, 9 },  { 14, false, 1, 0 },
		{ 14, false, 2, 10 }, { 14, true, 3, 11 }, { 16, false, 2, 14 },
		{ 16, false, 3, 15 }, { 16, false, 0, 0 }, { 14, true, 0, 0 },
		{ 12, true, -1, 0 },  { 12, true, 4, 0 },  { 12, true, 8, 0 },
		{ 12, true, 127, 0 }, { 12, true, -4, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cpu cpu = { cases[i].granule_bits, cases[i].ds, false, true };

		if (cases[i].level == 0 && cases[i].granule_bits != 12)
			continue; /* spans no range that these address sizes have */
		assert_int_equal(first_operand(&cpu, cases[i].level, false), cases[i].ttl);
		assert_int_equal(first_operand(&cpu, cases[i].level, true), 0);
		cpu.has_ttl = false;
		assert_int_equal(first_operand(&cpu, cases[i].level, false), 0);
	}
}

static void nothing_is_dropped_for_an_empty_range_and_everything_for_the_whole_space(void **state)
{
	const struct cpu cpu = { 12, true, true, true };
	struct space space = make_space(&cpu);
	uint64_t start = -((uint64_t)1 << 52);
	struct tlb_op op;
	struct tlb_ops ops =
		tlb_ops_begin(&space, &(struct tlb_range){ vaddr(start), vaddr(start), 3, false });

	(void)state;
	assert_false(tlb_ops_next(&ops, &op));
	ops = tlb_ops_begin(&space,
			    &(struct tlb_range){ vaddr(start), vaddr(0), TLB_LEVEL_UNKNOWN, true });
	assert_true(tlb_ops_next(&ops, &op));
	assert_int_equal(op.kind, TLB_ALL);
	assert_false(tlb_ops_next(&ops, &op));
}

static void an_asid_stands_in_the_upper_sixteen_bits(void **state)
{
	struct tlb_op op = tlb_op_asid(0xabcd);

	(void)state;
	assert_int_equal(op.kind, TLB_ASID);
	assert_int_equal(op.operand, 0xabcd000000000000);
}

/* The kernel's translations may be there under any ASID, a user's under one. */
static void everything_of_a_user_is_everything_of_its_asid(void **state)
{
	const struct cpu cpu = { 12, false, false, true };
	struct space space = make_space(&cpu);
	struct tlb_range range = { vaddr(0), vaddr((uint64_t)1 << 40), 3, false };
	struct tlb_ops ops;
	struct tlb_op op;

	(void)state;
	space.regime.whose = WHOSE_USER;
	space.id = 0x1234;
	ops = tlb_ops_begin(&space, &range);
	assert_true(tlb_ops_next(&ops, &op));
	assert_int_equal(op.kind, TLB_ASID);
	assert_int_equal(op.operand, 0x1234000000000000);
	assert_false(tlb_ops_next(&ops, &op));
}

/* With KPTI it is there under that of the kernel's side, and under the next one. */
static void everything_of_a_user_with_two_asids_is_both(void **state)
{
	const struct cpu cpu = { 12, false, false, true };
	struct space space = make_space(&cpu);
	struct tlb_range range = { vaddr(0), vaddr((uint64_t)1 << 40), 3, false };
	struct tlb_ops ops;
	struct tlb_op op;

	(void)state;
	space.regime.whose = WHOSE_USER;
	space.id = 0x1234;
	space.tlb.asid_pairs = true;
	ops = tlb_ops_begin(&space, &range);
	for (uint64_t asid = 0x1234; asid <= 0x1235; asid++) {
		assert_true(tlb_ops_next(&ops, &op));
		assert_int_equal(op.kind, TLB_ASID);
		assert_int_equal(op.operand, asid << 48);
	}
	assert_false(tlb_ops_next(&ops, &op));
	/* By address all ASIDs are meant anyway. */
	range.end = vaddr(0x2000);
	ops = tlb_ops_begin(&space, &range);
	assert_true(tlb_ops_next(&ops, &op));
	assert_int_equal(op.kind, TLB_VA_LAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_range_is_covered_exactly_in_every_page_size_and_format),
		cmocka_unit_test(a_short_range_takes_one_operation_a_page_without_feat_tlbirange),
		cmocka_unit_test(a_block_takes_one_operation_however_many_pages_it_has),
		cmocka_unit_test(a_range_takes_at_most_five_operations_and_twenty_with_ds),
		cmocka_unit_test(the_largest_range_is_one_operation_and_one_page_more_is_all),
		cmocka_unit_test(an_unknown_level_is_no_hint_and_reserved_hints_are_not_given),
		cmocka_unit_test(
			nothing_is_dropped_for_an_empty_range_and_everything_for_the_whole_space),
		cmocka_unit_test(an_asid_stands_in_the_upper_sixteen_bits),
		cmocka_unit_test(everything_of_a_user_is_everything_of_its_asid),
		cmocka_unit_test(everything_of_a_user_with_two_asids_is_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
