/* SPDX-License-Identifier: MIT */
/*
 * A console for tests of what is printed: console.h over a buffer. Included by the one source file
 * of a test program, since programs that test the console itself must not have it. Host only.
 */
#ifndef CONSOLE_CAPTURE_H
#define CONSOLE_CAPTURE_H

#include <stdio.h>
#include <string.h>

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>

#define CAPTURE_MAX (1 << 20)
#define CAPTURE_PRINT_MAX 512 /* print() cuts here, with the NUL */

static char captured[CAPTURE_MAX];
static size_t captured_length;

static inline void capture_clear(void)
{
	captured_length = 0;
	captured[0] = '\0';
}

void console_write(const char *text, size_t length)
{
	if (length >= CAPTURE_MAX - captured_length)
		fail_msg("the console was written more than %d bytes", CAPTURE_MAX);
	memcpy(captured + captured_length, text, length);
	captured_length += length;
	captured[captured_length] = '\0';
}

void console_write_safe(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		console_write(text[i] >= ' ' && text[i] <= '~' ? &text[i] : "?", 1);
}

void print(const char *text, ...)
{
	char buffer[CAPTURE_PRINT_MAX];
	va_list arguments;
	int length;

	va_start(arguments, text);
	length = vsnprintf(buffer, sizeof(buffer), text, arguments);
	va_end(arguments);
	if (length >= CAPTURE_PRINT_MAX)
		fail_msg("print() would have cut: %s", buffer);
	console_write(buffer, length);
}

void console_watch_begin(unsigned page_rows)
{
	(void)page_rows;
}

bool console_watch_end(void)
{
	return false;
}

bool console_interrupted(void)
{
	return false;
}

void console_show_log(void)
{
}

bool console_receives(u32 *number, const char **why_not)
{
	*number = 33;
	*why_not = "ok";
	return true;
}

void console_receive_start(const struct kernel *kernel)
{
	(void)kernel;
}

u64 counter_frequency(void)
{
	return 62500000;
}

#endif /* CONSOLE_CAPTURE_H */
