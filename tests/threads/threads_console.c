// SPDX-License-Identifier: MIT
/*
 * The console used by several threads at once, watched by ThreadSanitizer: lines are whole, on the
 * device and in the log; a report comes out whoever has the output; what is typed is read once.
 * Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/lib/serial.h>

#include "support/host_lock.h"
#include "threads.h"

#define THREADS 4
#define LINES 300
#define SENT_MAX (1 << 18)

static char sent[SENT_MAX];
static size_t sent_length; /* no atomic: one at a time writes to the device */
static u32 registers[1024];
static u32 typed_left; /* likewise */
static __thread struct cpu cpu;

void *cpu_pointer(void)
{
	return &cpu;
}

/* A slow clock, unless a test is about waiting: threads of a busy machine may be long in a line. */
#define SLOW 40000000000
#define FAST 400000000

static u64 frequency;

u64 counter_read(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000000 + (u64)now.tv_nsec;
}

u64 counter_frequency(void)
{
	return frequency;
}

void pl011_enable(struct serial_kind kind, volatile void *device)
{
	(void)kind;
	(void)device;
}

unsigned pl011_fifo_enable(struct serial_kind kind, volatile void *device)
{
	(void)kind;
	(void)device;
	return 16;
}

struct serial_register pl011_status(struct serial_kind kind)
{
	(void)kind;
	return (struct serial_register){ 0x18, sizeof(u32) };
}

static bool begun, reported;

static bool is(const char *what, const char *text, size_t length)
{
	return length == strlen(what) && memcmp(text, what, length) == 0;
}

/* In the middle of writing: the device hangs until a report is out, or an exception is reported. */
static void happen(const char *text, size_t length)
{
	if (is("hang", text, length)) {
		__atomic_store_n(&begun, true, __ATOMIC_RELEASE);
		while (!__atomic_load_n(&reported, __ATOMIC_ACQUIRE))
			sched_yield();
	}
	if (is("fault", text, length)) {
		cpu.reports = 1;
		print("pagoda: report\n");
		cpu.reports = 0;
	}
}

bool pl011_write(struct serial_kind kind, volatile void *device, unsigned depth, const char *text,
		 size_t length)
{
	(void)kind;
	(void)device;
	(void)depth;
	assert_true(length < sizeof(sent) - sent_length);
	happen(text, length);
	memcpy(sent + sent_length, text, length);
	sent_length += length;
	sent[sent_length] = '\0';
	return true;
}

int pl011_read(struct serial_kind kind, volatile void *device)
{
	(void)kind;
	(void)device;
	return typed_left > 0 ? (int)(typed_left-- % 26) + 'a' : -1;
}

void pl011_receive_interrupt(struct serial_kind kind, volatile void *device, bool on)
{
	(void)kind;
	(void)device;
	(void)on;
}

/* Rooms below, which nobody asks here. */
void interrupt_sleep(void)
{
}

const struct devices *kernel_devices(const struct kernel *kernel)
{
	(void)kernel;
	return NULL;
}

const char *interrupt_result_str(enum interrupt_result result)
{
	(void)result;
	return "";
}

enum interrupt_result interrupt_timer_try(const struct kernel *kernel)
{
	(void)kernel;
	return INTERRUPT_NO_TIMER;
}

enum interrupt_result interrupt_register(const struct interrupt *interrupt)
{
	(void)interrupt;
	return INTERRUPT_NO_LINE;
}

void interrupt_unregister(u32 number)
{
	(void)number;
}

static int set_up(void **state)
{
	(void)state;
	console_init((struct serial_kind){ 0 }, registers);
	sent_length = 0;
	memset(sent, 0, sizeof(sent));
	frequency = SLOW;
	return 0;
}

/* A line in pieces, as reports print them. */
static void print_line(unsigned thread, unsigned i)
{
	print("[%u:", thread);
	print("%u", i);
	print(" and so on, %s", "for a while");
	print("]\n");
}

static void print_lines(struct thread *thread)
{
	for (unsigned i = 0; i < LINES; i++)
		print_line(thread->number, i);
}

/* All lines are there, each thread's in their order, and nothing else is. */
static void assert_lines_are_whole(char *text, unsigned threads)
{
	unsigned next[THREADS_MAX] = { 0 }, count = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), count++) {
		unsigned thread, i;
		int length = 0;

		assert_int_equal(
			sscanf(line, "[%u:%u and so on, for a while]%n", &thread, &i, &length), 2);
		assert_int_equal(strlen(line), length);
		assert_true(thread < threads);
		assert_int_equal(i, next[thread]++);
	}
	assert_int_equal(count, threads * LINES);
}

static void a_line_of_one_is_not_torn_by_another(void **state)
{
	(void)state;
	threads_run(THREADS, print_lines, NULL);
	assert_lines_are_whole(sent, THREADS);
}

static void show_or_print(struct thread *thread)
{
	if (thread->number != 0)
		print_lines(thread);
	else
		for (unsigned i = 0; i < 5; i++) {
			console_show_log();
			print("\n"); /* it may end in the middle of a line */
		}
}

