// SPDX-License-Identifier: MIT
/*
 * The kernel's console over the PL011 driver.
 * Runs in the kernel, MMU on. Also from exception handlers, so it takes no lock and keeps no state
 * but the device's address.
 */
#include <pagoda/console.h>
#include <pagoda/format.h>
#include <pagoda/pl011.h>

#define PRINT_MAX 512 /* with the NUL */

static volatile u32 *console_registers;

void console_init(void *registers)
{
	console_registers = registers;
	if (registers)
		pl011_enable(console_registers);
}

void console_write(const char *text, size_t length)
{
	/* What a stalled device does not take is lost; the next write tries it again. */
	if (console_registers)
		(void)pl011_write(console_registers, text, length);
}

void console_write_safe(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		console_write(text[i] >= ' ' && text[i] <= '~' ? &text[i] : "?", 1);
}

int console_read(void)
{
	return console_registers ? pl011_read(console_registers) : -1;
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
