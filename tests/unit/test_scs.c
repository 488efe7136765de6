// SPDX-License-Identifier: MIT
/*
 * Which instructions become pushes and pops of the shadow call stack: those that unwind tables
 * prove to sign and to check return addresses; a function as a whole or not at all. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/pi/scs.h>

#include "support/fake_frames.h"

#define TEXT 0x100
#define TEXT_SIZE 0x600
#define FRAMES 0x800
#define SIZE 0xc00

/* Call-frame instructions. */
#define ADVANCE(instructions) (0x40 | (instructions))
#define NEGATE 0x2d
#define REMEMBER 0x0a
#define RESTORE_STATE 0x0b

static u8 bytes[SIZE] __attribute__((aligned(16)));
static u8 before[SIZE];
static u32 cie, end;

static int begin(void **state)
{
	(void)state;
	memset(bytes, 0, sizeof(bytes));
	cie = FRAMES;
	end = frames_add_cie(bytes, FRAMES);
	return 0;
}

static u32 code_at(u32 offset)
{
	u32 word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

static void put_code(u32 offset, const u32 *code, u32 count)
{
	memcpy(bytes + offset, code, count * sizeof(u32));
}

static void describe_at(u32 start, u32 size, const u8 *instructions, u32 count)
{
	struct fake_fde fde = { cie, start, size, instructions, count };

	end = frames_add_fde(bytes, end, &fde);
}

#define CODE(offset, ...)                                                  \
	do {                                                               \
		static const u32 code_[] = { __VA_ARGS__ };                \
		put_code(offset, code_, sizeof(code_) / sizeof(code_[0])); \
	} while (0)

/* Ten instructions of code, if no number is given: more than any function here has. */
#define DESCRIBE(start, ...)                                                  \
	do {                                                                  \
		static const u8 instructions_[] = { __VA_ARGS__ };            \
		describe_at(start, 40, instructions_, sizeof(instructions_)); \
	} while (0)

static void patch(u32 patched, u32 left)
{
	struct scs_image image = { .base = bytes,
				   .text = { TEXT, TEXT + TEXT_SIZE },
				   .frames = { FRAMES, end } };
	struct scs_counts counts;

	memcpy(before, bytes, sizeof(bytes));
	counts = scs_patch(&image);
	assert_int_equal(counts.patched, patched);
	assert_int_equal(counts.left, left);
	assert_memory_equal(bytes + FRAMES, before + FRAMES, SIZE - FRAMES);
}

static void patch_nothing(u32 left)
{
	patch(0, left);
	assert_memory_equal(bytes, before, sizeof(bytes));
}

static void assert_code(u32 offset, u32 word)
{
	assert_int_equal(code_at(offset), word);
}

/* ---- What is patched ---- */

static void a_prologue_and_an_epilogue_become_push_and_pop(void **state)
{
	(void)state;
	CODE(TEXT, FAKE_PACIASP, FAKE_NOP, FAKE_AUTIASP, FAKE_RET);
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, 0x0e, 0x20, 0x9e, 2, ADVANCE(1), 0xde, ADVANCE(1),
		 NEGATE);
	patch(1, 0);
	assert_code(TEXT, FAKE_PUSH);
	assert_code(TEXT + 4, FAKE_NOP);
	assert_code(TEXT + 8, FAKE_POP);
	assert_code(TEXT + 12, FAKE_RET);
}

static void the_words_are_those_that_an_assembler_makes(void **state)
{
	(void)state;
	assert_int_equal(SCS_PUSH, 0xf8000400 | 8 << 12 | 18 << 5 | 30);
	assert_int_equal(SCS_POP, 0xf8400c00 | (-8 & 0x1ff) << 12 | 18 << 5 | 30);
	assert_int_equal(SCS_PACIASP, 0xd503201f | 25 << 5);
	assert_int_equal(SCS_AUTIASP, 0xd503201f | 29 << 5);
}

