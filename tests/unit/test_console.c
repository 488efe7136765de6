// SPDX-License-Identifier: MIT
/*
 * kernel/console/console.c over a device of this test's own: what Ctrl-C, the pager and typing
 * ahead do, polled and by interrupt.
 * Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/lib/serial.h>

#define ROWS 23
#define QUESTION "-- more: space, Enter, q --"
#define QUESTION_ERASED "\r                           \r"

#define RING 1024 /* bytes that wait in the kernel */

static const char *typed;
static size_t typed_length;
static char sent[1 << 16];
static size_t sent_length;
static u32 registers[1024];
static bool interrupting, masked, taking;
static bool deaf; /* the device does not interrupt, whatever it has */
static const char *typed_late; /* while the CPU sleeps */
static const char *typed_at_mask; /* right before interrupts are masked, */
static unsigned masks_before; /* after they were as often */
static unsigned sleeps;

/* The rooms below: what the FDT has, whether the timer works, and the table of interrupts. */
static struct devices devices;
static enum interrupt_result timer_result, register_result;
static struct interrupt registered;
static bool is_registered;

struct serial_register pl011_status(struct serial_kind kind)
{
	(void)kind;
	return (struct serial_register){ 0x18, sizeof(u32) };
}

void pl011_enable(struct serial_kind kind, volatile void *device)
{
	(void)kind;
	assert_ptr_equal(device, registers);
}

unsigned pl011_fifo_enable(struct serial_kind kind, volatile void *device)
{
	(void)kind;
	assert_ptr_equal(device, registers);
	return 16;
}

bool pl011_write(struct serial_kind kind, volatile void *device, unsigned depth, const char *text,
		 size_t length)
{
	(void)kind;
	assert_int_equal(depth, 16);
	assert_ptr_equal(device, registers);
	assert_true(length < sizeof(sent) - sent_length);
	memcpy(sent + sent_length, text, length);
	sent_length += length;
	sent[sent_length] = '\0';
	return true;
}

int pl011_read(struct serial_kind kind, volatile void *device)
{
	(void)kind;
	assert_ptr_equal(device, registers);
	if (typed_length == 0)
		return -1;
	typed_length--;
	return (u8)*typed++;
}

/* The device's line, and the CPU that looks at it. */
static void take_interrupts(void)
{
	unsigned taken = 0;

	while (interrupting && !masked && !taking && !deaf && typed_length > 0) {
		taking = true;
		if (is_registered)
			registered.handle(registered.context);
		else
			assert_true(console_receive());
		taking = false;
		assert_true(++taken < 3);
	}
}

void pl011_receive_interrupt(struct serial_kind kind, volatile void *device, bool on)
{
	(void)kind;
	assert_ptr_equal(device, registers);
	interrupting = on;
	take_interrupts();
}

static void type(const char *keys);

bool interrupts_mask(bool mask)
{
	bool before = masked;
	const char *keys = typed_at_mask;

	if (mask && keys != NULL && masks_before-- == 0) {
		typed_at_mask = NULL;
		type(keys);
	}
	masked = mask;
	take_interrupts();
	return before;
}

static void type_bytes(const char *keys, size_t length)
{
	typed = keys;
	typed_length = length;
	take_interrupts();
}

static void type(const char *keys)
{
	type_bytes(keys, strlen(keys));
}

/* Masked: or what comes between the last look and the sleep would not end the sleep. */
void interrupt_sleep(void)
{
	assert_true(masked);
	assert_true(interrupting);
	sleeps++;
	if (typed_length == 0) {
		assert_non_null(typed_late);
		type(typed_late);
		typed_late = NULL;
	}
	interrupts_mask(false);
	interrupts_mask(true);
}

const struct devices *kernel_devices(const struct kernel *kernel)
{
	(void)kernel;
	return &devices;
}

const char *interrupt_result_str(enum interrupt_result result)
{
	if (result == INTERRUPT_TAKEN)
		return "taken";
	return result == INTERRUPT_NO_CONTROLLER ? "no GIC" : "no timer";
}

