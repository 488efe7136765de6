// SPDX-License-Identifier: MIT
/*
 * The kernel's console over a serial port, or over what is left to print on where there is none.
 * Runs in the kernel, MMU on. Also from exception handlers, so it takes no lock, and what it keeps
 * is sound after every statement; what is received goes through a ring, of which an interrupt moves
 * one end and all others the other. Its buffers are not in .bss, which the boot clears word by
 * word.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/serial.h>
#include <pagoda/lib/string.h>
#include "receive.h"

#define PRINT_MAX 512 /* with the NUL */
#define TYPED_MAX 1024 /* powers of two, both */
#define LOG_MAX 16384
#define CTRL_C 3
#define COLUMNS 80

static struct serial_kind console_kind;
static volatile void *console_registers;
static unsigned console_depth; /* of its FIFO */
static struct virtio_console *console_virtio; /* where there is no serial port, */
static struct screen *console_screen; /* one of these, if any */

/*
 * What was typed and not read. All three count bytes and are never taken modulo: received, which
 * an interrupt changes; looked at for Ctrl-C; and read.
 */
static volatile char typed[TYPED_MAX] __attribute__((section(".noinit")));
static volatile u32 typed_in, typed_out;
static u32 typed_seen;

/* The device interrupts, unless the ring is full. */
static volatile bool by_interrupt, receive_paused;

static char log_text[LOG_MAX] __attribute__((section(".noinit"), aligned(sizeof(u64))));
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
	console_depth = serial_fifo_enable(kind, registers);
}

static int device_read(void)
{
	return console_registers ? serial_read(console_kind, console_registers) : -1;
}

static inline void receive(void)
{
	int c;

	while (typed_in - typed_out < TYPED_MAX && (c = device_read()) >= 0) {
		typed[typed_in % TYPED_MAX] = (char)c;
		typed_in++;
	}
}

/* Read first: what came before an interrupt was asked for need not cause one. */
static void receive_go_on(void)
{
	receive();
	receive_paused = typed_in - typed_out == TYPED_MAX;
	serial_receive_interrupt(console_kind, console_registers, !receive_paused);
}

bool console_receive(void)
{
	u32 before = typed_in;

	if (receive_paused)
		return false;
	receive();
	if (typed_in - typed_out == TYPED_MAX) {
		receive_paused = true;
		serial_receive_interrupt(console_kind, console_registers, false);
	}
	return typed_in != before;
}

void console_receive_by_interrupt(bool on)
{
	by_interrupt = on;
	receive_paused = false;
	if (on)
		receive_go_on();
	else if (console_registers)
		serial_receive_interrupt(console_kind, console_registers, false);
}

/* Whatever there is in the device that does not come by itself. */
static void receive_more(void)
{
	if (!by_interrupt)
		receive();
	else if (receive_paused && typed_in - typed_out <= TYPED_MAX / 2)
		receive_go_on();
}

/* Ctrl-C also drops what was typed before it, as a terminal does. */
static void take_typed(void)
{
	receive_more();
	while (typed_seen != typed_in)
		if (typed[typed_seen++ % TYPED_MAX] == CTRL_C) {
			interrupted = true;
			typed_out = typed_seen;
		}
}

int console_read(void)
{
	u8 c;

	receive_more();
	if (typed_in == typed_out)
		return -1;
	if (typed_seen == typed_out)
		typed_seen++;
	c = (u8)typed[typed_out % TYPED_MAX];
	typed_out++; /* only now may an interrupt put another byte there */
	return c;
}

/* Masked, an interrupt between the look and the sleep ends the sleep, and is taken after it. */
static void wait_typed(void)
{
	bool masked = interrupts_mask(true);

	if (by_interrupt && typed_in == typed_out)
		console_sleep();
	else if (!console_registers)
		interrupt_wait(); /* for ever: nothing can be typed */
	interrupts_mask(masked);
}

int console_wait(void)
{
	int c;

	while ((c = console_read()) < 0)
		wait_typed();
	return c;
}

int console_wait_working(bool (*work)(void))
{
	int c;

	while ((c = console_read()) < 0)
		if (!work())
			wait_typed();
	return c;
}

static void device_write(const char *text, size_t length)
{
	/* What a stalled device does not take is lost; the next write tries it again. */
	if (console_registers)
		(void)serial_write(console_kind, console_registers, console_depth, text, length);
	else if (console_virtio)
		(void)virtio_console_write(console_virtio, text, length);
	else if (console_screen)
		screen_write(console_screen, text, length);
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
	console_registers = NULL;
	console_virtio = virtio;
	replay();
}

void console_use_screen(struct screen *screen)
{
	console_registers = NULL;
	console_virtio = NULL;
	console_screen = screen;
	replay();
}

static void log_write(const char *text, size_t length)
{
	while (length > 0 && !log_shown) {
		size_t at = log_length % LOG_MAX, piece = min_u64(length, LOG_MAX - at);

		memcpy(&log_text[at], text, piece);
		log_length += piece;
		text += piece;
		length -= piece;
	}
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
		int c = console_wait();

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
	char *start = buffer + log_length % sizeof(u64);
	va_list arguments;
	size_t length;

	va_start(arguments, text);
	length = format_list(start, PRINT_MAX, text, arguments);
	va_end(arguments);
	console_write(start, min_u64(length, PRINT_MAX - 1));
}

void console_watch_begin(unsigned rows)
{
	watching = true;
	interrupted = false;
	typed_seen = typed_out; /* a Ctrl-C right after the command is meant for it */
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
