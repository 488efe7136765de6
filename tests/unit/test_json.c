// SPDX-License-Identifier: MIT
/*
 * lib/json.c, its output collected in a buffer. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pagoda/lib/json.h>

static char output[4096];
static size_t output_length;

static void collect(const char *text, size_t length)
{
	assert_in_range(length, 0, sizeof(output) - 1 - output_length);
	memcpy(output + output_length, text, length);
	output_length += length;
	output[output_length] = '\0';
}

static int output_reset(void **state)
{
	(void)state;
	output_length = 0;
	output[0] = '\0';
	return 0;
}

static void an_empty_document_is_two_braces_on_two_lines(void **state)
{
	struct json json;

	(void)state;
	json_begin(&json, collect);
	json_end(&json);
	assert_string_equal(output, "{\n}\n");
}

static void every_kind_of_member_stands_on_its_line(void **state)
{
	struct json json;

	(void)state;
	json_begin(&json, collect);
	json_string(&json, "pagoda", "0.1");
	json_object(&json, "regime");
	json_number(&json, "granule", 4096);
	json_number(&json, "root_level", -1);
	json_bool(&json, "lpa2", true);
	json_bool(&json, "contiguous", false);
	json_close(&json);
	json_hex(&json, "TTBR1_EL1", 0xfff0000000000000);
	json_array(&json, "memory");
	json_object(&json, NULL);
	json_hex(&json, "start", 0);
	json_close(&json);
	json_string(&json, NULL, "two");
	json_number(&json, NULL, 3);
	json_close(&json);
	json_end(&json);
	assert_string_equal(output, "{\n"
				    "  \"pagoda\": \"0.1\",\n"
				    "  \"regime\": {\n"
				    "    \"granule\": 4096,\n"
				    "    \"root_level\": -1,\n"
				    "    \"lpa2\": true,\n"
				    "    \"contiguous\": false\n"
				    "  },\n"
				    "  \"TTBR1_EL1\": \"0xfff0000000000000\",\n"
				    "  \"memory\": [\n"
				    "    {\n"
				    "      \"start\": \"0x0000000000000000\"\n"
				    "    },\n"
				    "    \"two\",\n"
				    "    3\n"
				    "  ]\n"
				    "}\n");
}

static void a_row_and_all_inside_it_stand_on_one_line(void **state)
{
	struct json json;

	(void)state;
	json_begin(&json, collect);
	json_array(&json, "entries");
	for (int i = 0; i < 2; i++) {
		json_row(&json, NULL);
		json_number(&json, "level", i);
		json_array(&json, "list");
		json_bool(&json, NULL, true);
		json_object(&json, NULL);
		json_close(&json);
		json_close(&json);
		json_close(&json);
	}
	json_close(&json);
	json_row(&json, "pool");
	json_close(&json);
	json_bool(&json, "after", true);
	json_end(&json);
	assert_string_equal(output, "{\n"
				    "  \"entries\": [\n"
				    "    {\"level\": 0, \"list\": [true, {}]},\n"
				    "    {\"level\": 1, \"list\": [true, {}]}\n"
				    "  ],\n"
				    "  \"pool\": {},\n"
				    "  \"after\": true\n"
				    "}\n");
}

static void empty_containers_take_no_line_of_their_own(void **state)
{
	struct json json;

	(void)state;
	json_begin(&json, collect);
	json_array(&json, "overrides");
	json_close(&json);
	json_object(&json, "nothing");
	json_close(&json);
	json_end(&json);
	assert_string_equal(output, "{\n  \"overrides\": [],\n  \"nothing\": {}\n}\n");
}

static void what_json_forbids_in_a_string_is_escaped(void **state)
{
	struct json json;

	(void)state;
	json_begin(&json, collect);
	json_string(&json, "a\"b", "\"\\/\n\t\r\x01\x1f\x7f end");
	json_string(&json, "", "");
	json_end(&json);
	assert_string_equal(output,
			    "{\n"
			    "  \"a\\\"b\": \"\\\"\\\\/\\n\\t\\u000d\\u0001\\u001f\\u007f end\",\n"
			    "  \"\": \"\"\n"
			    "}\n");
}

static void bytes_that_may_not_be_utf_8_are_escaped_as_latin_1(void **state)
{
	struct json json;

	(void)state;
	json_begin(&json, collect);
	json_string(&json, "option", "\x80\xe4\xff");
	json_end(&json);
	assert_string_equal(output, "{\n  \"option\": \"\\u0080\\u00e4\\u00ff\"\n}\n");
}

static void numbers_are_exact_at_the_ends_of_their_range(void **state)
{
	struct json json;

	(void)state;
	json_begin(&json, collect);
	json_number(&json, "min", INT64_MIN);
	json_number(&json, "max", INT64_MAX);
	json_hex(&json, "hex", UINT64_MAX);
	json_end(&json);
	assert_string_equal(output, "{\n"
				    "  \"min\": -9223372036854775808,\n"
				    "  \"max\": 9223372036854775807,\n"
				    "  \"hex\": \"0xffffffffffffffff\"\n"
				    "}\n");
}

static void nothing_is_lost_where_the_buffer_fills(void **state)
{
	char text[3 * sizeof(((struct json *)0)->buffer)];
	char expected[sizeof(text) + 32];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t cut = 1; cut <= sizeof(text); cut++) {
		struct json json;

		text[sizeof(text) - cut] = '\0';
		output_reset(state);
		json_begin(&json, collect);
		json_string(&json, "text", text);
		json_end(&json);
		sprintf(expected, "{\n  \"text\": \"%s\"\n}\n", text);
		assert_string_equal(output, expected);
	}
}

static void containers_nest_to_the_limit(void **state)
{
	struct json json;
	char expected[512] = "";

	(void)state;
	json_begin(&json, collect);
	for (int depth = 1; depth < JSON_DEPTH_MAX; depth++)
		json_object(&json, "a");
	for (int depth = 1; depth < JSON_DEPTH_MAX; depth++)
		json_close(&json);
	json_end(&json);

	strcat(expected, "{\n");
	for (int depth = 1; depth < JSON_DEPTH_MAX; depth++)
		sprintf(expected + strlen(expected), "%*s\"a\": {%s", depth * 2, "",
			depth < JSON_DEPTH_MAX - 1 ? "\n" : "}\n");
	for (int depth = JSON_DEPTH_MAX - 2; depth > 0; depth--)
		sprintf(expected + strlen(expected), "%*s}\n", depth * 2, "");
	strcat(expected, "}\n");
	assert_string_equal(output, expected);
}

/* The mistakes that a caller can make. */
static void nest_too_deep(struct json *json)
{
	for (int depth = 0; depth < JSON_DEPTH_MAX; depth++)
		json_array(json, depth == 0 ? "a" : NULL);
}

