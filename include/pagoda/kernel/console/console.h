/* SPDX-License-Identifier: MIT */
/*
 * The kernel's console: what is printed, what was typed, and a memory of the former. MMU
 * on, after console_init(); before that, output is only remembered. The early runtime writes to the
 * same device through serial.h with the MMU off.
 */
#ifndef PAGODA_CONSOLE_H
#define PAGODA_CONSOLE_H

#include <pagoda/lib/screen.h>
#include <pagoda/lib/serial.h>
#include <pagoda/lib/virtio_console.h>

/*
 * console_init() - @registers: a serial port's, mapped as Device memory; null for no console.
 */
void console_init(struct serial_kind kind, void *registers);

/*
 * console_use_virtio(), console_use_screen() - from now on output goes there, and nowhere else, all
 * that is remembered of what was printed first; nothing is received any more. @virtio, @screen: of
 * static duration.
 */
void console_use_virtio(struct virtio_console *virtio);
void console_use_screen(struct screen *screen);

/*
 * console_write() - @length bytes as they are; "\n" becomes "\r\n". Bounded: a dead device drops.
 */
void console_write(const char *text, size_t length);

/*
 * console_write_safe() - @length bytes that come from outside, with '?' for each that a terminal
 * might take for more than a character.
 */
void console_write_safe(const char *text, size_t length);

/* console_read() - the next byte that was typed, or -1 where there is none. Does not wait. */
int console_read(void);

/* console_wait() - the next byte that was typed; waits for it. */
int console_wait(void);

/*
 * console_wait_working() - the same, and meanwhile @work is called for as long as it is true: it
 * has done something, which took no longer than anybody notices.
 */
int console_wait_working(bool (*work)(void));

/*
 * console_receive_by_interrupt() - with @on, the device interrupts, and it is not polled any more
 * but console_receive() called for each interrupt. False where that found nothing to receive. A
 * device that has more than there is room for is kept from interrupting until there is.
 */
void console_receive_by_interrupt(bool on);
bool console_receive(void);

struct kernel;

/*
 * console_receive_start() - from now on the CPU takes interrupts, and the console receives by them,
 * where that can be; it goes back to being polled by itself where that turns out to be wrong.
 * console_receives() - true and the number of the interrupt where it does; else why not.
 */
void console_receive_start(const struct kernel *kernel);
bool console_receives(u32 *number, const char **why_not);

/* print() - formatted text, as format() does it, of at most 511 characters; the rest is cut. */
void print(const char *text, ...) __attribute__((format(printf, 1, 2)));

/*
 * console_watch_begin() - from now on Ctrl-C ends the output: what is written is dropped, until
 * console_watch_end(), which is true where that has happened. What else is typed meanwhile is kept
 * for console_read(), as much as there is room for, and the rest left to the device.
 * @page_rows: wait for a key after so many rows; 0: never.
 */
void console_watch_begin(unsigned page_rows);
bool console_watch_end(void);

/* console_interrupted() - Ctrl-C was typed: whoever prints much asks, and stops. */
bool console_interrupted(void);

/* console_show_log() - print what was printed before, from as far back as is remembered. */
void console_show_log(void);

#endif /* PAGODA_CONSOLE_H */