enum interrupt_result interrupt_timer_try(const struct kernel *kernel)
{
	(void)kernel;
	return timer_result;
}

enum interrupt_result interrupt_register(const struct interrupt *interrupt)
{
	if (register_result == INTERRUPT_OK) {
		registered = *interrupt;
		is_registered = true;
	}
	return register_result;
}

void interrupt_unregister(u32 number)
{
	assert_true(is_registered);
	assert_int_equal(number, registered.number);
	is_registered = false;
}

static int set_up(void **state)
{
	(void)state;
	interrupting = masked = deaf = false;
	typed_late = typed_at_mask = NULL;
	sleeps = 0;
	type("");
	sent_length = 0;
	sent[0] = '\0';
	console_init((struct serial_kind){ 0 }, registers);
	while (console_read() >= 0)
		;
	return 0;
}

static int set_up_interrupts(void **state)
{
	set_up(state);
	console_receive_by_interrupt(true);
	return 0;
}

static struct boot_handoff handoff;
static struct kernel kernel = { .handoff = &handoff };

#define NO_LINE "no interrupt of the GIC's is described for it"

/* A kernel whose UART has shared interrupt 1, of the GIC that there is. */
static int set_up_kernel(void **state)
{
	set_up(state);
	kernel.console.source = CONSOLE_STDOUT_PATH;
	kernel.fallback = FALLBACK_NONE;
	kernel.console.kind = (struct serial_kind){ 0 };
	devices = (struct devices){ .gic = { .version = 2 },
				    .has_console = true,
				    .console = { 33, 4 } };
	timer_result = register_result = INTERRUPT_OK;
	is_registered = false;
	masked = true;
	return 0;
}

static int end_kernel(void **state)
{
	(void)state;
	console_receive_by_interrupt(false);
	is_registered = false;
	return 0;
}

static void assert_polled(const char *why)
{
	const char *why_not;
	u32 number;

	assert_false(console_receives(&number, &why_not));
	assert_string_equal(why_not, why);
	assert_false(interrupting);
	assert_false(is_registered);
}

/* First of all: nobody has asked yet. */
static void input_is_polled_until_somebody_asks(void **state)
{
	(void)state;
	assert_polled("until the prompt");
}

static void a_uart_with_an_interrupt_of_the_gics_receives_by_it(void **state)
{
	const char *why_not;
	u32 number;

	(void)state;
	console_receive_start(&kernel);
	assert_true(console_receives(&number, &why_not));
	assert_int_equal(number, 33);
	assert_true(is_registered && interrupting);
	assert_int_equal(registered.number, 33);
	assert_int_equal(registered.flags, 4);
	assert_false(masked);
	for (unsigned i = 0; i < 5; i++) {
		typed_late = "k";
		assert_int_equal(console_wait(), 'k');
	}
	assert_true(console_receives(&number, &why_not));
}

static void what_is_no_interrupt_of_the_gics_is_not_asked_for(void **state)
{
	for (unsigned i = 0; i < 7; i++) {
		const char *why = NO_LINE;

		set_up_kernel(state);
		switch (i) {
		case 0:
			kernel.console.source = CONSOLE_NONE;
			break;
		case 1:
			devices.gic.version = 0;
			why = "no GIC";
			break;
		case 2:
			devices.console.number = 0;
			break;
		case 3:
			devices.console.number = 31; /* the CPU's own */
			break;
		case 4:
			timer_result = INTERRUPT_NO_TIMER;
			why = "no timer";
			break;
		case 5:
			devices.has_console = false;
			why = "no UART that Pagoda drives is described at its address";
			break;
		case 6:
			kernel.console.kind.type = SERIAL_IMX;
			why = "the driver of this UART has no interrupts";
			break;
		case 9:
			kernel.fallback = FALLBACK_SCREEN;
			break;
		}
		console_receive_start(&kernel);
		assert_polled(why);
		assert_true(masked);
	}
	set_up_kernel(state);
	register_result = INTERRUPT_NO_LINE;
	console_receive_start(&kernel);
	assert_polled(NO_LINE);
	set_up_kernel(state);
	register_result = INTERRUPT_TAKEN;
	console_receive_start(&kernel);
	assert_polled("taken");
}

