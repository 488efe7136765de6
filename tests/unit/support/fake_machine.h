/* SPDX-License-Identifier: MIT */
/*
 * A machine that does not exist, behind the names of pagoda/arch/arch.h that the early runtime
 * calls: ID registers, RNDR, the counter, RAM that stands for physical memory at any address,
 * and a data cache that is as unhelpful as the architecture allows. Host only.
 *
 * The cache holds every line of RAM from the start. Stores with the MMU off pass it by. The lines
 * of the FDT are dirty: memory has poison until they are cleaned. A line that is invalidated comes
 * back at once, as if by speculation, with what memory has then. What the kernel reads after the
 * flip is what the cache holds: machine_stale() says where that was not what had been written.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include <setjmp.h>

#include <pagoda/pi/early.h>

#include "fake_fdt.h"

/* CPUs of QEMU 7.2, as `-cpu` names them. */
enum fake_cpu {
	FAKE_CPU_MAX,
	FAKE_CPU_MAX_LPA2_OFF, /* max,lpa2=off */
	FAKE_CPU_CORTEX_A53,
	FAKE_CPU_CORTEX_A57,
	FAKE_CPU_CORTEX_A72,
	FAKE_CPU_CORTEX_A76,
	FAKE_CPU_NEOVERSE_N1,
	FAKE_CPU_A64FX,
	FAKE_CPU_COUNT,
};

/* The ID registers of @cpu, by enum sysreg. */
const u64 *fake_cpu_id(enum fake_cpu cpu);
const char *fake_cpu_str(enum fake_cpu cpu);

#define FAKE_RELA_COUNT 64
#define FAKE_FDT_MAX KIB(64)

/* What a machine is built from. Offsets are from RAM's first byte. */
struct machine_setup {
	enum fake_cpu cpu;
	u64 ram_start, ram_size; /* the size a multiple of 64 KiB */
	u64 image_offset, fdt_offset;
	u32 text_size, data_size; /* of two segments; multiples of 64 KiB, data without the pool */
	u32 pool_size;
	u8 poison; /* what RAM holds before anything is loaded */
	struct fake_fdt fdt;
};

/* For pointer authentication. */
struct fake_key {
	u64 low, high;
};

struct fake_machine {
	struct machine_setup setup;
	u64 id[SYSREG_FACT_COUNT];
	struct entry_state entry;
	struct image image;
	u64 phys_offset;
	u8 *ram;
	u32 fdt_size; /* bytes of it that the loader left in dirty lines */
	struct {
		u32 word; /* offset in the image */
		u64 addend;
	} rela[FAKE_RELA_COUNT];

	bool random_works;
	u64 random_answer;
	unsigned random_calls;
	u64 counter;

	u8 *cache;
	u8 *dirty; /* by line */
	u32 line_size;
	unsigned lines_lost; /* invalidated while dirty */
	unsigned lines_stray; /* maintained, and not RAM's */

	struct boot_handoff *handoff; /* in the image's .bss */
	struct boot_lists lists; /* the kernel's: memory and nodes */
	bool stale; /* at the flip, */
	u64 stale_pa; /* and where */
	struct fake_key key; /* as pac_key_set() had it, */
	bool keys_forbidden; /* which fails */
	const u64 *shadow; /* as shadow_begin() had it; null where it was not called */
	struct stop halted; /* what cpu_halt() was called with, by machine_catch_halt() */
	jmp_buf halt;
};

/* 4 MiB of RAM at 1 GiB, an image as the linker script lays it out, the FDT behind it. */
struct machine_setup machine_setup_default(void);

/*
 * machine_build() - RAM full of poison, then the image and the FDT in it. @machine is zero, or was
 * built before. What a test changes in it afterwards counts as the loader's doing.
 */
void machine_build(struct fake_machine *machine, const struct machine_setup *setup);

/*
 * machine_prepare() - settle the cache, clear .bss as head.S does, and run boot_prepare().
 * machine_boot() - that and, where it goes well, the kernel's first step: the rest of the FDT is
 * read, as the cache has it.
 */
struct stop machine_prepare(struct fake_machine *machine);
struct stop machine_boot(struct fake_machine *machine);

void machine_free(struct fake_machine *machine);

/*
 * machine_put_function() - into the image at @first what its unwind tables tell of: they, and a
 * function at the beginning of text, which signs its return address or, with @shadow, pushes it.
 */
void machine_put_function(const struct image *image, u8 *first, bool shadow);

/* The machine that arch.h's functions mean from now on; machine_boot() does this by itself. */
void machine_select(struct fake_machine *machine);

/* A pointer to the byte of RAM at @pa; a null pointer where there is no RAM. */
u8 *machine_pointer(const struct fake_machine *machine, u64 pa);

/* What the early runtime keeps in lists. */
struct boot_lists *machine_lists(const struct fake_machine *machine);

/* The memory ranges that machine_boot() has found. */
const struct memory_map *machine_memory(const struct fake_machine *machine);

/* The command line that the early runtime has kept. */
const char *machine_command_line(const struct fake_machine *machine);

/*
 * machine_stale() - true and the first physical address at which the kernel did not read what was
 * written, at the flip.
 */
bool machine_stale(const struct fake_machine *machine, u64 *pa);

/* Some byte of [@start, @end), offsets in RAM, is in a line still dirty. */
bool machine_dirty(const struct fake_machine *machine, u64 start, u64 end);

/* Equal in every member; padding, which is whatever the stack held, does not count. */
bool same_plan(const struct boot_plan *a, const struct boot_plan *b);
bool same_handoff(const struct boot_handoff *a, const struct boot_handoff *b);

/* boot_fail() of @stop on @machine: returns what it halted with. */
struct stop machine_catch_halt(struct fake_machine *machine, const struct stop *stop);

#endif /* FAKE_MACHINE_H */
