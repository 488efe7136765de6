// SPDX-License-Identifier: MIT
/*
 * lib/elf.c: files of programs, made by hand; and each of them cut and damaged. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/lib/elf.h>

#include "support/random.h"

#define PT_LOAD 1
#define PT_INTERP 3
#define PT_GNU_STACK 0x6474e551
#define PT_GNU_PROPERTY 0x6474e553
#define HEADERS 64
#define FILE_SIZE 1024
#define NOTE_AT 900

static u8 file[FILE_SIZE];

static void put(unsigned at, u64 value, unsigned size)
{
	memcpy(file + at, &value, size); /* little-endian, as all machines that this runs on */
}

/* Number @index of the program headers. */
static void header(unsigned index, u32 type, u32 flags, u64 offset, u64 address, u64 file_size,
		   u64 memory_size)
{
	unsigned at = HEADERS + index * 56;

	put(at, type, 4);
	put(at + 4, flags, 4);
	put(at + 8, offset, 8);
	put(at + 16, address, 8);
	put(at + 24, address, 8);
	put(at + 32, file_size, 8);
	put(at + 40, memory_size, 8);
	put(at + 48, 0x10000, 8);
	put(56, index + 1u, 2);
}

/* Text and data. */
static int begin(void **state)
{
	static const u8 ident[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	(void)state;
	memset(file, 0, sizeof(file));
	memcpy(file, ident, sizeof(ident));
	put(16, 2, 2); /* ET_EXEC */
	put(18, 183, 2); /* AArch64 */
	put(20, 1, 4);
	put(24, 0x400100, 8); /* entry */
	put(32, HEADERS, 8);
	put(54, 56, 2);
	header(0, PT_LOAD, 5, 0, 0x400000, 512, 512);
	header(1, PT_LOAD, 6, 512, 0x410200, 100, 0x3000);
	return 0;
}

/* What is said of the first @size bytes, which nothing may be read behind. */
static enum elf_result read_cut(u64 size, struct elf *elf)
{
	void *exact = malloc(size);
	enum elf_result result;

	memcpy(exact, file, size);
	result = elf_read(exact, size, elf);
	free(exact);
	return result;
}

static enum elf_result read_all(struct elf *elf)
{
	return read_cut(sizeof(file), elf);
}

static void a_static_program_is_its_segments_and_its_entry(void **state)
{
	struct elf elf;

	(void)state;
	assert_int_equal(read_all(&elf), ELF_OK);
	assert_int_equal(elf.entry, 0x400100);
	assert_false(elf.movable);
	assert_false(elf.guarded);
	assert_false(elf.stack_executable);
	assert_int_equal(elf.headers, 0x400040);
	assert_int_equal(elf.header_count, 2);
	assert_int_equal(elf.count, 2);
	assert_true(elf.segment[0].execute && !elf.segment[0].write);
	assert_true(!elf.segment[1].execute && elf.segment[1].write);
	assert_int_equal(elf.segment[1].offset, 512);
	assert_int_equal(elf.segment[1].file_size, 100);
	assert_int_equal(elf.segment[1].address, 0x410200);
	assert_int_equal(elf.segment[1].memory_size, 0x3000);
}

static void a_segment_may_ask_for_writing_and_execution(void **state)
{
	struct elf elf;

	(void)state;
	header(1, PT_LOAD, 7, 512, 0x410200, 100, 100);
	assert_int_equal(read_all(&elf), ELF_OK);
	assert_true(elf.segment[1].write && elf.segment[1].execute);
}

static void what_has_nothing_in_memory_is_no_segment(void **state)
{
	struct elf elf;

	(void)state;
	header(1, PT_LOAD, 6, 5000, 0, 0, 0);
	assert_int_equal(read_all(&elf), ELF_OK);
	assert_int_equal(elf.count, 1);
}

static void headers_that_are_not_loaded_have_no_address(void **state)
{
	struct elf elf;

	(void)state;
	header(0, PT_LOAD, 5, 256, 0x400100, 256, 256);
	header(1, PT_LOAD, 6, 512, 0x410200, 100, 0x3000);
	assert_int_equal(read_all(&elf), ELF_OK);
	assert_int_equal(elf.headers, 0);
}

static void what_the_stack_is_to_be_is_said(void **state)
{
	struct elf elf;

	(void)state;
	header(2, PT_GNU_STACK, 6, 0, 0, 0, 0);
	assert_int_equal(read_all(&elf), ELF_OK);
	assert_false(elf.stack_executable);
	header(2, PT_GNU_STACK, 7, 0, 0, 0, 0);
	assert_int_equal(read_all(&elf), ELF_OK);
	assert_true(elf.stack_executable);
}

static void note(u32 name, u32 type, u32 property, u32 bits)
{
	put(NOTE_AT, name, 4);
	put(NOTE_AT + 4, 16, 4);
	put(NOTE_AT + 8, type, 4);
	memcpy(file + NOTE_AT + 12, "GNU", 4);
	put(NOTE_AT + 16, property, 4);
	put(NOTE_AT + 20, 4, 4);
	put(NOTE_AT + 24, bits, 4);
}

static bool is_guarded(u64 size)
{
	struct elf elf;

	header(2, PT_GNU_PROPERTY, 4, NOTE_AT, 0, size, size);
	assert_int_equal(read_all(&elf), ELF_OK);
	return elf.guarded;
}

static void a_program_is_guarded_where_its_note_says_so(void **state)
{
	(void)state;
	note(4, 5, 0xc0000000, 1);
	assert_true(is_guarded(32));
	assert_true(is_guarded(28));
	assert_false(is_guarded(27));
	assert_false(is_guarded(1000)); /* not in the file */
	note(4, 5, 0xc0000000, 2); /* PAC alone */
	assert_false(is_guarded(32));
	note(4, 5, 0xc0000001, 1);
	assert_false(is_guarded(32));
	note(4, 1, 0xc0000000, 1);
	assert_false(is_guarded(32));
	note(5, 5, 0xc0000000, 1);
	assert_false(is_guarded(32));
	note(4, 5, 0xc0000000, 1);
	file[NOTE_AT + 12] = 'g';
	assert_false(is_guarded(32));
}

/* A change to the file, and what it makes of it. */
static void what_is_no_static_program_of_ours_is_refused(void **state)
{
	static const struct {
		unsigned at;
		u64 value;
		unsigned size;
		enum elf_result result;
	} changes[] = {
		{ 0, 0x7e, 1, ELF_NOT_ELF },
		{ 4, 1, 1, ELF_NOT_ELF }, /* 32 bits */
		{ 5, 2, 1, ELF_NOT_ELF }, /* big-endian */
		{ 16, 1, 2, ELF_OTHER_MACHINE }, /* ET_REL */
		{ 16, 4, 2, ELF_OTHER_MACHINE },
		{ 18, 62, 2, ELF_OTHER_MACHINE },
		{ 24, (u64)1 << 56, 8, ELF_DAMAGED },
		{ 32, ~(u64)0, 8, ELF_DAMAGED },
		{ 32, FILE_SIZE - 111, 8, ELF_DAMAGED },
		{ 54, 32, 2, ELF_DAMAGED },
		{ 56, 0, 2, ELF_TOO_MANY },
		{ 56, 0xffff, 2, ELF_DAMAGED },
		{ HEADERS, PT_INTERP, 4, ELF_NOT_STATIC },
		{ HEADERS + 8, ~(u64)0, 8, ELF_DAMAGED },
		{ HEADERS + 32, FILE_SIZE + 1, 8, ELF_DAMAGED },
		{ HEADERS + 32, 513, 8, ELF_DAMAGED }, /* more than in memory */
		{ HEADERS + 40, ~(u64)0, 8, ELF_DAMAGED },
		{ HEADERS + 16, ~(u64)0, 8, ELF_DAMAGED },
		{ HEADERS + 16, 0x410200, 8, ELF_NOT_SORTED },
		{ HEADERS + 40, 0x10201, 8, ELF_NOT_SORTED },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		struct elf elf;

		begin(state);
		put(changes[i].at, changes[i].value, changes[i].size);
		if (read_all(&elf) != changes[i].result)
			fail_msg("change %u: %s", i, elf_result_str(read_all(&elf)));
	}
}

static void more_segments_than_there_is_room_for_are_refused(void **state)
{
	struct elf elf;

	(void)state;
	for (unsigned i = 0; i < ELF_SEGMENTS_MAX; i++)
		header(i, PT_LOAD, 4, 0, 0x400000 + i * 0x10000, 16, 16);
	assert_int_equal(read_all(&elf), ELF_OK);
	assert_int_equal(elf.count, ELF_SEGMENTS_MAX);
	header(ELF_SEGMENTS_MAX, PT_LOAD, 4, 0, 0x800000, 16, 16);
	assert_int_equal(read_all(&elf), ELF_TOO_MANY);
}

static void no_file_is_read_behind_its_end(void **state)
{
	struct elf elf;

	(void)state;
	note(4, 5, 0xc0000000, 1);
	header(2, PT_GNU_PROPERTY, 4, NOTE_AT, 0, 32, 32);
	for (u64 size = 0; size < FILE_SIZE; size++) {
		enum elf_result result = read_cut(size, &elf);

		assert_true(result == ELF_OK ? size >= 612 : true);
	}
}

/* Whatever is accepted lies in the file, ascends, and wraps nowhere. */
static void damaged_files_are_refused_or_make_sense(void **state)
{
	struct random random = random_start();

	for (unsigned round = 0; round < 20000; round++) {
		struct elf elf;

		begin(state);
		for (unsigned i = 0; i < 4; i++)
			file[random_below(&random, 200)] = (u8)random_next(&random);
		if (read_all(&elf) != ELF_OK)
			continue;
		assert_in_range(elf.count, 1, ELF_SEGMENTS_MAX);
		for (u32 i = 0; i < elf.count; i++) {
			const struct elf_segment *segment = &elf.segment[i];

			assert_true(segment->file_size <= segment->memory_size);
			assert_true(segment->offset + segment->file_size <= FILE_SIZE);
			assert_true(segment->address + segment->memory_size <= BIT(56));
			if (i > 0)
				assert_true(segment->address >=
					    segment[-1].address + segment[-1].memory_size);
		}
	}
}

static void each_result_has_words_of_its_own(void **state)
{
	(void)state;
	for (enum elf_result i = ELF_OK; i <= ELF_TOO_MANY; i++) {
		assert_string_not_equal(elf_result_str(i), "unknown result");
		for (enum elf_result j = ELF_OK; j < i; j++)
			assert_string_not_equal(elf_result_str(i), elf_result_str(j));
	}
	assert_string_equal(elf_result_str((enum elf_result)99), "unknown result");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_static_program_is_its_segments_and_its_entry, begin),
		cmocka_unit_test_setup(a_segment_may_ask_for_writing_and_execution, begin),
		cmocka_unit_test_setup(what_has_nothing_in_memory_is_no_segment, begin),
		cmocka_unit_test_setup(headers_that_are_not_loaded_have_no_address, begin),
		cmocka_unit_test_setup(what_the_stack_is_to_be_is_said, begin),
		cmocka_unit_test_setup(a_program_is_guarded_where_its_note_says_so, begin),
		cmocka_unit_test_setup(what_is_no_static_program_of_ours_is_refused, begin),
		cmocka_unit_test_setup(more_segments_than_there_is_room_for_are_refused, begin),
		cmocka_unit_test_setup(no_file_is_read_behind_its_end, begin),
		cmocka_unit_test_setup(damaged_files_are_refused_or_make_sense, begin),
		cmocka_unit_test(each_result_has_words_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