static void an_interrupt_that_is_never_for_a_byte_is_given_up(void **state)
{
	(void)state;
	console_receive_start(&kernel);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 99; i++)
			registered.handle(registered.context);
		if (round == 0)
			type("k"); /* one that is for a byte: it counts from the start */
		assert_true(is_registered);
	}
	registered.handle(registered.context);
	assert_polled("its interrupt never ends");
	assert_int_equal(console_read(), 'k');
	typed = "p";
	typed_length = 1;
	assert_int_equal(console_wait(), 'p');
}

static void bytes_that_come_without_their_interrupt_are_received_and_it_is_given_up(void **state)
{
	(void)state;
	console_receive_start(&kernel);
	deaf = true;
	for (unsigned i = 0; i < 2; i++) {
		typed_late = "k";
		assert_int_equal(console_wait(), 'k');
	}
	deaf = false;
	type("k"); /* one that comes: it counts from the start */
	deaf = true;
	assert_int_equal(console_wait(), 'k');
	for (unsigned i = 0; i < 3; i++) {
		assert_true(is_registered);
		typed_late = "k";
		assert_int_equal(console_wait(), 'k');
	}
	assert_polled("its interrupt does not come");
	typed = "p";
	typed_length = 1;
	assert_int_equal(console_wait(), 'p');
}

static int tear_down_interrupts(void **state)
{
	(void)state;
	console_receive_by_interrupt(false);
	assert_false(interrupting);
	return 0;
}

static void ctrl_c_ends_the_output_and_what_was_typed_before_it(void **state)
{
	(void)state;
	console_watch_begin(0);
	print("one\n");
	type("abc\003d");
	print("two\n");
	print("three\n");
	assert_true(console_interrupted());
	assert_string_equal(sent, "one\n");
	assert_true(console_watch_end());
	assert_false(console_interrupted());
	print("four\n");
	assert_string_equal(sent, "one\nfour\n");
	assert_int_equal(console_read(), 'd');
	assert_int_equal(console_read(), -1);
}

static void outside_a_command_ctrl_c_is_a_key_like_any_other(void **state)
{
	(void)state;
	type("\003x");
	print("text");
	assert_string_equal(sent, "text");
	assert_int_equal(console_read(), 3);
	assert_int_equal(console_read(), 'x');
}

static void what_is_typed_during_an_output_is_read_after_it_in_order(void **state)
{
	static char keys[5000];

	(void)state;
	for (size_t i = 0; i < sizeof(keys); i++)
		keys[i] = (char)('a' + i % 26);
	type_bytes(keys, sizeof(keys));
	console_watch_begin(0);
	for (int i = 0; i < 100; i++)
		print("line\n");
	assert_false(console_watch_end());
	for (size_t i = 0; i < sizeof(keys); i++)
		assert_int_equal(console_read(), keys[i]);
	assert_int_equal(console_read(), -1);
}

static void a_page_waits_for_a_key(void **state)
{
	(void)state;
	console_watch_begin(ROWS);
	for (int i = 0; i < ROWS - 1; i++)
		print("\n");
	assert_null(strstr(sent, QUESTION));
	type("?\r");
	print("row\n");
	assert_non_null(strstr(sent, "row\n" QUESTION QUESTION_ERASED));
	sent_length = 0;
	type(" ");
	print("one more\nand no more");
	assert_string_equal(sent, "one more\n" QUESTION QUESTION_ERASED "and no more");
	for (int i = 0; i < ROWS - 1; i++)
		print("\n");
	type("q");
	print("last\nnever seen\n");
	assert_null(strstr(sent, "never seen"));
	assert_true(console_watch_end());
}

static void a_line_that_takes_two_rows_counts_as_two(void **state)
{
	static const char wide[] = "0123456789012345678901234567890123456789"
				   "01234567890123456789012345678901234567890\n";

	(void)state;
	console_watch_begin(ROWS);
	for (int i = 0; i < ROWS / 2 - 1; i++) {
		console_write(wide, 40); /* in pieces, too */
		print("%s", wide + 40);
	}
	assert_null(strstr(sent, QUESTION));
	type("q");
	print("%s", wide);
	assert_non_null(strstr(sent, QUESTION));
	assert_true(console_watch_end());
}

