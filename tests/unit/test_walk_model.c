// SPDX-License-Identifier: MIT
/* The model of a walk that self tests compare a CPU with, over tables in an array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <pagoda/kernel/selftest/walk_model.h>

#define TABLES_PA 0x40000000ull
#define TABLE_MAX 65536
#define TABLES 6
#define AF (1ull << 10)
#define PAGE (AF | 3)
#define BLOCK (AF | 1)
#define TABLE 3ull

static u64 memory[TABLES][TABLE_MAX / 8] __attribute__((aligned(TABLE_MAX)));

static u64 table_pa(unsigned table)
{
	return TABLES_PA + table * (u64)TABLE_MAX;
}

/* All tables empty; the walk begins in table 0. */
static struct walk_model model_make(unsigned granule_shift, unsigned bits, unsigned output_bits)
{
	memset(memory, 0, sizeof(memory));
	return (struct walk_model){ .granule_shift = granule_shift,
				    .bits = bits,
				    .output_bits = output_bits,
				    .ds = output_bits == 52 && granule_shift != 16,
				    .large_blocks = output_bits == 52,
				    .root = TABLES_PA,
				    .memory = (u64)(uintptr_t)memory - TABLES_PA,
				    .tables = TABLES_PA,
				    .tables_end = TABLES_PA + sizeof(memory) };
}

static void assert_ends(const struct walk_model *model, u64 va, enum walk_kind kind, int level)
{
	struct walk_end end = walk_model(model, va);

	assert_int_equal(end.kind, kind);
	assert_int_equal(end.level, level);
}

