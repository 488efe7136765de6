/* SPDX-License-Identifier: MIT */
/*
 * What the early runtime leaves to the kernel, where this process's own addresses are the
 * kernel's: RAM is a file in memory, mapped where the page tables under test say so, as they say,
 * and nowhere else. An access that the tables do not allow is a fault of the process. So the
 * kernel's half is a lower one here, at addresses that a process may have. Host only; one at a
 * time.
 */
#ifndef FAKE_BOOT_H
#define FAKE_BOOT_H

#include <pagoda/kernel/kernel.h>

#include "ref_walker.h"

#define FAKE_BOOT_RAM GIB(1) /* where it begins */
#define FAKE_BOOT_RAM_SIZE MIB(64)
#define FAKE_BOOT_IMAGE (FAKE_BOOT_RAM + MIB(2))
#define FAKE_BOOT_FDT (FAKE_BOOT_RAM + MIB(32))
#define FAKE_BOOT_FDT_SIZE 0x3001
#define FAKE_BOOT_REGIMES 6 /* each page size, with 52 bits and without */

struct fake_boot {
	struct boot_handoff handoff;
	struct kernel kernel;
	struct memory_map *memory; /* as the early runtime collected it: that RAM, and no more */
	int file;
	u8 *ram; /* all of it, whatever the tables say */
};

/* fake_boot_make() - for a regime from 0 to FAKE_BOOT_REGIMES - 1. fake_boot_free() - the end. */
void fake_boot_make(struct fake_boot *boot, unsigned regime);
void fake_boot_free(struct fake_boot *boot);

/* fake_boot_follow() - the tables have changed: now the walker knows. */
void fake_boot_follow(void);

/* fake_boot_walk() - what the reference walker finds at @va in a space of @boot's kernel. */
struct ref_result fake_boot_walk(const struct fake_boot *boot, const struct space *space, u64 va);

#endif /* FAKE_BOOT_H */
