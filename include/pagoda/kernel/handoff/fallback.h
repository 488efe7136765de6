/* SPDX-License-Identifier: MIT */
/*
 * What there is to print on where there is no UART that works: virtio consoles behind virtio-mmio,
 * and frame buffers that firmware has set up. Output only.
 */
#ifndef PAGODA_FALLBACK_H
#define PAGODA_FALLBACK_H

#include <pagoda/lib/screen.h>

enum fallback_type {
	FALLBACK_NONE,
	FALLBACK_VIRTIO, /* some device behind virtio-mmio; which, its registers say */
	FALLBACK_SCREEN,
};

/* "virtio console", "frame buffer", "none". */
const char *fallback_type_str(enum fallback_type type);

struct fallback {
	enum fallback_type type;
	bool named; /* stdout-path leads to it */
	paddr_t address; /* of registers, or the first pixel */
	u64 size; /* of either, in bytes */
	struct screen_mode mode; /* FALLBACK_SCREEN; its size is not 0, nor more than there is */
};

/* QEMU's virt machine has 32 places for virtio devices. */
#define FALLBACKS_MAX 40

struct fallbacks {
	u32 count;
	struct fallback list[FALLBACKS_MAX]; /* in the FDT's order */
};

#endif /* PAGODA_FALLBACK_H */
