/* SPDX-License-Identifier: MIT */
/*
 * What the kernel at EL1 and the hypervisor at EL2 agree on: numbers of calls, the hypervisor's
 * memory, and its state, which the kernel fills in before there is anybody at EL2. Two programs,
 * linked apart: nothing here is a symbol of either.
 */
#ifndef PAGODA_EL2_H
#define PAGODA_EL2_H

#include <pagoda/arch/guest.h>

/* What HVC asks of EL2's stub, in x0 (arch/arm64/entry/el2.S), and of who takes its place. */
#define STUB_SET_VECTORS 0
#define STUB_RESET_VECTORS 2
#define STUB_REFUSED 0xbadca11

/* Of the vectors that start the hypervisor on a CPU: x1 is a struct el2_cpu's physical address. */
#define EL2_START 0x5061676f

/* Offsets in struct el2_cpu, for assembly: pairs. */
#define EL2_CPU_MAIR_TCR 0
#define EL2_CPU_TTBR_SCTLR 16
#define EL2_CPU_VTCR_VTTBR 32
#define EL2_CPU_HCR_VECTORS 48
#define EL2_CPU_SELF_CLEAR 64

/* The frame of an exception: x0 to x30. */
#define EL2_FRAME_SIZE 256

/* Where its parts are, from the hypervisor's base on: none of one kind is in 64 KiB of another. */
#define EL2_RODATA_AT 0x10000
#define EL2_DATA_AT 0x20000
#define EL2_PART_SIZE 0x10000
#define EL2_DATA_MORE 64 /* what may be in its data behind struct el2_state, zero at first */
#define EL2_SHARED_AT 0x100000 /* pages that the host shares, one in 64 KiB */
#define EL2_TABLES_AT 0x200000
#define EL2_STACKS_AT 0x800000 /* for each CPU a gap, and then a stack */
#define EL2_STACK_STEP 0x20000
#define EL2_CPUS_MAX 512
#define EL2_STACK_SIZE 0x2000 /* or a page, where that is larger */

#ifndef __ASSEMBLER__

#include <pagoda/kernel/handoff/options.h>
#include <pagoda/lib/lock.h>
#include <pagoda/lib/sysreg.h>
#include <pagoda/mm/layout/memory_map.h>
#include <pagoda/mm/pt/pagetable.h>

/*
 * Calls, in x0: SMCCC's fast calls of 64 bits to a hypervisor of a vendor's. x0 answers with an
 * enum el2_answer, x1 to x3 as they say. All of a page size are pages: addresses are physical.
 */
enum el2_call {
	EL2_VERSION = 0xc6000000, /* x1: EL2_MAGIC, x2: enum hyp_mode */
	EL2_SHARE, /* x1: a page of the host's, that EL2 may read and write. x1: its slot */
	EL2_UNSHARE, /* x1: it again */
	EL2_DUMP, /* x1: number of a table page, x2: slot to copy it to */
	EL2_TRANSLATE, /* x1: enum el2_translate, x2: address. x1: PAR_EL1 */
	EL2_FAULT, /* what the host was last refused: x1: how many, x2: FAR, x3: IPA */
	EL2_MAP_ALL, /* stage 2 of all RAM that is the host's, at once */
	EL2_GUEST_MAP, /* x1: IPA, x2: a page of the host's, x3: enum mem_prot */
	EL2_GUEST_UNMAP, /* x1: IPA */
	EL2_GUEST_RUN, /* x1: slot of a page that holds a struct guest_run */
	EL2_GUEST_END, /* all of its pages unmapped */
	EL2_CALL_END,
};

#define EL2_MAGIC 0x5061676f6461

enum el2_answer {
	EL2_OK,
	EL2_BAD_ADDRESS, /* not a page, or not RAM */
	EL2_NOT_YOURS, /* the hypervisor's, a guest's, or shared already */
	EL2_NO_ROOM, /* slots, tables or pages of a guest: all in use */
	EL2_NOTHING_THERE, /* to be undone */
	EL2_BAD_ARGUMENT,
};

