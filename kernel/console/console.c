// SPDX-License-Identifier: MIT
/*
 * The kernel's console over a serial port, or over what is left to print on where there is none.
 * Runs in the kernel, MMU on, on any CPU. Also from exception handlers: a report must come out,
 * whoever has the output, and this CPU may be in the middle of it; so what is kept is sound after
 * every statement. Its buffers are not in .bss, which the boot clears word by word.
 *
 * The output, the log with it, is one CPU's at a time, and who has begun a line keeps the others
 * waiting for its end, but not for long. The handler of an interrupt prints nothing. The input is
 * input.c's.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/serial.h>
#include <pagoda/lib/string.h>
#include "parts.h"

#define PRINT_MAX 512 /* with the NUL */
#define LOG_MAX 16384 /* a power of two */
#define CTRL_C 3
#define COLUMNS 80
#define LOG_PIECE 128 /* of the log, to be shown at a time */
#define LINE_WAIT 4 /* parts of a second: for the end of another's line, */
#define REPORT_WAIT 4 /* and a report's for the output */

/* The device, the log, and whose line it is. */
static struct lock output;
static bool output_given_up; /* by a report: none waits for it any more */

static struct {
	bool open; /* has begun and not ended, */
	bool waits; /* since whoever began it waits for a key, */
	u64 owner; /* and that is this CPU: see lock_self() */
} line;

struct console_device console_device;

static char log_text[LOG_MAX] __attribute__((section(".noinit"), aligned(sizeof(u64))));
static u64 log_length; /* in all; the last LOG_MAX are there */

static u64 log_shower; /* the CPU that shows it, or 0 */

static unsigned page_rows, page_left; /* of a terminal COLUMNS wide */
static size_t page_column;

void console_init(struct serial_kind kind, void *registers)
{
	console_device.kind = kind;
	console_device.registers = registers;
	if (!registers)
		return;
	serial_enable(kind, registers);
	console_device.depth = serial_fifo_enable(kind, registers);
}

static bool is_past(u64 end)
{
	return (s64)(counter_read() - end) >= 0;
}

/* What a report must say is worth a torn line. One wait is enough: whoever has it is stuck. */
static bool output_wait_for_report(void)
{
	u64 end = counter_read() + counter_frequency() / REPORT_WAIT;

	while (!output_given_up && !lock_mine(&output)) {
		if (lock_try(&output))
			return true;
		output_given_up = is_past(end);
	}
	return false;
}

static bool __attribute__((noinline)) output_wait(void)
{
	if (console_reports())
		return output_wait_for_report();
	lock_take(&output);
	return true;
}

/* False where it is to be used without. Mostly nobody has it, and nobody is asked why. */
static bool output_take(void)
{
	return lock_try(&output) || output_wait();
}

static void output_drop(bool taken)
{
	if (taken)
		lock_drop(&output);
}

void console_let_go(void)
{
	lock_take(&output);
	line.waits |= line.owner == lock_self();
	lock_drop(&output);
}

static void device_write(const char *text, size_t length)
{
	/* What a stalled device does not take is lost; the next write tries it again. */
	if (console_device.registers)
		(void)serial_write(console_device.kind, console_device.registers,
				   console_device.depth, text, length);
	else if (console_device.virtio)
		(void)virtio_console_write(console_device.virtio, text, length);
	else if (console_device.screen)
		screen_write(console_device.screen, text, length);
}

/* What there is of the log goes to a device that has not seen it. */
static void replay(void)
{
	u64 at = log_length > LOG_MAX ? log_length - LOG_MAX : 0;

	while (at < log_length) {
		size_t start = at % LOG_MAX, piece = min_u64(log_length - at, LOG_MAX - start);

		device_write(&log_text[start], piece);
		at += piece;
	}
}

void console_use_virtio(struct virtio_console *virtio)
{
	bool taken = output_take();

	console_device.registers = NULL;
	console_device.virtio = virtio;
	replay();
	output_drop(taken);
}

void console_use_screen(struct screen *screen)
{
	bool taken = output_take();

	console_device.registers = NULL;
	console_device.virtio = NULL;
	console_device.screen = screen;
	replay();
	output_drop(taken);
}

static bool log_is_shown(void)
{
	return __atomic_load_n(&log_shower, __ATOMIC_RELAXED) == lock_self();
}

static void log_write(const char *text, size_t length)
{
	while (length > 0 && !log_is_shown()) {
		size_t at = log_length % LOG_MAX, piece = min_u64(length, LOG_MAX - at);

		memcpy(&log_text[at], text, piece);
		__atomic_store_n(&log_length, log_length + piece, __ATOMIC_RELAXED);
		text += piece;
		length -= piece;
	}
}

static bool line_is_anothers(void)
{
	return line.open && line.owner != lock_self();
}