static void a_function_with_two_ways_out_pops_on_both(void **state)
{
	(void)state;
	CODE(TEXT, FAKE_PACIASP, FAKE_AUTIASP, FAKE_RET, FAKE_AUTIASP, FAKE_RET);
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, REMEMBER, ADVANCE(1), NEGATE, ADVANCE(1), RESTORE_STATE,
		 ADVANCE(1), NEGATE);
	patch(1, 0);
	assert_code(TEXT, FAKE_PUSH);
	assert_code(TEXT + 4, FAKE_POP);
	assert_code(TEXT + 12, FAKE_POP);
}

/* After a return GCC may say what is so where others come from, instead of remembering it. */
static void behind_a_return_or_a_branch_a_change_of_state_is_no_instruction(void **state)
{
	static const u32 away[] = { FAKE_RET, 0x14000001, 0x17ffffff };

	for (size_t i = 0; i < ARRAY_SIZE(away); i++) {
		begin(state);
		CODE(TEXT, FAKE_PACIASP, FAKE_AUTIASP, 0, FAKE_AUTIASP, FAKE_RET);
		put_code(TEXT + 8, &away[i], 1);
		DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE,
			 ADVANCE(1), NEGATE);
		patch(1, 0);
		assert_code(TEXT + 8, away[i]);
		assert_code(TEXT + 12, FAKE_POP);
	}
}

static void a_function_that_never_returns_only_pushes(void **state)
{
	(void)state;
	CODE(TEXT, FAKE_NOP, FAKE_PACIASP, FAKE_NOP);
	DESCRIBE(TEXT, ADVANCE(2), NEGATE);
	patch(1, 0);
	assert_code(TEXT + 4, FAKE_PUSH);
}

static void a_function_without_signatures_is_neither_patched_nor_left(void **state)
{
	(void)state;
	CODE(TEXT, FAKE_NOP, FAKE_RET);
	DESCRIBE(TEXT, ADVANCE(1), 0x0e, 0x10);
	patch_nothing(0);
}

static void what_only_looks_like_a_signature_is_not_touched(void **state)
{
	(void)state;
	CODE(TEXT, FAKE_PACIASP, FAKE_PACIASP, FAKE_AUTIASP, FAKE_RET);
	DESCRIBE(TEXT, ADVANCE(1), 0x0e, 0x10);
	CODE(TEXT + 0x40, FAKE_PACIASP, FAKE_PACIASP, FAKE_AUTIASP, FAKE_AUTIASP, FAKE_RET);
	DESCRIBE(TEXT + 0x40, ADVANCE(1), NEGATE, ADVANCE(3), NEGATE);
	CODE(TEXT + 0x80, FAKE_PACIASP, FAKE_AUTIASP); /* no table tells of it */
	patch(1, 0);
	assert_memory_equal(bytes + TEXT, before + TEXT, 0x40);
	assert_code(TEXT + 0x40, FAKE_PUSH);
	assert_code(TEXT + 0x44, FAKE_PACIASP);
	assert_code(TEXT + 0x48, FAKE_AUTIASP);
	assert_code(TEXT + 0x4c, FAKE_POP);
	assert_code(TEXT + 0x80, FAKE_PACIASP);
}

/* Operands of all lengths, so that the bytes of one are not taken for instructions. */
static void every_known_instruction_is_skipped_as_long_as_it_is(void **state)
{
	(void)state;
	CODE(TEXT, FAKE_NOP, FAKE_NOP, FAKE_NOP, FAKE_NOP, FAKE_PACIASP, FAKE_AUTIASP, FAKE_RET);
	DESCRIBE(TEXT, 0x00, 0x0c, 0xad, NEGATE, 0xff, 0xff, NEGATE, 0x0d, NEGATE, 0x0e, 0xad, 0x80,
		 0x01, 0x93, NEGATE, 0x9e, 0x80, NEGATE, 0xd3, 0x02, 1, 0x03, 2, 0, 0x04, 1, 0, 0,
		 0, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	patch(1, 0);
	assert_code(TEXT + 16, FAKE_PUSH);
	assert_code(TEXT + 20, FAKE_POP);
}

static void a_long_way_is_counted_in_all_its_bytes(void **state)
{
	static const u8 ways[][5] = { { 0x03, 0x01, 0x01 }, { 0x04, 0x01, 0x01, 0, 0 } };
	static const u8 lengths[] = { 3, 5 };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		u8 instructions[6];

		begin(state);
		CODE(TEXT + 256 * 4, FAKE_PACIASP);
		memcpy(instructions, ways[i], lengths[i]);
		instructions[lengths[i]] = NEGATE;
		describe_at(TEXT, 300 * 4, instructions, lengths[i] + 1u);
		patch(1, 0);
		assert_code(TEXT + 256 * 4, FAKE_PUSH);
	}
}