/* What others print meanwhile is in the log, and what shows it is not. */
static void the_log_is_shown_while_others_print(void **state)
{
	unsigned next[THREADS] = { 0 };

	(void)state;
	threads_run(THREADS, show_or_print, NULL);
	sent_length = 0;
	console_show_log();
	assert_int_equal(sent_length, 16384);
	for (char *line = strchr(sent, '\n') + 1; *line != '\0'; line = strchr(line, '\n') + 1) {
		unsigned thread, i;
		int length = 0;

		if (*line == '\n')
			continue;
		(void)sscanf(line, "[%u:%u and so on, for a while]%n", &thread, &i, &length);
		assert_int_equal(line[length], '\n');
		assert_true(thread > 0 && thread < THREADS && i < LINES);
		assert_true(next[thread] == 0 || next[thread] == i);
		next[thread] = i + 1;
	}
}

static void begin_a_line(struct thread *thread)
{
	if (thread->number == 0) {
		print("half a line");
		__atomic_store_n(&begun, true, __ATOMIC_RELEASE);
		return;
	}
	while (!__atomic_load_n(&begun, __ATOMIC_ACQUIRE))
		sched_yield();
	print("another\n");
}

static void who_does_not_end_his_line_is_waited_for_but_not_for_ever(void **state)
{
	u64 before = counter_read();

	(void)state;
	begun = false;
	frequency = FAST;
	threads_run(2, begin_a_line, NULL);
	assert_true(counter_read() - before >= FAST / 4);
	assert_string_equal(sent, "half a line\nanother\n");
}

static void report_or_print(struct thread *thread)
{
	if (thread->number != 0) {
		print_lines(thread);
		return;
	}
	cpu.reports = 1;
	for (unsigned i = 0; i < 20; i++)
		print("pagoda: report %u\n", i);
}

static void a_report_comes_out_while_others_print(void **state)
{
	char text[40];

	(void)state;
	threads_run(2, report_or_print, NULL);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "pagoda: report %u\n", i);
		assert_non_null(strstr(sent, text));
	}
}

static void a_report_from_the_middle_of_output_comes_out(void **state)
{
	(void)state;
	print("before\n");
	print("fault");
	assert_string_equal(sent, "before\npagoda: report\nfault");
	print("\n");
}

static void hang_or_report(struct thread *thread)
{
	if (thread->number == 0) {
		print("hang");
		return;
	}
	while (!__atomic_load_n(&begun, __ATOMIC_ACQUIRE))
		sched_yield();
	cpu.reports = 1;
	print("pagoda: report\n");
	print("pagoda: more of it\n");
	__atomic_store_n(&reported, true, __ATOMIC_RELEASE);
}

/* For this it waits once. Last: from then on no report waits. */
static void a_report_comes_out_though_the_output_is_never_given_back(void **state)
{
	u64 before = counter_read();

	(void)state;
	begun = reported = false;
	frequency = FAST;
	threads_run(2, hang_or_report, NULL);
	assert_true(counter_read() - before >= FAST / 4);
	assert_non_null(strstr(sent, "pagoda: report\npagoda: more of it\n"));
}

static void wait_for_a_key(struct thread *thread)
{
	(void)thread;
	print("prompt> ");
	assert_int_equal(console_wait(), 'b');
}

static void who_waits_for_a_key_keeps_nobody_waiting(void **state)
{
	u64 before;

	(void)state;
	typed_left = 1;
	threads_run(1, wait_for_a_key, NULL);
	before = counter_read();
	print("told\n"); /* another CPU's than the prompt's */
	assert_true(counter_read() - before < SLOW / 4);
	assert_string_equal(sent, "prompt> \ntold\n");
}

static u64 read_count;

static void read_keys(struct thread *thread)
{
	(void)thread;
	while (console_read() >= 0)
		__atomic_fetch_add(&read_count, 1, __ATOMIC_RELAXED);
}

static void what_is_typed_is_read_once(void **state)
{
	(void)state;
	read_count = 0;
	typed_left = 100000;
	threads_run(THREADS, read_keys, NULL);
	assert_int_equal(typed_left, 0);
	assert_int_equal(read_count, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_of_one_is_not_torn_by_another, set_up),
		cmocka_unit_test_setup(the_log_is_shown_while_others_print, set_up),
		cmocka_unit_test_setup(who_waits_for_a_key_keeps_nobody_waiting, set_up),
		cmocka_unit_test_setup(what_is_typed_is_read_once, set_up),
		cmocka_unit_test_setup(who_does_not_end_his_line_is_waited_for_but_not_for_ever,
				       set_up),
		cmocka_unit_test_setup(a_report_comes_out_while_others_print, set_up),
		cmocka_unit_test_setup(a_report_from_the_middle_of_output_comes_out, set_up),
		cmocka_unit_test_setup(a_report_comes_out_though_the_output_is_never_given_back,
				       set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