/* Wait until it ends, or has had its time; then end it. */
static void __attribute__((noinline)) line_wait(void)
{
	u64 end = counter_read() + counter_frequency() / LINE_WAIT;

	while (line_is_anothers() && !line.waits && !console_reports() && !is_past(end)) {
		lock_drop(&output);
		lock_take(&output);
	}
	if (line_is_anothers()) {
		log_write("\n", 1);
		device_write("\n", 1);
	}
}

/* Take the output for a text. False where it is to be used without. */
static bool line_take(void)
{
	bool taken = output_take();

	if (line_is_anothers())
		line_wait();
	line.owner = lock_self();
	line.waits = false;
	return taken;
}

/* Wait at the foot of a page: a blank goes on for a page, Enter for a row, q ends the output. */
static void page_wait(void)
{
	static const char question[] = "-- more: space, Enter, q --";
	static const char erase[] = "\r                           \r";

	_Static_assert(sizeof(erase) == sizeof(question) + 2, "one blank for each character");
	device_write(question, sizeof(question) - 1);
	line.open = true;
	lock_drop(&output);
	page_left = 0;
	while (page_left == 0 && !console_is_interrupted()) {
		int c = console_wait();

		if (c == ' ')
			page_left = page_rows;
		else if (c == '\r' || c == '\n')
			page_left = 1;
		else if (c == 'q' || c == CTRL_C)
			console_interrupt();
	}
	(void)line_take();
	device_write(erase, sizeof(erase) - 1);
}

/* The end of a line that takes several rows is a page's where another such would not fit. */
static void page_end_line(size_t columns)
{
	unsigned rows = columns <= COLUMNS ? 1 : (unsigned)((columns + COLUMNS - 1) / COLUMNS);

	page_left -= (unsigned)min_u64(rows, page_left);
	if (page_left < min_u64(rows, page_rows))
		page_wait();
}

static void write_pages(const char *text, size_t length)
{
	size_t start = 0;

	for (size_t i = 0; i < length && !console_is_interrupted(); i++) {
		if (text[i] != '\n')
			continue;
		device_write(text + start, i + 1 - start);
		page_end_line(page_column + (i - start));
		page_column = 0;
		start = i + 1;
	}
	if (console_is_interrupted())
		return;
	device_write(text + start, length - start);
	page_column += length - start;
}

LANDING_PAD(console_write);

void console_write(const char *text, size_t length)
{
	bool taken;

	if (length == 0 || console_interrupted())
		return;
	taken = line_take();
	log_write(text, length);
	if (page_rows != 0 && console_is_watched())
		write_pages(text, length);
	else
		device_write(text, length);
	line.open = text[length - 1] != '\n';
	output_drop(taken);
}

void console_write_safe(const char *text, size_t length)
{
	size_t start = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] >= ' ' && text[i] <= '~')
			continue;
		console_write(text + start, i - start);
		console_write("?", 1);
		start = i + 1;
	}
	console_write(text + start, length - start);
}

/* The text begins as far behind a multiple of 8 as its place in the log, to be copied by words. */
void print(const char *text, ...)
{
	char buffer[PRINT_MAX + sizeof(u64)] __attribute__((aligned(sizeof(u64))));
	char *start = buffer + __atomic_load_n(&log_length, __ATOMIC_RELAXED) % sizeof(u64);
	va_list arguments;
	size_t length;

	va_start(arguments, text);
	length = format_list(start, PRINT_MAX, text, arguments);
	va_end(arguments);
	console_write(start, min_u64(length, PRINT_MAX - 1));
}

void console_watch_begin(unsigned rows)
{
	page_rows = page_left = rows;
	page_column = 0;
	console_watch();
}

/* A line of the log, or a piece of one, from @at on, unless that has gone: then what is left. */
static size_t log_read(u64 *at, u64 end, char piece[LOG_PIECE])
{
	size_t length = 0;

	lock_take(&output);
	if (log_length - *at > LOG_MAX)
		*at = log_length - LOG_MAX;
	while (*at < end && length < LOG_PIECE && (length == 0 || piece[length - 1] != '\n'))
		piece[length++] = log_text[(*at)++ % LOG_MAX];
	lock_drop(&output);
	return length;
}

void console_show_log(void)
{
	u64 end = __atomic_load_n(&log_length, __ATOMIC_RELAXED), at = 0;
	char piece[LOG_PIECE];
	size_t length;

	__atomic_store_n(&log_shower, lock_self(), __ATOMIC_RELAXED); /* or it would be logged */
	while (!console_is_interrupted() && (length = log_read(&at, end, piece)) != 0)
		console_write(piece, length);
	__atomic_store_n(&log_shower, 0, __ATOMIC_RELAXED);
}
