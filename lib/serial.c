// SPDX-License-Identifier: MIT
/*
 * From a kind of serial port to its driver, and to its names.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, function pointers: hence switches made of the rows.
 */
#include <pagoda/lib/serial.h>

#define WORDS(type, driver, name, earlycon, ...) [type] = { name, earlycon, { __VA_ARGS__ } },

static const struct serial_words words[] = { UARTS(WORDS) };

const struct serial_words *serial_words(unsigned type)
{
	return type < ARRAY_SIZE(words) ? &words[type] : NULL;
}

const char *serial_type_str(enum serial_type type)
{
	return type < ARRAY_SIZE(words) ? words[type].name : "unknown UART";
}

#define STATUS(type, driver, ...) \
	case type:                \
		return driver##_status(kind);

struct serial_register serial_status(struct serial_kind kind)
{
	switch ((enum serial_type)kind.type) {
		UARTS(STATUS)
	}
	return (struct serial_register){ 0, sizeof(u32) };
}

#define ENABLE(type, driver, ...)                 \
	case type:                                \
		driver##_enable(kind, registers); \
		break;

void serial_enable(struct serial_kind kind, volatile void *registers)
{
	switch ((enum serial_type)kind.type) {
		UARTS(ENABLE)
	}
}

#define FIFO_ENABLE(type, driver, ...) \
	case type:                     \
		return driver##_fifo_enable(kind, registers);

unsigned serial_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	switch ((enum serial_type)kind.type) {
		UARTS(FIFO_ENABLE)
	}
	return 1;
}

#define WRITE(type, driver, ...) \
	case type:               \
		return driver##_write(kind, registers, depth, text, length);

bool serial_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		  const char *text, size_t length)
{
	switch ((enum serial_type)kind.type) {
		UARTS(WRITE)
	}
	return false;
}

#define READ(type, driver, ...) \
	case type:              \
		return driver##_read(kind, registers);

int serial_read(struct serial_kind kind, volatile void *registers)
{
	switch ((enum serial_type)kind.type) {
		UARTS(READ)
	}
	return -1;
}

#define RECEIVE_INTERRUPT(type, driver, ...)                     \
	case type:                                               \
		driver##_receive_interrupt(kind, registers, on); \
		break;

void serial_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	switch ((enum serial_type)kind.type) {
		UARTS(RECEIVE_INTERRUPT)
	}
}