/* DDI 0487 Tables D8-17 and on: the initial lookup level. */
static void the_start_level_follows_from_the_size(void **state)
{
	static const struct {
		unsigned granule_shift, bits;
		int level;
	} starts[] = { { 12, 52, -1 }, { 12, 49, -1 }, { 12, 48, 0 }, { 12, 40, 0 }, { 12, 39, 1 },
		       { 12, 31, 1 },  { 12, 30, 2 },  { 12, 22, 2 }, { 12, 21, 3 }, { 14, 52, 0 },
		       { 14, 48, 0 },  { 14, 47, 1 },  { 14, 37, 1 }, { 14, 36, 2 }, { 14, 25, 3 },
		       { 16, 52, 1 },  { 16, 48, 1 },  { 16, 43, 1 }, { 16, 42, 2 }, { 16, 30, 2 },
		       { 16, 29, 3 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct walk_model model = model_make(starts[i].granule_shift, starts[i].bits, 48);

		assert_ends(&model, 0, WALK_TRANSLATION, starts[i].level);
		assert_ends(&model, (u64)1 << starts[i].bits, WALK_TRANSLATION, 0);
	}
}

static void addresses_have_their_high_bits_where_the_format_has_them(void **state)
{
	struct walk_model model = model_make(12, 21, 52);

	(void)state;
	memory[0][5] = 0x000340000000a300 | PAGE;
	assert_int_equal(walk_model(&model, 0x5123).pa, 0xf40000000a123);
	model = model_make(14, 25, 52);
	memory[0][2] = 0x000240000000c100 | PAGE;
	assert_int_equal(walk_model(&model, 0x8123).pa, 0x640000000c123);
	model = model_make(16, 29, 52);
	memory[0][1] = 0x00004000000ba000 | PAGE;
	assert_int_equal(walk_model(&model, 0x10123).pa, 0xa4000000b0123);
	model = model_make(16, 29, 48);
	memory[0][1] = 0x00004000000ba000 | PAGE;
	assert_int_equal(walk_model(&model, 0x10123).pa, 0x4000000b0123);
	model = model_make(12, 21, 48);
	memory[0][5] = 0x000340000000a300 | PAGE;
	assert_int_equal(walk_model(&model, 0x5123).pa, 0x40000000a123);
}

static void a_block_is_one_only_where_the_manual_has_them(void **state)
{
	static const struct {
		unsigned granule_shift, output_bits;
		int first;
	} blocks[] = { { 12, 52, 0 }, { 12, 48, 1 }, { 14, 52, 1 },
		       { 14, 48, 2 }, { 16, 52, 1 }, { 16, 48, 2 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		unsigned shift = blocks[i].granule_shift;

		for (int level = shift == 16 ? 1 : 0; level < 3; level++) {
			unsigned bits = shift + (unsigned)(4 - level) * (shift - 3);
			struct walk_model model =
				model_make(shift, bits > 48 ? 48 : bits, blocks[i].output_bits);

			memory[0][0] = BLOCK;
			assert_ends(&model, 0,
				    level >= blocks[i].first ? WALK_FINE : WALK_TRANSLATION, level);
		}
	}
}

static void tables_lead_on_and_their_limits_add_up(void **state)
{
	struct walk_model model = model_make(12, 39, 48);
	struct walk_end end;

	(void)state;
	memory[0][1] = table_pa(1) | TABLE | 1ull << 62 | 1ull << 60;
	memory[1][2] = table_pa(2) | TABLE | 1ull << 61 | 1ull << 59;
	memory[2][3] = 0x12345000 | PAGE | 1 << 6 | 1ull << 53;
	end = walk_model(&model, 0x40403abc);
	assert_int_equal(end.kind, WALK_FINE);
	assert_int_equal(end.level, 3);
	assert_int_equal(end.pa, 0x12345abc);
	assert_int_equal(end.rights.ap, 1);
	assert_int_equal(end.rights.ap_table, 3);
	assert_true(end.rights.pxn && !end.rights.uxn);
	assert_true(end.rights.pxn_table && end.rights.uxn_table);
	assert_ends(&model, 0x40404abc, WALK_TRANSLATION, 3);
	assert_ends(&model, 0x40600000, WALK_TRANSLATION, 2);
	memory[1][3] = 0x80000000 | TABLE;
	assert_ends(&model, 0x40600000, WALK_LOST, 2);
}

static void each_limit_is_a_bit_of_its_own(void **state)
{
	struct walk_model model = model_make(12, 30, 48);
	struct rights rights;

	(void)state;
	for (unsigned bit = 59; bit <= 62; bit++) {
		memory[0][0] = table_pa(1) | TABLE | 1ull << bit;
		memory[1][0] = 0x12345000 | PAGE;
		rights = walk_model(&model, 0).rights;
		assert_int_equal(rights.pxn_table, bit == 59);
		assert_int_equal(rights.uxn_table, bit == 60);
		assert_int_equal(rights.ap_table, bit == 61 ? 1 : bit == 62 ? 2 : 0);
	}
	for (unsigned ap = 0; ap < 4; ap++) {
		memory[1][0] = 0x12345000 | PAGE | ap << 6;
		assert_int_equal(walk_model(&model, 0).rights.ap, ap);
	}
	memory[1][0] = 0x12345000 | PAGE | 1ull << 54;
	rights = walk_model(&model, 0).rights;
	assert_true(rights.uxn && !rights.pxn);
}

static void what_faults_faults_in_the_manuals_order(void **state)
{
	struct walk_model model = model_make(12, 21, 44);
	u64 *pte = &memory[0][0];

	(void)state;
	*pte = 1ull << 44 | 2;
	assert_ends(&model, 0, WALK_TRANSLATION, 3);
	*pte = 1ull << 44 | 1;
	assert_ends(&model, 0, WALK_TRANSLATION, 3);
	*pte = 1ull << 44 | 3;
	assert_ends(&model, 0, WALK_ADDRESS_SIZE, 3);
	*pte = 1ull << 43 | 3;
	assert_ends(&model, 0, WALK_ACCESS_FLAG, 3);
	model.sets_flag = true;
	assert_ends(&model, 0, WALK_FINE, 3);
	*pte |= AF;
	model.sets_flag = false;
	assert_ends(&model, 0, WALK_FINE, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_start_level_follows_from_the_size),
		cmocka_unit_test(addresses_have_their_high_bits_where_the_format_has_them),
		cmocka_unit_test(a_block_is_one_only_where_the_manual_has_them),
		cmocka_unit_test(tables_lead_on_and_their_limits_add_up),
		cmocka_unit_test(each_limit_is_a_bit_of_its_own),
		cmocka_unit_test(what_faults_faults_in_the_manuals_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