const char *el2_answer_str(enum el2_answer answer);

enum el2_translate {
	EL2_TRANSLATE_READ, /* the host's address, through both stages */
	EL2_TRANSLATE_WRITE,
	EL2_TRANSLATE_SELF, /* EL2's own, for a read */
};

/* What ended a guest's turn. */
enum guest_exit {
	GUEST_HVC,
	GUEST_ABORT, /* in stage 2: esr, far, ipa say more */
	GUEST_INTERRUPT, /* the host's */
	GUEST_TRAP, /* anything else that it may not do: esr */
};

const char *guest_exit_str(enum guest_exit reason);

/* A guest's registers, in and out, and what came of it. In a page that is shared. */
struct guest_run {
	u64 x[31];
	u64 pc, pstate;
	u64 reason; /* enum guest_exit */
	u64 esr, far, ipa;
};

/*
 * What a guest has of EL1: its MMU off, no trap but what leads here. SCTLR's bits that are RES1
 * without the features that define them, and I.
 */
#define GUEST_SCTLR                                                            \
	(SCTLR_EL1_LSMAOE_MASK | SCTLR_EL1_NTLSMD_MASK | SCTLR_EL1_SPAN_MASK | \
	 SCTLR_EL1_EIS_MASK | SCTLR_EL1_TSCXT_MASK | SCTLR_EL1_EOS_MASK | SCTLR_EL1_I_MASK)

/*
 * VM: stage 2. RW: AArch64. IMO, FMO, AMO: interrupts are the host's. TSC, TWI, TWE, TIDCP, TACR,
 * TSW: it calls nobody, does not sleep, and meddles with no cache as a whole. FB, BSU: its TLBI and
 * barriers reach all CPUs that it may run on. DC: what it reads and writes with its MMU off is
 * cached, as the host reads and writes it. No pointer authentication: the keys are the host's.
 */
#define GUEST_HCR                                                                      \
	(HCR_EL2_VM_MASK | HCR_EL2_RW_MASK | HCR_EL2_IMO_MASK | HCR_EL2_FMO_MASK |     \
	 HCR_EL2_AMO_MASK | HCR_EL2_TSC_MASK | HCR_EL2_TWI_MASK | HCR_EL2_TWE_MASK |   \
	 HCR_EL2_TIDCP_MASK | HCR_EL2_TACR_MASK | HCR_EL2_TSW_MASK | HCR_EL2_FB_MASK | \
	 HCR_EL2_DC_MASK | SYSREG_PUT(HCR_EL2_BSU, 1))

/* guest_pstate() - at EL1, with all masked: of @pstate no more than the flags. */
static inline u64 guest_pstate(u64 pstate)
{
	return (pstate & 0xf0000000) | 0x3c5;
}

_Static_assert(__builtin_offsetof(struct guest_run, pc) == GUEST_RUN_PC, "guest.S");
_Static_assert(__builtin_offsetof(struct guest_run, esr) == GUEST_RUN_ESR, "guest.S");
_Static_assert(__builtin_offsetof(struct guest_run, ipa) == GUEST_RUN_IPA, "guest.S");

/* guest_exit_reason() - by the vector, and for EL2_SYNC by the syndrome. */
static inline enum guest_exit guest_exit_reason(unsigned vector, u64 esr)
{
	u64 class = SYSREG_GET(ESR_EL1_EC, esr);

	if (vector != EL2_SYNC)
		return GUEST_INTERRUPT;
	if (class == ESR_EL1_EC_IABT_LOW || class == ESR_EL1_EC_DABT_LOW)
		return GUEST_ABORT;
	return class == ESR_EL1_EC_HVC64 ? GUEST_HVC : GUEST_TRAP;
}

struct el2_frame {
	u64 x[31];
	u64 unused;
};

_Static_assert(sizeof(struct el2_frame) == EL2_FRAME_SIZE, "el2.S");

