// SPDX-License-Identifier: MIT
/*
 * System calls: by number, and those that are about nothing but the console, time and itself.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/console/console.h>

#include "parts.h"

#define COPY_MAX 256 /* bytes at a time, on the stack */
#define CALL_SIZE 4 /* of the instruction */
#define CALL_NUMBER 8 /* the register */
#define SECOND ((u64)1000000000) /* in nanoseconds */
#define RETRIES_A_SECOND 50 /* while there is nothing to read */

static s64 write_console(const struct process *process, u64 from, u64 size)
{
	u64 done = 0;

	while (done < size) {
		u64 piece = min_u64(size - done, COPY_MAX);
		char text[COPY_MAX];

		if (!user_get(process, text, from + done, piece))
			return done > 0 ? (s64)done : -LINUX_EFAULT;
		console_write(text, piece);
		done += piece;
	}
	return (s64)done;
}

static bool is_output(u64 file)
{
	return file == 1 || file == 2;
}

static s64 call_write(const struct process *process, u64 file, u64 from, u64 size)
{
	return is_output(file) ? write_console(process, from, size) : -LINUX_EBADF;
}

/* The total, as far as it went. */
static s64 call_writev(const struct process *process, u64 file, u64 vector, u64 count)
{
	s64 total = 0;

	if (!is_output(file))
		return -LINUX_EBADF;
	if (count > LINUX_IOV_MAX)
		return -LINUX_EINVAL;
	for (u64 i = 0; i < count; i++) {
		u64 piece[2];
		s64 written = -LINUX_EFAULT;

		if (user_get(process, piece, vector + i * sizeof(piece), sizeof(piece)))
			written = write_console(process, piece[0], piece[1]);
		if (written < 0)
			return total > 0 ? total : written;
		total += written;
	}
	return total;
}

static void sleep_until(struct process *process, u64 wake)
{
	process->then = PROCESS_SLEEPING;
	process->wake = wake;
}

/* Whoever finds nothing asks again, a little later: the call is made anew. */
static s64 call_read(struct process *process, u64 file, u64 to, u64 size)
{
	u64 done = 0;

	if (file != 0)
		return -LINUX_EBADF;
	if (!process->foreground)
		return -LINUX_EIO;
	while (done < size) {
		int c = console_read();
		char byte = c == '\r' ? '\n' : (char)c;

		if (c < 0)
			break;
		if (!user_put(process, to + done, &byte, 1))
			return -LINUX_EFAULT;
		done++;
	}
	if (done == 0 && size > 0) {
		process->frame.elr -= CALL_SIZE;
		sleep_until(process, counter_read() + counter_frequency() / RETRIES_A_SECOND);
		return (s64)process->frame.x[0];
	}
	return (s64)done;
}

struct timespec {
	u64 seconds, nanoseconds;
};

/* Since the counter began; nobody has told the time of day. */
static s64 call_clock_gettime(const struct process *process, u64 clock, u64 to)
{
	u64 now = counter_read(), frequency = counter_frequency();
	struct timespec time = { now / frequency, now % frequency * SECOND / frequency };

	if (clock >= LINUX_CLOCKS)
		return -LINUX_EINVAL;
	return user_put(process, to, &time, sizeof(time)) ? 0 : -LINUX_EFAULT;
}

static s64 call_nanosleep(struct process *process, u64 from)
{
	u64 frequency = counter_frequency(), ticks;
	struct timespec time;

	if (!user_get(process, &time, from, sizeof(time)))
		return -LINUX_EFAULT;
	if (time.nanoseconds >= SECOND || time.seconds >> 31 != 0)
		return -LINUX_EINVAL;
	ticks = time.seconds * frequency + time.nanoseconds * frequency / SECOND;
	sleep_until(process, counter_read() + ticks);
	return 0;
}

/* It is another's turn. */
static s64 call_yield(struct process *process)
{
	process->slice_end = 0;
	return 0;
}

static s64 call_exit(struct process *process, u64 status)
{
	process_end(process, (int)(status & 0xff));
	return 0;
}

static s64 call_ioctl(u64 file)
{
	return file <= 2 ? -LINUX_ENOTTY : -LINUX_EBADF;
}

static s64 dispatch(struct process *process, const u64 x[6], u64 number)
{
	switch (number) {
	case LINUX_IOCTL:
		return call_ioctl(x[0]);
	case LINUX_FTRUNCATE:
		return call_ftruncate(process, x[0], x[1]);
	case LINUX_CLOSE:
		return call_close(process, x[0]);
	case LINUX_READ:
		return call_read(process, x[0], x[1], x[2]);
	case LINUX_WRITE:
		return call_write(process, x[0], x[1], x[2]);
	case LINUX_WRITEV:
		return call_writev(process, x[0], x[1], x[2]);
	case LINUX_EXIT:
	case LINUX_EXIT_GROUP:
		return call_exit(process, x[0]);
	case LINUX_NANOSLEEP:
		return call_nanosleep(process, x[0]);
	case LINUX_CLOCK_GETTIME:
		return call_clock_gettime(process, x[0], x[1]);
	case LINUX_SCHED_YIELD:
		return call_yield(process);
	case LINUX_SET_TID_ADDRESS: /* there is one thread, and nobody waits for its end */
	case LINUX_GETPID:
	case LINUX_GETTID:
		return process->number;
	case LINUX_BRK:
		return call_brk(process, x[0]);
	case LINUX_MUNMAP:
		return call_munmap(process, x[0], x[1]);
	case LINUX_MMAP:
		return call_mmap(process, x);
	case LINUX_MPROTECT:
		return call_mprotect(process, x[0], x[1], x[2]);
	case LINUX_MEMFD_CREATE:
		return call_memfd_create(process, x[0], x[1]);
	}
	return -LINUX_ENOSYS;
}

void process_call(struct process *process)
{
	u64 *x = process->frame.x;

	process->calls++;
	x[0] = (u64)dispatch(process, x, x[CALL_NUMBER]);
}