static void a_line_of_eighty_columns_is_one_row(void **state)
{
	(void)state;
	console_watch_begin(ROWS);
	for (int i = 0; i < ROWS - 1; i++)
		print("%016lx%016lx%016lx%016lx%016lx\n", (u64)0, (u64)0, (u64)0, (u64)0, (u64)0);
	assert_null(strstr(sent, QUESTION));
	assert_false(console_watch_end());
}

static void the_log_is_what_was_printed_last(void **state)
{
	(void)state;
	for (int i = 0; i < 4000; i++)
		print("line %d\n", i);
	sent_length = 0;
	console_show_log();
	assert_int_equal(sent_length, 16384);
	assert_non_null(strstr(sent, "\nline 3998\nline 3999\n"));
	assert_null(strstr(sent, "line 1999\n"));
	sent_length = 0;
	console_show_log();
	assert_int_equal(sent_length, 16384); /* showing it has not changed it */
}

static void without_a_device_everything_is_dropped(void **state)
{
	(void)state;
	console_init((struct serial_kind){ 0 }, NULL);
	print("text");
	assert_string_equal(sent, "");
	assert_int_equal(console_read(), -1);
}

static void bytes_from_outside_reach_the_terminal_as_characters_only(void **state)
{
	(void)state;
	console_write_safe("a\033[2J\177\200~", 8);
	assert_string_equal(sent, "a?[2J??~");
}

static void what_was_typed_before_interrupts_were_asked_for_is_not_lost(void **state)
{
	(void)state;
	type("before");
	console_receive_by_interrupt(true);
	assert_int_equal(typed_length, 0);
	for (const char *at = "before"; *at != '\0'; at++)
		assert_int_equal(console_read(), *at);
	assert_int_equal(console_read(), -1);
}

static void the_cpu_sleeps_until_a_key_is_typed(void **state)
{
	(void)state;
	typed_late = "ab";
	assert_int_equal(console_wait(), 'a');
	assert_int_equal(sleeps, 1);
	assert_int_equal(console_wait(), 'b');
	assert_int_equal(sleeps, 1);
	assert_false(masked);
}

/* It comes after the wait has looked, and is there when the CPU would go to sleep. */
static void a_key_right_before_the_sleep_ends_it(void **state)
{
	(void)state;
	masked = true; /* the interrupt waits */
	type("a");
	assert_int_equal(console_read(), -1);
	masked = false;
	typed_late = "never needed";
	assert_int_equal(console_wait(), 'a');
	assert_true(sleeps <= 1);
	assert_non_null(typed_late);
}

/*
 * It comes as the last thing before interrupts are masked, to look or to sleep. Where that is the
 * first of those, the wait sees it; later ones are masked already, and it ends the sleep.
 */
static void a_key_between_the_look_and_the_mask_keeps_the_cpu_awake(void **state)
{
	for (unsigned before = 0; before < 3; before++) {
		set_up_interrupts(state);
		typed_at_mask = "a";
		masks_before = before;
		assert_int_equal(console_wait(), 'a');
		assert_int_equal(sleeps, before < 2 ? 0 : 1);
		assert_false(masked);
	}
}

static void a_full_ring_stops_the_interrupts_until_there_is_room_and_loses_nothing(void **state)
{
	static char keys[5 * RING + 7];

	(void)state;
	for (size_t i = 0; i < sizeof(keys); i++)
		keys[i] = (char)('a' + i % 26);
	type_bytes(keys, sizeof(keys));
	assert_int_equal(sizeof(keys) - typed_length, RING);
	assert_false(interrupting);
	for (size_t i = 0; i < sizeof(keys); i++)
		assert_int_equal(console_read(), keys[i]);
	assert_int_equal(console_read(), -1);
	assert_true(interrupting);
}