static void functions_are_patched_independently_of_each_other(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++) {
		CODE(TEXT + i * 0x40, FAKE_PACIASP, FAKE_AUTIASP, FAKE_RET);
		if (i == 2)
			DESCRIBE(TEXT + 0x80, ADVANCE(1), NEGATE, 0x16, ADVANCE(1), NEGATE);
		else
			describe_at(TEXT + i * 0x40, 12,
				    (const u8[]){ ADVANCE(1), NEGATE, ADVANCE(1), NEGATE }, 4);
	}
	patch(3, 1);
	for (u32 i = 0; i < 4; i++) {
		assert_code(TEXT + i * 0x40, i == 2 ? FAKE_PACIASP : FAKE_PUSH);
		assert_code(TEXT + i * 0x40 + 4, i == 2 ? FAKE_AUTIASP : FAKE_POP);
	}
}

/* ---- What is left ---- */

static void put_function(void)
{
	CODE(TEXT, FAKE_PACIASP, FAKE_AUTIASP, FAKE_NOP, FAKE_AUTIASP, FAKE_RET);
}

static void what_was_exchanged_before_something_unknown_is_put_back(void **state)
{
	/* DW_CFA_undefined, a user's own, DW_CFA_GNU_args_size, the reserved. */
	static const u8 unknown[] = { 0x01, 0x05, 0x07, 0x08, 0x0f, 0x10, 0x16, 0x1c, 0x2e, 0x3f };

	for (size_t i = 0; i < sizeof(unknown); i++) {
		u8 instructions[] = { ADVANCE(1),    NEGATE,	 REMEMBER, ADVANCE(1), NEGATE,
				      RESTORE_STATE, unknown[i], 0,	   ADVANCE(1), NEGATE };

		begin(state);
		put_function();
		describe_at(TEXT, 20, instructions, sizeof(instructions));
		patch_nothing(1);
	}
}

static void a_change_of_state_that_no_instruction_makes_is_refused(void **state)
{
	(void)state;
	put_function();
	DESCRIBE(TEXT, NEGATE); /* signed from the start: part of another function */
	DESCRIBE(TEXT, ADVANCE(2), NEGATE); /* AUTIASP, but nothing is signed */
	DESCRIBE(TEXT, ADVANCE(3), NEGATE); /* NOP */
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, NEGATE); /* PACIASP, twice */
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	CODE(TEXT + 0x40, FAKE_PACIASP, 0x94000001, FAKE_AUTIASP); /* BL comes back */
	DESCRIBE(TEXT + 0x40, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	patch_nothing(6);
}

static void a_second_description_of_a_function_is_refused_and_harms_nothing(void **state)
{
	(void)state;
	put_function();
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	patch(1, 1);
	assert_code(TEXT, FAKE_PUSH);
	assert_code(TEXT + 4, FAKE_POP);
}

static void states_remembered_too_often_or_not_at_all_are_refused(void **state)
{
	u8 many[64];

	(void)state;
	put_function();
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, RESTORE_STATE);
	memset(many, REMEMBER, sizeof(many));
	describe_at(TEXT, 20, many, 32);
	patch_nothing(2);
	begin(state);
	describe_at(TEXT, 20, many, 31);
	patch_nothing(0);
}

