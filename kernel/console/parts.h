/* SPDX-License-Identifier: MIT */
/*
 * What the console's parts share. For kernel/console only. Kernel, MMU on, and the host.
 */
#ifndef CONSOLE_PARTS_H
#define CONSOLE_PARTS_H

#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/lib/screen.h>
#include <pagoda/lib/serial.h>
#include <pagoda/lib/virtio_console.h>

/* Where it is; chosen at boot. */
struct console_device {
	struct serial_kind kind;
	volatile void *registers; /* a serial port's, */
	unsigned depth; /* and of its FIFO; */
	struct virtio_console *virtio; /* where there is none, */
	struct screen *screen; /* one of these, if any */
};

extern struct console_device console_device;

/* console_reports() - this CPU reports an exception: it waits for nobody, or not for long. */
static inline bool console_reports(void)
{
	return cpu_this()->reports != 0;
}

/*
 * console_sleep() - with interrupts masked, while the console receives by them: until a key is
 * typed, or for a moment.
 */
void console_sleep(void);

/* console_let_go() - this CPU is about to wait for a key: nobody else is to, for its line's end. */
void console_let_go(void);

/*
 * console_watch() - from now on Ctrl-C ends this CPU's output, until console_watch_end().
 * console_is_watched() - whether this CPU's is it. console_interrupt() - as if it were typed.
 * console_is_interrupted() - it was; without a look at what is typed.
 */
void console_watch(void);
bool console_is_watched(void);
void console_interrupt(void);
bool console_is_interrupted(void);

#endif /* CONSOLE_PARTS_H */
