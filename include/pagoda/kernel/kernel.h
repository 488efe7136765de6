/* SPDX-License-Identifier: MIT */
/*
 * The kernel after boot as one value: what the early runtime handed over, how to reach the live
 * tables, and the control registers. kernel_main() fills it in once; reports, dumps and the shell
 * only read it.
 */
#ifndef PAGODA_KERNEL_H
#define PAGODA_KERNEL_H

#include <pagoda/kernel/trap/backtrace.h>
#include <pagoda/lib/efi.h>
#include <pagoda/kernel/dev/pci.h>
#include <pagoda/kernel/handoff/handoff.h>
#include <pagoda/kernel/handoff/fallback.h>
#include <pagoda/mm/alloc/vmalloc.h>
#include <pagoda/mm/layout/linear.h>

#define PAGODA_VERSION "0.1.0"

/* What became of the memory that the FDT lists. Bytes of RAM, but for the last two. */
struct memory_fate {
	u64 unreachable; /* dropped: beyond the output address */
	u64 limited; /* left out: mem= */
	u64 others; /* left out: /chosen says that it is another kernel's */
	u64 outside; /* dropped: beyond the window of the linear map */
	u32 overlaps; /* ranges of RAM that overlapped another, and were joined with it */
	bool image_reserved; /* a reservation lies over the image, and does not count there */
};

/* Why a console was given up. */
enum console_fault {
	CONSOLE_WORKS,
	CONSOLE_IN_RAM, /* its address is that of memory */
	CONSOLE_OUT_OF_REACH, /* no descriptor holds its address */
	CONSOLE_NOT_MAPPED, /* there was no table left for it, or its slot is taken */
	CONSOLE_SILENT, /* the bus has nobody there */
};

/* What became of the other root for the upper half: see pagoda/kernel/proc/kpti.h. */
enum kpti_result {
	KPTI_OK, /* it is there, or not needed */
	KPTI_NO_MEMORY,
	KPTI_CPU_SILENT, /* a CPU did not come to where all wait during a conversion */
};

struct alloc;
struct cpu_list;
struct smp;

struct kernel {
	const struct boot_handoff *handoff;
	struct space kernel_space, idmap_space;
	struct space el0_space; /* KPTI: the upper half as EL0 has it; root 0 where there is none */
	struct memory_map *memory; /* the handoff's, normalised: what RAM there is, and in it */
	struct memory_fate memory_fate;
	struct linear linear;
	struct alloc *alloc; /* pages, heap, vmalloc; null where there is no memory for it */
	enum pci_result pci_result; /* what became of the PCI I/O window */
	struct fdt fdt; /* in the fixmap */
	const struct tree_nodes *nodes; /* in it; null before it has been read */
	const struct cpu_list *cpus; /* in the FDT; null before it has been read */
	struct smp *smp; /* what became of them; null before they have been started */
	struct console_choice console; /* the one that answered; source CONSOLE_NONE: none did */
	enum fallback_type fallback; /* what it is where it is no UART; then it has no kind */
	enum console_fault console_fault; /* of the console that was given up, */
	struct console_choice console_lost; /* and that console */
	struct efi_memory_map efi_map; /* a copy, as far as it fits; empty where there is none */
	enum map_result init_result; /* of unmapping what only the early runtime needed */
	enum map_result pool_result; /* of unmapping the table pool in the image's own mapping */
	enum map_result guard_result; /* of unmapping the gap below the stack */
	enum vmalloc_result shadow_result; /* of giving shadow call stacks pages of their own */
	enum kpti_result kpti_result;
	struct symbols symbols;
	u64 forbidden; /* TCRX, SCTLRX of ID_AA64MMFR3_EL1: a higher level forbids the register */
	struct {
		u64 esr; /* of the SError that was pending at entry; 0 for none */
		u64 disr; /* DISR_EL1: of one that firmware has deferred; 0 for none */
	} inherited;
	/* Live values of class "ctl", by enum sysreg: under EL1's name what the kernel's EL has. */
	u64 registers[SYSREG_COUNT];
};

/* kernel_physical() - where the byte of the Image that runs or is read at @address is in memory. */
static inline paddr_t kernel_physical(const struct kernel *kernel, const void *address)
{
	const struct boot_handoff *handoff = kernel->handoff;

	return paddr((uintptr_t)address - handoff->plan.image_va.value +
		     handoff->facts.image.pa.value);
}

#endif /* PAGODA_KERNEL_H */