/* EL1's registers that a guest and its host each have for themselves. */
#define EL1_REGISTERS_EACH(EACH) \
	EACH(sctlr_el1)          \
	EACH(cpacr_el1)          \
	EACH(ttbr0_el1)          \
	EACH(ttbr1_el1)          \
	EACH(tcr_el1)            \
	EACH(esr_el1)            \
	EACH(far_el1)            \
	EACH(afsr0_el1)          \
	EACH(afsr1_el1)          \
	EACH(mair_el1)           \
	EACH(amair_el1)          \
	EACH(vbar_el1)           \
	EACH(contextidr_el1)     \
	EACH(cntkctl_el1)        \
	EACH(elr_el1)            \
	EACH(spsr_el1)           \
	EACH(par_el1)            \
	EACH(tpidr_el1)          \
	EACH(tpidr_el0)          \
	EACH(tpidrro_el0)        \
	EACH(sp_el1)             \
	EACH(sp_el0)             \
	EACH(mdscr_el1)

struct el1_registers {
#define EL1_MEMBER(name) u64 name;
	EL1_REGISTERS_EACH(EL1_MEMBER)
#undef EL1_MEMBER
};

/* One CPU's, at the end of its stack at EL2. */
struct el2_cpu {
	u64 mair, tcr, ttbr, sctlr, vtcr, vttbr, hcr;
	u64 vectors; /* an address at EL2 */
	u64 self; /* of this, at EL2 */
	u64 clear; /* TCRX and SCTLRX of ID_AA64MMFR3_EL1: registers to clear, which are there */
	u64 last, again; /* where stage 2 was missing, and how often in a row it was there */
	bool in_guest; /* or in the host */
	u64 slot; /* of its struct guest_run */
	struct el2_frame host; /* the host's, while a guest runs */
	u64 host_pc, host_pstate;
	struct el1_registers host_registers;
};

#define EL2_CPU_HAS(offset, member)                                            \
	_Static_assert(__builtin_offsetof(struct el2_cpu, member) == (offset), \
		       "el2.S loads " #member)
EL2_CPU_HAS(EL2_CPU_MAIR_TCR, mair);
EL2_CPU_HAS(EL2_CPU_TTBR_SCTLR, ttbr);
EL2_CPU_HAS(EL2_CPU_VTCR_VTTBR, vtcr);
EL2_CPU_HAS(EL2_CPU_HCR_VECTORS, hcr);
EL2_CPU_HAS(EL2_CPU_SELF_CLEAR, self);
#undef EL2_CPU_HAS

struct el2_range {
	u64 start, end;
};

#define EL2_SLOTS 8
#define EL2_GUEST_PAGES 8

/* A page of a guest's, where it has it. */
struct el2_given {
	u64 ipa, pa; /* pa 0: none; nobody's RAM is there where it matters */
	bool used;
};

/* The hypervisor's state: all that is in its data, from the first byte on. */
struct el2_state {
	struct lock lock;
	u32 ram_count;
	bool protected;
	bool many_cpus;
	struct space self, host, guest;
	struct table_pool self_pool, host_pool; /* self's, and a guest's; the host's */
	u64 vtcr_host, vtcr_guest;
	u64 base; /* at EL2 */
	u64 pointer_offset; /* add it to an address for a pointer: 0 on the machine */
	u64 leave_pa; /* what turns the MMU off, mapped at its physical address */
	u64 stub_pa; /* the stub's vectors */
	struct el2_range memory; /* the hypervisor's: code, data, tables, stacks */
	struct el2_range tables; /* of that */
	struct {
		u64 count, esr, far, ipa, elr;
	} fault; /* what the host was last refused */
	u64 slot[EL2_SLOTS]; /* pages shared; 0 for none */
	struct el2_given given[EL2_GUEST_PAGES];
	struct el2_range ram[MEMORY_BANKS_MAX]; /* ascending, whole pages, apart */
};

/* el2_vttbr() - VTTBR_EL2 for a stage 2. */
static inline u64 el2_vttbr(const struct space *space)
{
	return ttbr_encode(&space->regime, space->root) | (u64)space->id << 48;
}

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_EL2_H */