static void ctrl_c_makes_room_in_a_full_ring(void **state)
{
	static char keys[RING + 1];

	(void)state;
	memset(keys, 'x', sizeof(keys));
	keys[RING - 1] = 3;
	keys[RING] = 'y';
	type_bytes(keys, sizeof(keys));
	assert_false(interrupting);
	console_watch_begin(0);
	assert_true(console_interrupted());
	console_watch_end();
	assert_int_equal(console_read(), 'y');
	assert_int_equal(console_read(), -1);
	assert_true(interrupting);
}

/* Where the cursor is says how much of what was printed it has shown. */
static void a_screen_shows_the_log_first_and_then_all_there_is_to_it(void **state)
{
	static u32 pixels[640 * 400];
	static struct screen screen;
	const struct screen_mode mode = { 640, 400, 640 * 4, { 4, 0 } };

	set_up(state);
	for (int i = 0; i < 2000; i++)
		print("line %10d\n", i);
	print("end");
	sent_length = 0;
	screen_begin(&screen, &mode, pixels);
	console_use_screen(&screen);
	/* 16 KiB, in lines of 16 characters and the piece of one, on 40 rows. */
	assert_true(screen.wrapped);
	assert_int_equal(screen.row, 1024 % screen.rows);
	assert_int_equal(screen.column, 3);
	print(" of it");
	assert_int_equal(screen.column, 9);
	type("k");
	assert_int_equal(console_read(), -1);
	assert_int_equal(sent_length, 0);
}

static void an_interrupt_without_a_byte_is_said_to_be_one(void **state)
{
	(void)state;
	assert_false(console_receive());
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)
#define TEST_KERNEL(name) cmocka_unit_test_setup_teardown(name, set_up_kernel, end_kernel)
#define TEST_INTERRUPTS(name) \
	cmocka_unit_test_setup_teardown(name, set_up_interrupts, tear_down_interrupts)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(input_is_polled_until_somebody_asks),
		TEST_KERNEL(a_uart_with_an_interrupt_of_the_gics_receives_by_it),
		TEST_KERNEL(what_is_no_interrupt_of_the_gics_is_not_asked_for),
		TEST_KERNEL(an_interrupt_that_is_never_for_a_byte_is_given_up),
		TEST_KERNEL(
			bytes_that_come_without_their_interrupt_are_received_and_it_is_given_up),
		TEST(ctrl_c_ends_the_output_and_what_was_typed_before_it),
		TEST(outside_a_command_ctrl_c_is_a_key_like_any_other),
		TEST(what_is_typed_during_an_output_is_read_after_it_in_order),
		TEST(a_page_waits_for_a_key),
		TEST(a_line_that_takes_two_rows_counts_as_two),
		TEST(a_line_of_eighty_columns_is_one_row),
		TEST(the_log_is_what_was_printed_last),
		TEST(without_a_device_everything_is_dropped),
		TEST(bytes_from_outside_reach_the_terminal_as_characters_only),
		cmocka_unit_test_setup_teardown(
			what_was_typed_before_interrupts_were_asked_for_is_not_lost, set_up,
			tear_down_interrupts),
		TEST_INTERRUPTS(the_cpu_sleeps_until_a_key_is_typed),
		TEST_INTERRUPTS(a_key_right_before_the_sleep_ends_it),
		TEST_INTERRUPTS(a_key_between_the_look_and_the_mask_keeps_the_cpu_awake),
		TEST_INTERRUPTS(
			a_full_ring_stops_the_interrupts_until_there_is_room_and_loses_nothing),
		TEST_INTERRUPTS(ctrl_c_makes_room_in_a_full_ring),
		TEST_INTERRUPTS(an_interrupt_without_a_byte_is_said_to_be_one),
		TEST_INTERRUPTS(ctrl_c_ends_the_output_and_what_was_typed_before_it),
		TEST_INTERRUPTS(outside_a_command_ctrl_c_is_a_key_like_any_other),
		TEST_INTERRUPTS(what_is_typed_during_an_output_is_read_after_it_in_order),
		TEST_INTERRUPTS(a_page_waits_for_a_key),
		TEST(a_screen_shows_the_log_first_and_then_all_there_is_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