static void no_function_reaches_beyond_the_text(void **state)
{
	static const u8 instructions[] = { ADVANCE(1), NEGATE };

	(void)state;
	CODE(TEXT - 4, FAKE_PACIASP, FAKE_PACIASP);
	CODE(TEXT + TEXT_SIZE - 4, FAKE_PACIASP, FAKE_PACIASP);
	describe_at(TEXT - 4, 8, instructions, 2);
	describe_at(TEXT + TEXT_SIZE, 4, instructions, 2);
	describe_at(TEXT + TEXT_SIZE - 4, 8, instructions, 2);
	describe_at(TEXT + TEXT_SIZE + 4, 0, instructions, 2);
	describe_at(TEXT + 4, 0xfffffffc, instructions, 2);
	describe_at(TEXT + 2, 8, instructions, 2);
	describe_at(TEXT, 6, instructions, 2);
	patch_nothing(7);
	begin(state);
	CODE(TEXT + TEXT_SIZE - 4, FAKE_PACIASP, FAKE_PACIASP);
	describe_at(TEXT + TEXT_SIZE - 4, 4, instructions, 2);
	patch(1, 0);
	assert_code(TEXT + TEXT_SIZE - 4, FAKE_PUSH);
	assert_code(TEXT + TEXT_SIZE, FAKE_PACIASP);
}

static void no_instruction_is_looked_at_beyond_its_function(void **state)
{
	(void)state;
	CODE(TEXT, FAKE_NOP, FAKE_NOP, FAKE_PACIASP);
	describe_at(TEXT, 8, (const u8[]){ ADVANCE(3), NEGATE }, 2);
	describe_at(TEXT, 8, (const u8[]){ ADVANCE(1), 0x04, 0xff, 0xff, 0xff, 0xff, NEGATE }, 7);
	describe_at(TEXT, 8, (const u8[]){ ADVANCE(1), 0x04, 0x02, 0, 0, 0x40, NEGATE }, 7);
	patch_nothing(3);
}

/* An entry's last byte may be the first of a longer instruction. */
static void instructions_that_end_in_the_middle_of_one_are_refused(void **state)
{
	static const u8 cut[][3] = { { 0x04, 0, 0 }, { 0x0e, 0x80, 0x80 }, { 0, 0x93, 0x80 },
				     { 0, 0, 0x0d }, { 0, 0, 0x02 },	   { 0x0c, 0, 0x80 } };

	for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
		begin(state);
		put_function();
		describe_at(TEXT, 20, cut[i], 3); /* 17 bytes before them: no padding */
		/* What follows would make a number of it. */
		DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
		patch(1, 1);
	}
}

static void augmentation_data_nobody_knows_of_is_refused(void **state)
{
	(void)state;
	put_function();
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	bytes[cie + 20 + 16] = 1;
	patch_nothing(1);
}

/* ---- CIEs and damage ---- */

static void a_cie_that_differs_in_any_byte_makes_its_functions_left(void **state)
{
	for (u32 i = 8; i < 20; i++) {
		begin(state);
		put_function();
		DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
		bytes[cie + i] ^= 0x40;
		patch_nothing(1);
	}
}

static void a_longer_cie_is_another(void **state)
{
	(void)state;
	put_function();
	memset(bytes + end, 0, 4);
	end += 4;
	bytes[cie] += 4;
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	patch_nothing(1);
}

static void an_fde_finds_the_cie_that_is_its_own(void **state)
{
	u32 first = cie;

	(void)state;
	put_function();
	cie = end;
	end = frames_add_cie(bytes, end);
	bytes[cie + 9] = 'x';
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE); /* of the unknown */
	cie = first;
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE); /* not of the last */
	cie = end;
	end = frames_add_cie(bytes, end);
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	cie = first; /* as good, but not the last */
	CODE(TEXT + 0x40, FAKE_PACIASP, FAKE_AUTIASP);
	DESCRIBE(TEXT + 0x40, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	patch(1, 3);
}

