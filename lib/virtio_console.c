// SPDX-License-Identifier: MIT
/*
 * A virtio console behind virtio-mmio.
 * Runs in the kernel, MMU on, also in exception handlers, and on the host.
 *
 *   memory   0     descriptors   16 bytes each
 *            128   available     flags, index, ring: what the device may take
 *            2048  text          what the one descriptor in use points to
 *            4096  used          flags, index, ring: what it has given back
 *
 * That is the one layout that version 1 knows, where the place of the descriptors says where all
 * else is; version 2 is told. A store of an index is a release and a load an acquire, so that the
 * device sees what the index stands for; and so is the store to a register that wakes it up.
 */
#include <pagoda/lib/mmio.h>
#include <pagoda/lib/virtio_console.h>

#define QUEUE_SIZE 8 /* more than the one that is used: few devices were ever tried with less */
#define QUEUE_TRANSMIT 1
#define AVAILABLE_AT 128
#define TEXT_AT 2048
#define TEXT_MAX 2048
#define USED_AT 4096
#define USED_INDEX_AT (USED_AT + 2)

_Static_assert(AVAILABLE_AT == QUEUE_SIZE * 16, "version 1 would look elsewhere");

#define MAGIC 0x74726976 /* "virt" */
#define DEVICE_CONSOLE 3
#define FEATURE_VERSION_1 1 /* bit 32: in the second word */
#define AVAILABLE_NO_INTERRUPT 1

enum {
	STATUS_ACKNOWLEDGE = 1,
	STATUS_DRIVER = 2,
	STATUS_DRIVER_OK = 4,
	STATUS_FEATURES_OK = 8,
	STATUS_NEEDS_RESET = 64,
	STATUS_FAILED = 128,
};

/* Registers, at these offsets, 32 bits each. */
enum {
	MAGIC_VALUE = 0x00,
	VERSION = 0x04,
	DEVICE_ID = 0x08,
	DEVICE_FEATURES = 0x10,
	DEVICE_FEATURES_SELECT = 0x14,
	DRIVER_FEATURES = 0x20,
	DRIVER_FEATURES_SELECT = 0x24,
	GUEST_PAGE_SIZE = 0x28, /* version 1, as all that is said to be */
	QUEUE_SELECT = 0x30,
	QUEUE_SIZE_MAX = 0x34,
	QUEUE_SIZE_SET = 0x38,
	QUEUE_ALIGN = 0x3c, /* version 1 */
	QUEUE_PAGE = 0x40, /* version 1 */
	QUEUE_READY = 0x44,
	QUEUE_NOTIFY = 0x50,
	STATUS = 0x70,
	QUEUE_DESCRIPTORS = 0x80, /* each the lower half of two */
	QUEUE_AVAILABLE = 0x90,
	QUEUE_USED = 0xa0,
};

struct descriptor {
	u64 address;
	u32 length;
	u16 flags, next;
};

struct available {
	u16 flags, index, ring[QUEUE_SIZE];
};

/* A device that takes longer to come to rest, or for a buffer, is given up: see UART_POLLS_MAX. */
#define POLLS_MAX 1000000

static u32 get(volatile void *registers, u32 offset)
{
	return mmio_read32((volatile u32 *)((volatile u8 *)registers + offset));
}

static void set(volatile void *registers, u32 offset, u32 value)
{
	mmio_write32((volatile u32 *)((volatile u8 *)registers + offset), value);
}

const char *virtio_fault_str(enum virtio_fault fault)
{
	switch (fault) {
	case VIRTIO_OK:
		return "works";
	case VIRTIO_ABSENT:
		return "is not there";
	case VIRTIO_OTHER:
		return "is no console";
	case VIRTIO_BAD_VERSION:
		return "has a version other than 1 and 2";
	case VIRTIO_NO_RESET:
		return "does not come to rest when it is reset";
	case VIRTIO_BAD_FEATURES:
		return "does not accept a driver with so few features";
	case VIRTIO_QUEUE_BUSY:
		return "has its queue in use after a reset";
	case VIRTIO_QUEUE_SMALL:
		return "has no queue of the size needed";
	case VIRTIO_MEMORY_FAR:
		return "cannot reach the memory that it is given";
	}
	return "unknown fault";
}

enum virtio_fault virtio_console_find(volatile void *registers)
{
	u32 version, device;

	if (get(registers, MAGIC_VALUE) != MAGIC)
		return VIRTIO_ABSENT;
	version = get(registers, VERSION);
	if (version != 1 && version != 2)
		return VIRTIO_BAD_VERSION;
	device = get(registers, DEVICE_ID);
	if (device == 0)
		return VIRTIO_ABSENT;
	return device == DEVICE_CONSOLE ? VIRTIO_OK : VIRTIO_OTHER;
}

static bool reset(volatile void *registers)
{
	set(registers, STATUS, 0);
	for (int i = 0; i < POLLS_MAX; i++)
		if (get(registers, STATUS) == 0)
			return true;
	return false;
}

/*
 * Of all that a console can do nothing is asked for: not its size, nor more ports. Version 2 wants
 * to hear that the driver knows version 1.0 of the specification.
 */
