// SPDX-License-Identifier: MIT
/*
 * lib/cpio.c: archives made by hand, cut and damaged. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/lib/cpio.h>

#include "support/random.h"

#define REGULAR 0100755
#define FOLDER 040755
#define ARCHIVE_MAX 4096

static char archive[ARCHIVE_MAX];
static size_t archive_size;

static void pad(void)
{
	while (archive_size % 4 != 0)
		archive[archive_size++] = '\0';
}

static void add(const char *name, unsigned mode, const char *data)
{
	size_t length = strlen(name) + 1, size = strlen(data);

	archive_size +=
		(size_t)sprintf(archive + archive_size,
				"070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1,
				mode, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0);
	memcpy(archive + archive_size, name, length);
	archive_size += length;
	pad();
	memcpy(archive + archive_size, data, size);
	archive_size += size;
	pad();
}

static int begin(void **state)
{
	(void)state;
	archive_size = 0;
	add(".", FOLDER, "");
	add("bin", FOLDER, "");
	add("bin/hello", REGULAR, "hello");
	add("./empty", REGULAR, "");
	add("/top", REGULAR, "four");
	add("TRAILER!!!", 0, "");
	return 0;
}

/* The first @size bytes, which nothing may be read behind. */
static enum cpio_result find_cut(size_t size, const char *name, char *found)
{
	char *exact = malloc(size);
	struct cpio_file file;
	enum cpio_result result;

	memcpy(exact, archive, size);
	result = cpio_find(exact, size, name, strlen(name), &file);
	if (result == CPIO_OK) {
		memcpy(found, file.data, file.size);
		found[file.size] = '\0';
	}
	free(exact);
	return result;
}

static void assert_found(const char *name, const char *data)
{
	char found[ARCHIVE_MAX];

	assert_int_equal(find_cut(archive_size, name, found), CPIO_OK);
	assert_string_equal(found, data);
}

static void a_file_is_found_by_its_name_however_its_root_is_written(void **state)
{
	(void)state;
	assert_found("bin/hello", "hello");
	assert_found("/bin/hello", "hello");
	assert_found("./bin/hello", "hello");
	assert_found("empty", "");
	assert_found("top", "four");
	assert_found("./top", "four");
}

static void what_is_no_file_of_that_name_is_not_found(void **state)
{
	static const char *const names[] = { "hello",	   "bin", "bin/",	"bin/hell",
					     "bin/hello2", "",	  "TRAILER!!!", "//top" };
	char found[ARCHIVE_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(find_cut(archive_size, names[i], found), CPIO_END);
}

static void the_entries_come_in_their_order(void **state)
{
	static const char *const names[] = { ".", "bin", "bin/hello", "./empty", "/top" };
	struct cpio cpio = { archive, archive_size, 0 };
	struct cpio_file file;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(cpio_next(&cpio, &file), CPIO_OK);
		assert_int_equal(file.name_length, strlen(names[i]));
		assert_memory_equal(file.name, names[i], file.name_length);
		assert_int_equal(file.regular, i >= 2);
	}
	assert_int_equal(cpio_next(&cpio, &file), CPIO_END);
}

static void what_does_not_begin_as_an_archive_is_none(void **state)
{
	char found[ARCHIVE_MAX];

	(void)state;
	memcpy(archive, "\x1f\x8b", 2);
	assert_int_equal(find_cut(archive_size, "top", found), CPIO_NOT_CPIO);
	memcpy(archive, "070707", 6); /* the old format */
	assert_int_equal(find_cut(archive_size, "top", found), CPIO_NOT_CPIO);
	assert_int_equal(find_cut(0, "top", found), CPIO_NOT_CPIO);
	begin(state);
	assert_int_equal(find_cut(109, "top", found), CPIO_NOT_CPIO);
	archive[5] = '2'; /* with a checksum */
	assert_int_equal(find_cut(archive_size, "top", found), CPIO_OK);
}

static void an_archive_that_is_cut_is_damaged_and_not_read_behind_its_end(void **state)
{
	char found[ARCHIVE_MAX];

	(void)state;
	for (size_t size = 111; size < archive_size; size++)
		assert_int_equal(find_cut(size, "nobody", found), CPIO_DAMAGED);
}

static void sizes_and_digits_that_make_no_sense_are_damage(void **state)
{
	static const struct {
		unsigned at;
		const char *digits;
	} changes[] = {
		{ 6 + 6 * 8, "ffffffff" }, /* the file's size */
		{ 6 + 11 * 8, "ffffffff" }, /* the name's */
		{ 6 + 11 * 8, "00000000" }, { 6 + 6 * 8, "0000000g" }, { 6 + 1 * 8, "-0000001" },
	};
	char found[ARCHIVE_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		begin(state);
		memcpy(archive + changes[i].at, changes[i].digits, 8);
		assert_int_equal(find_cut(archive_size, "top", found), CPIO_DAMAGED);
	}
	begin(state);
	memcpy(archive + 6 + 8, "000041ED", 8); /* upper case counts */
	assert_found("top", "four");
}

static void a_file_that_ends_behind_the_archive_is_not_found(void **state)
{
	struct cpio cpio = { archive, archive_size, 0 };
	struct cpio_file file;
	char found[ARCHIVE_MAX];

	(void)state;
	assert_int_equal(cpio_next(&cpio, &file), CPIO_OK);
	assert_int_equal(cpio_next(&cpio, &file), CPIO_OK);
	memcpy(archive + cpio.at + 6 + 6 * 8, "00001000", 8);
	assert_int_equal(find_cut(archive_size, "bin/hello", found), CPIO_DAMAGED);
}

static void damaged_archives_end(void **state)
{
	struct random random = random_start();
	char found[ARCHIVE_MAX];

	for (unsigned round = 0; round < 20000; round++) {
		begin(state);
		for (unsigned i = 0; i < 3; i++)
			archive[random_below(&random, (unsigned)archive_size)] =
				(char)random_next(&random);
		(void)find_cut(archive_size, "nobody", found);
	}
}

static void each_result_has_words_of_its_own(void **state)
{
	(void)state;
	for (enum cpio_result i = CPIO_OK; i <= CPIO_DAMAGED; i++) {
		assert_string_not_equal(cpio_result_str(i), "unknown result");
		for (enum cpio_result j = CPIO_OK; j < i; j++)
			assert_string_not_equal(cpio_result_str(i), cpio_result_str(j));
	}
	assert_string_equal(cpio_result_str((enum cpio_result)99), "unknown result");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_file_is_found_by_its_name_however_its_root_is_written,
				       begin),
		cmocka_unit_test_setup(what_is_no_file_of_that_name_is_not_found, begin),
		cmocka_unit_test_setup(the_entries_come_in_their_order, begin),
		cmocka_unit_test_setup(what_does_not_begin_as_an_archive_is_none, begin),
		cmocka_unit_test_setup(
			an_archive_that_is_cut_is_damaged_and_not_read_behind_its_end, begin),
		cmocka_unit_test_setup(sizes_and_digits_that_make_no_sense_are_damage, begin),
		cmocka_unit_test_setup(a_file_that_ends_behind_the_archive_is_not_found, begin),
		cmocka_unit_test_setup(damaged_archives_end, begin),
		cmocka_unit_test(each_result_has_words_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
