// SPDX-License-Identifier: MIT
/*
 * The kernel's console over a serial port.
 * Runs in the kernel, MMU on. Also from exception handlers, so it takes no lock, and what it keeps
 * is sound after every statement. Its buffers are not in .bss, which the boot clears word by word.
 */
#include <pagoda/console.h>
#include <pagoda/format.h>
#include <pagoda/serial.h>

#define PRINT_MAX 512 /* with the NUL */
#define TYPED_MAX 1024 /* powers of two, both */
#define LOG_MAX 16384
#define CTRL_C 3
#define COLUMNS 80

static struct serial_kind console_kind;
static volatile void *console_registers;

/* What was typed while something was printed. Both count bytes and are never taken modulo. */
static char typed[TYPED_MAX] __attribute__((section(".noinit")));
static u32 typed_in, typed_out;

static char log_text[LOG_MAX] __attribute__((section(".noinit")));
static u64 log_length; /* in all; the last LOG_MAX are there */

static bool watching, interrupted, log_shown;
static unsigned page_rows, page_left; /* of a terminal COLUMNS wide */
static size_t page_column;

void console_init(struct serial_kind kind, void *registers)
{
	console_kind = kind;
	console_registers = registers;
	if (!registers)
		return;
	serial_enable(kind, registers);
	serial_fifo_enable(kind, registers);
}

static int device_read(void)
{
	return console_registers ? serial_read(console_kind, console_registers) : -1;
}

/* Ctrl-C also drops what was typed before it, as a terminal does. */
static void take_typed(void)
{
	int c;

	while (typed_in - typed_out < TYPED_MAX && (c = device_read()) >= 0) {
		if (c == CTRL_C) {
			interrupted = true;
			typed_out = typed_in;
		} else {
			typed[typed_in % TYPED_MAX] = (char)c;
			typed_in++;
		}
	}
}

int console_read(void)
{
	if (typed_in == typed_out)
		return device_read();
	return (u8)typed[typed_out++ % TYPED_MAX];
}

static void device_write(const char *text, size_t length)
{
	/* What a stalled device does not take is lost; the next write tries it again. */
	if (console_registers)
		(void)serial_write(console_kind, console_registers, text, length);
}

static void log_write(const char *text, size_t length)
{
	if (log_shown)
		return;
	for (size_t i = 0; i < length; i++)
		log_text[log_length++ % LOG_MAX] = text[i];
}

/* Wait at the foot of a page: a blank goes on for a page, Enter for a row, q ends the output. */
static void page_wait(void)
{
	static const char question[] = "-- more: space, Enter, q --";
	static const char erase[] = "\r                           \r";

	_Static_assert(sizeof(erase) == sizeof(question) + 2, "one blank for each character");
	device_write(question, sizeof(question) - 1);
	page_left = 0;
	while (page_left == 0 && !interrupted) {
		int c = console_read();

		if (c == ' ')
			page_left = page_rows;
		else if (c == '\r' || c == '\n')
			page_left = 1;
		else if (c == 'q' || c == CTRL_C)
			interrupted = true;
	}
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

	for (size_t i = 0; i < length && !interrupted; i++) {
		if (text[i] != '\n')
			continue;
		device_write(text + start, i + 1 - start);
		page_end_line(page_column + (i - start));
		page_column = 0;
		start = i + 1;
	}
	if (interrupted)
		return;
	device_write(text + start, length - start);
	page_column += length - start;
}

void console_write(const char *text, size_t length)
{
	if (console_interrupted())
		return;
	log_write(text, length);
	if (page_rows != 0)
		write_pages(text, length);
	else
		device_write(text, length);
}

void console_write_safe(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		console_write(text[i] >= ' ' && text[i] <= '~' ? &text[i] : "?", 1);
}

void print(const char *text, ...)
{
	char buffer[PRINT_MAX];
	va_list arguments;
	size_t length;

	va_start(arguments, text);
	length = format_list(buffer, sizeof(buffer), text, arguments);
	va_end(arguments);
	console_write(buffer, min_u64(length, sizeof(buffer) - 1));
}

void console_watch_begin(unsigned rows)
{
	watching = true;
	interrupted = false;
	page_rows = page_left = rows;
	page_column = 0;
}

bool console_watch_end(void)
{
	bool was = interrupted;

	watching = false;
	interrupted = false;
	page_rows = 0;
	return was;
}

bool console_interrupted(void)
{
	if (watching)
		take_typed();
	return interrupted;
}

void console_show_log(void)
{
	u64 end = log_length, at = end > LOG_MAX ? end - LOG_MAX : 0;

	log_shown = true; /* or it would grow while it is shown */
	for (; at < end && !interrupted; at++)
		console_write(&log_text[at % LOG_MAX], 1);
	log_shown = false;
}