static void leave_open(struct json *json)
{
	json_object(json, "a");
	json_end(json);
}

static void close_too_often(struct json *json)
{
	json_close(json);
}

static void forget_a_key(struct json *json)
{
	json_bool(json, NULL, true);
}

static void give_an_array_a_key(struct json *json)
{
	json_array(json, "a");
	json_bool(json, "b", true);
}

/* True where @mistake made in a document ends the program as an assertion does. */
static bool is_caught(void (*mistake)(struct json *))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct json json;

		signal(SIGILL, SIG_DFL); /* not cmocka's */
		signal(SIGTRAP, SIG_DFL);
		json_begin(&json, collect);
		mistake(&json);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

static void a_callers_mistake_is_caught(void **state)
{
	(void)state;
	assert_true(is_caught(nest_too_deep));
	assert_true(is_caught(leave_open));
	assert_true(is_caught(close_too_often));
	assert_true(is_caught(forget_a_key));
	assert_true(is_caught(give_an_array_a_key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_empty_document_is_two_braces_on_two_lines, output_reset),
		cmocka_unit_test_setup(every_kind_of_member_stands_on_its_line, output_reset),
		cmocka_unit_test_setup(a_row_and_all_inside_it_stand_on_one_line, output_reset),
		cmocka_unit_test_setup(empty_containers_take_no_line_of_their_own, output_reset),
		cmocka_unit_test_setup(what_json_forbids_in_a_string_is_escaped, output_reset),
		cmocka_unit_test_setup(bytes_that_may_not_be_utf_8_are_escaped_as_latin_1,
				       output_reset),
		cmocka_unit_test_setup(numbers_are_exact_at_the_ends_of_their_range, output_reset),
		cmocka_unit_test_setup(nothing_is_lost_where_the_buffer_fills, output_reset),
		cmocka_unit_test_setup(containers_nest_to_the_limit, output_reset),
		cmocka_unit_test_setup(a_callers_mistake_is_caught, output_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
