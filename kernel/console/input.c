// SPDX-License-Identifier: MIT
/*
 * What was typed, and Ctrl-C among it.
 * Runs in the kernel, MMU on, on any CPU; console_receive() in the handler of an interrupt. So all
 * of it is one CPU's at a time, with interrupts masked; nobody has it and the output at once.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/lib/serial.h>
#include "parts.h"

#define TYPED_MAX 1024 /* a power of two */
#define CTRL_C 3

static struct lock input;

/*
 * What was typed and not read. All three count bytes and are never taken modulo: received, looked
 * at for Ctrl-C, and read.
 */
static char typed[TYPED_MAX] __attribute__((section(".noinit")));
static u32 typed_in, typed_out, typed_seen;

/* The device interrupts, unless the ring is full. */
static bool by_interrupt, receive_paused;

/* The CPU whose output Ctrl-C ends, or 0; and whether it has. */
static u64 watcher;
static bool interrupted;

bool console_is_watched(void)
{
	return __atomic_load_n(&watcher, __ATOMIC_RELAXED) == lock_self();
}

static void interrupted_set(bool on)
{
	__atomic_store_n(&interrupted, on, __ATOMIC_RELAXED);
}

void console_interrupt(void)
{
	interrupted_set(true);
}

bool console_is_interrupted(void)
{
	return __atomic_load_n(&interrupted, __ATOMIC_RELAXED);
}

static int device_read(void)
{
	return console_device.registers ?
		       serial_read(console_device.kind, console_device.registers) :
		       -1;
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
	serial_receive_interrupt(console_device.kind, console_device.registers, !receive_paused);
}

static bool receive_interrupted(void)
{
	u32 before = typed_in;

	if (receive_paused)
		return false;
	receive();
	if (typed_in - typed_out == TYPED_MAX) {
		receive_paused = true;
		serial_receive_interrupt(console_device.kind, console_device.registers, false);
	}
	return typed_in != before;
}

bool console_receive(void)
{
	u64 daif = lock_take_masked(&input);
	bool received = receive_interrupted();

	lock_drop_masked(&input, daif);
	return received;
}

/* At the end of a report nobody is asked, since that may be whom the report is about. */
void console_receive_by_interrupt(bool on)
{
	bool locked = !console_reports();
	u64 daif = locked ? lock_take_masked(&input) : 0;

	by_interrupt = on;
	receive_paused = false;
	if (on)
		receive_go_on();
	else if (console_device.registers)
		serial_receive_interrupt(console_device.kind, console_device.registers, false);
	if (locked)
		lock_drop_masked(&input, daif);
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
	u64 daif = lock_take_masked(&input);

	receive_more();
	while (typed_seen != typed_in)
		if (typed[typed_seen++ % TYPED_MAX] == CTRL_C) {
			console_interrupt();
			typed_out = typed_seen;
		}
	lock_drop_masked(&input, daif);
}

static int typed_take(void)
{
	receive_more();
	if (typed_in == typed_out)
		return -1;
	if (typed_seen == typed_out)
		typed_seen++;
	return (u8)typed[typed_out++ % TYPED_MAX];
}

int console_read(void)
{
	u64 daif = lock_take_masked(&input);
	int c = typed_take();

	lock_drop_masked(&input, daif);
	return c;
}

/* Nothing was typed, and it will be said when something is. */
static bool may_sleep(void)
{
	u64 daif = lock_take_masked(&input);
	bool may = by_interrupt && typed_in == typed_out;

	lock_drop_masked(&input, daif);
	return may;
}

/* Masked, an interrupt between the look and the sleep ends the sleep, and is taken after it. */
static void wait_typed(void)
{
	bool masked = interrupts_mask(true);

	if (may_sleep())
		console_sleep();
	else if (!console_device.registers || serial_is_for_output(console_device.kind))
		interrupt_wait(); /* for ever: nothing can be typed */
	interrupts_mask(masked);
}

int console_wait(void)
{
	int c;

	console_let_go();
	while ((c = console_read()) < 0)
		wait_typed();
	return c;
}

int console_wait_working(bool (*work)(void))
{
	int c;

	console_let_go();
	while ((c = console_read()) < 0)
		if (!work())
			wait_typed();
	return c;
}

void console_watch(void)
{
	u64 daif = lock_take_masked(&input);

	typed_seen = typed_out; /* a Ctrl-C right after the command is meant for it */
	lock_drop_masked(&input, daif);
	interrupted_set(false);
	__atomic_store_n(&watcher, lock_self(), __ATOMIC_RELAXED);
}

bool console_watch_end(void)
{
	bool was = console_is_interrupted();

	__atomic_store_n(&watcher, 0, __ATOMIC_RELAXED);
	interrupted_set(false);
	return was;
}

bool console_interrupted(void)
{
	if (console_is_watched())
		take_typed();
	return console_is_interrupted();
}