static bool agree(volatile void *registers, u32 version)
{
	u32 status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

	set(registers, STATUS, STATUS_ACKNOWLEDGE);
	set(registers, STATUS, status);
	set(registers, DRIVER_FEATURES_SELECT, 0);
	set(registers, DRIVER_FEATURES, 0);
	if (version == 1)
		return true;
	set(registers, DEVICE_FEATURES_SELECT, 1);
	if (!(get(registers, DEVICE_FEATURES) & FEATURE_VERSION_1))
		return false;
	set(registers, DRIVER_FEATURES_SELECT, 1);
	set(registers, DRIVER_FEATURES, FEATURE_VERSION_1);
	set(registers, STATUS, status | STATUS_FEATURES_OK);
	return get(registers, STATUS) & STATUS_FEATURES_OK;
}

static void set_address(volatile void *registers, u32 offset, u64 address)
{
	set(registers, offset, (u32)address);
	set(registers, offset + sizeof(u32), (u32)(address >> 32));
}

static enum virtio_fault give_queue(volatile void *registers, u32 version, u64 memory)
{
	bool legacy = version == 1;

	set(registers, QUEUE_SELECT, QUEUE_TRANSMIT);
	if (get(registers, legacy ? QUEUE_PAGE : QUEUE_READY) != 0)
		return VIRTIO_QUEUE_BUSY;
	if (get(registers, QUEUE_SIZE_MAX) < QUEUE_SIZE)
		return VIRTIO_QUEUE_SMALL;
	if (legacy && (memory / VIRTIO_MEMORY_ALIGN) >> 32 != 0)
		return VIRTIO_MEMORY_FAR;
	set(registers, QUEUE_SIZE_SET, QUEUE_SIZE);
	if (legacy) {
		set(registers, QUEUE_ALIGN, USED_AT);
		set(registers, QUEUE_PAGE, (u32)(memory / VIRTIO_MEMORY_ALIGN));
		return VIRTIO_OK;
	}
	set_address(registers, QUEUE_DESCRIPTORS, memory);
	set_address(registers, QUEUE_AVAILABLE, memory + AVAILABLE_AT);
	set_address(registers, QUEUE_USED, memory + USED_AT);
	set(registers, QUEUE_READY, 1);
	return VIRTIO_OK;
}

static enum virtio_fault begin(const struct virtio_console *console, u32 version)
{
	volatile void *registers = console->registers;
	enum virtio_fault fault;

	if (!agree(registers, version))
		return VIRTIO_BAD_FEATURES;
	if (version == 1)
		set(registers, GUEST_PAGE_SIZE, VIRTIO_MEMORY_ALIGN);
	fault = give_queue(registers, version, console->memory_pa);
	if (fault == VIRTIO_OK)
		set(registers, STATUS, get(registers, STATUS) | STATUS_DRIVER_OK);
	return fault;
}

enum virtio_fault virtio_console_begin(struct virtio_console *console, volatile void *registers,
				       void *memory, u64 memory_pa)
{
	struct available *available = (struct available *)((u8 *)memory + AVAILABLE_AT);
	struct descriptor *descriptor = memory;
	enum virtio_fault fault;

	*console = (struct virtio_console){ registers, memory, memory_pa, 0, false };
	descriptor->address = memory_pa + TEXT_AT;
	available->flags = AVAILABLE_NO_INTERRUPT;
	if (!reset(registers))
		return VIRTIO_NO_RESET;
	fault = begin(console, get(registers, VERSION));
	if (fault != VIRTIO_OK)
		set(registers, STATUS, STATUS_FAILED);
	return fault;
}

/* The device is done with all that it was given. */
static bool is_idle(const struct virtio_console *console)
{
	const u16 *index = (const u16 *)(console->memory + USED_INDEX_AT);

	return __atomic_load_n(index, __ATOMIC_ACQUIRE) == console->sent;
}

/* A look at a register between two at memory takes time, and tells of a device that gave up. */
static bool wait_idle(struct virtio_console *console)
{
	int polls = console->stalled ? 1 : POLLS_MAX;

	for (int i = 0; i < polls && !is_idle(console); i++) {
		u32 status = get(console->registers, STATUS);

		if (!(status & STATUS_DRIVER_OK) || status & STATUS_NEEDS_RESET)
			break;
	}
	console->stalled = !is_idle(console);
	return !console->stalled;
}

static bool send(struct virtio_console *console, u32 length)
{
	struct descriptor *descriptor = (struct descriptor *)console->memory;
	struct available *available = (struct available *)(console->memory + AVAILABLE_AT);

	descriptor->length = length;
	available->ring[console->sent % QUEUE_SIZE] = 0;
	console->sent++;
	__atomic_store_n(&available->index, console->sent, __ATOMIC_RELEASE);
	set(console->registers, QUEUE_NOTIFY, QUEUE_TRANSMIT);
	return wait_idle(console);
}

bool virtio_console_write(struct virtio_console *console, const char *text, size_t length)
{
	u8 *buffer = console->memory + TEXT_AT;
	u32 filled = 0;

	if (!wait_idle(console))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			buffer[filled++] = '\r';
		buffer[filled++] = (u8)text[i];
		if (filled < TEXT_MAX - 1 && i + 1 < length)
			continue;
		if (!send(console, filled))
			return false;
		filled = 0;
	}
	return true;
}