static void tables_end_at_a_length_of_zero(void **state)
{
	(void)state;
	put_function();
	memset(bytes + end, 0, 4);
	end += 4;
	DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
	patch_nothing(0);
}

static void tables_whose_lengths_are_damaged_end_there_and_count_as_one(void **state)
{
	static const u32 lengths[] = { 0xffffffff, 0xfffffffc, 0x400, 0x15, 0x3fd };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		u32 at;

		begin(state);
		put_function();
		CODE(TEXT + 0x40, FAKE_PACIASP, FAKE_AUTIASP);
		DESCRIBE(TEXT + 0x40, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
		at = end;
		DESCRIBE(TEXT, ADVANCE(1), NEGATE, ADVANCE(1), NEGATE);
		memcpy(bytes + at, &lengths[i], sizeof(u32));
		patch(1, 1);
		assert_code(TEXT, FAKE_PACIASP);
	}
}

static void an_entry_too_short_for_what_it_must_have_is_left(void **state)
{
	(void)state;
	put_function();
	for (u32 length = 4; length <= 12; length += 4) {
		u32 at = end, word = length;

		DESCRIBE(TEXT, ADVANCE(1), NEGATE);
		memcpy(bytes + at, &word, sizeof(word));
		end = at + 4 + length;
	}
	patch_nothing(3);
}

static void there_may_be_no_tables(void **state)
{
	(void)state;
	end = FRAMES;
	patch_nothing(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_prologue_and_an_epilogue_become_push_and_pop, begin),
		cmocka_unit_test(the_words_are_those_that_an_assembler_makes),
		cmocka_unit_test_setup(a_function_with_two_ways_out_pops_on_both, begin),
		cmocka_unit_test_setup(
			behind_a_return_or_a_branch_a_change_of_state_is_no_instruction, begin),
		cmocka_unit_test_setup(a_function_that_never_returns_only_pushes, begin),
		cmocka_unit_test_setup(a_function_without_signatures_is_neither_patched_nor_left,
				       begin),
		cmocka_unit_test_setup(what_only_looks_like_a_signature_is_not_touched, begin),
		cmocka_unit_test_setup(every_known_instruction_is_skipped_as_long_as_it_is, begin),
		cmocka_unit_test_setup(a_long_way_is_counted_in_all_its_bytes, begin),
		cmocka_unit_test_setup(functions_are_patched_independently_of_each_other, begin),
		cmocka_unit_test_setup(what_was_exchanged_before_something_unknown_is_put_back,
				       begin),
		cmocka_unit_test_setup(a_change_of_state_that_no_instruction_makes_is_refused,
				       begin),
		cmocka_unit_test_setup(
			a_second_description_of_a_function_is_refused_and_harms_nothing, begin),
		cmocka_unit_test_setup(states_remembered_too_often_or_not_at_all_are_refused,
				       begin),
		cmocka_unit_test_setup(no_function_reaches_beyond_the_text, begin),
		cmocka_unit_test_setup(no_instruction_is_looked_at_beyond_its_function, begin),
		cmocka_unit_test_setup(instructions_that_end_in_the_middle_of_one_are_refused,
				       begin),
		cmocka_unit_test_setup(augmentation_data_nobody_knows_of_is_refused, begin),
		cmocka_unit_test_setup(a_cie_that_differs_in_any_byte_makes_its_functions_left,
				       begin),
		cmocka_unit_test_setup(a_longer_cie_is_another, begin),
		cmocka_unit_test_setup(an_fde_finds_the_cie_that_is_its_own, begin),
		cmocka_unit_test_setup(tables_end_at_a_length_of_zero, begin),
		cmocka_unit_test_setup(tables_whose_lengths_are_damaged_end_there_and_count_as_one,
				       begin),
		cmocka_unit_test_setup(an_entry_too_short_for_what_it_must_have_is_left, begin),
		cmocka_unit_test_setup(there_may_be_no_tables, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
