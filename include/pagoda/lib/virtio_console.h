/* SPDX-License-Identifier: MIT */
/*
 * Port 0 of a virtio console behind virtio-mmio, for output: one queue, one buffer in flight. The
 * device reads and writes memory by itself. Every wait is bounded. Source: Virtio 1.2: 2.7 (split
 * virtqueues), 3.1 (initialization), 4.2 (over MMIO; 4.2.4: version 1, "legacy"), 5.3 (consoles).
 */
#ifndef PAGODA_VIRTIO_CONSOLE_H
#define PAGODA_VIRTIO_CONSOLE_H

#include <pagoda/types.h>

#define VIRTIO_REGISTERS_SIZE 0x100
#define VIRTIO_REGISTERS_ALIGN 4

/* What a device is given: memory of ours, Normal and write-back, as such devices see it. */
#define VIRTIO_MEMORY_SIZE 8192
#define VIRTIO_MEMORY_ALIGN 4096

enum virtio_fault {
	VIRTIO_OK,
	VIRTIO_ABSENT, /* no magic value, or device ID 0: an empty place on the bus */
	VIRTIO_OTHER, /* a device, but no console */
	VIRTIO_BAD_VERSION, /* neither 1 nor 2 */
	VIRTIO_NO_RESET, /* it does not come to rest */
	VIRTIO_BAD_FEATURES, /* it wants what the driver does not have */
	VIRTIO_QUEUE_BUSY, /* somebody's, after a reset */
	VIRTIO_QUEUE_SMALL,
	VIRTIO_MEMORY_FAR, /* version 1 does not reach it */
};

/* A predicate: "has no queue of the size needed". */
const char *virtio_fault_str(enum virtio_fault fault);

struct virtio_console {
	volatile void *registers;
	u8 *memory;
	u64 memory_pa;
	u16 sent; /* buffers, modulo 2^16 */
	bool stalled; /* it did not give the last one back */
};

/* virtio_console_find() - VIRTIO_OK where there is a console. Reads only. */
enum virtio_fault virtio_console_find(volatile void *registers);

/*
 * virtio_console_begin() - make the console that was found ready to write to, with the
 * VIRTIO_MEMORY_SIZE bytes at @memory, all zero, whose physical address is @memory_pa. Where that
 * fails the memory is not in use by the device.
 */
enum virtio_fault virtio_console_begin(struct virtio_console *console, volatile void *registers,
				       void *memory, u64 memory_pa);

/*
 * virtio_console_write() - send @length bytes, "\n" as "\r\n". False where the device stopped
 * taking them: the rest is lost, and so is what comes, until it goes on.
 */
bool virtio_console_write(struct virtio_console *console, const char *text, size_t length);

#endif /* PAGODA_VIRTIO_CONSOLE_H */
