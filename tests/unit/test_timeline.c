// SPDX-License-Identifier: MIT
/*
 * The command `timeline`. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/kernel/show/timeline.h>

#include "support/console_capture.h"
#include "support/sample_kernel.h"

static struct sample sample;

/* A boot that began at tick 5000 and took these ticks for its stages; 0: not reached. */
static void show(const u64 ticks[STAGE_COUNT])
{
	u64 now = 5000;

	sample_make(&sample, 12, 52);
	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		now += ticks[i];
		sample.handoff.timeline[i] = i == STAGE_ENTRY || ticks[i] != 0 ? now : 0;
	}
	capture_clear();
	timeline_text(&sample.kernel);
}

static void each_stage_shows_its_ticks_its_time_and_its_share(void **state)
{
	static const u64 ticks[STAGE_COUNT] = {
		[STAGE_FACTS] = 250,	 [STAGE_PLAN] = 1,	  [STAGE_TABLES] = 125,
		[STAGE_RELOCATED] = 124, [STAGE_PUBLISHED] = 500, [STAGE_FLIP] = 1000,
		[STAGE_KERNEL_MAIN] = 1, [STAGE_TREE] = 499,	  [STAGE_MEMORY] = 500,
		[STAGE_PROMPT] = 1000,
	};

	(void)state;
	show(ticks);
	assert_string_equal(captured,
			    "  until             ticks   microseconds   share\n"
			    "  facts               250          4.000    6.2%  ###\n"
			    "  plan                  1          0.016    0.0%  #\n"
			    "  tables              125          2.000    3.1%  ##\n"
			    "  relocated           124          1.984    3.1%  ##\n"
			    "  published           500          8.000   12.5%  #####\n"
			    "  flip               1000         16.000   25.0%  ##########\n"
			    "  kernel_main           1          0.016    0.0%  #\n"
			    "  tree                499          7.984   12.4%  #####\n"
			    "  memory              500          8.000   12.5%  #####\n"
			    "  prompt             1000         16.000   25.0%  ##########\n"
			    "  all                4000         64.000  100.0%  "
			    "########################################\n");
}

static void a_stage_that_was_not_reached_is_left_out_and_the_next_has_its_time(void **state)
{
	static const u64 ticks[STAGE_COUNT] = { [STAGE_FACTS] = 100, [STAGE_PROMPT] = 300 };

	(void)state;
	show(ticks);
	assert_non_null(strstr(captured, "facts               100"));
	assert_non_null(strstr(captured, "prompt              300"));
	assert_null(strstr(captured, "plan"));
}

static void hours_do_not_overflow(void **state)
{
	static const u64 ticks[STAGE_COUNT] = { [STAGE_PROMPT] = (u64)62500000 * 36000 };

	(void)state;
	show(ticks);
	assert_non_null(strstr(captured, "36000000000.000  100.0%"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stage_shows_its_ticks_its_time_and_its_share),
		cmocka_unit_test(
			a_stage_that_was_not_reached_is_left_out_and_the_next_has_its_time),
		cmocka_unit_test(hours_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
