// SPDX-License-Identifier: MIT
//
// A further CPU, from its first instruction to the flip.
//
// Runs with the MMU and the data cache off, at EL1 or EL2. Memory: its mailbox only, whose first
// half has its stack. It decides nothing: it says what it is, and waits for the boot CPU's verdict.
// Any exception ends its start, and is said there too.

#include <pagoda/arch/asm.h>
#include <pagoda/arch/secondary.h>
#include <pagoda/lib/sysreg.h>

#define MPIDR_AFFINITY                                                                          \
	(MPIDR_EL1_AFF3_MASK | MPIDR_EL1_AFF2_MASK | MPIDR_EL1_AFF1_MASK | MPIDR_EL1_AFF0_MASK)

	.section .entry.text, "ax"

// secondary_entry(mailbox), secondary_entry_search(): see include/pagoda/arch/secondary.h.
//   x19 mailbox	x20 exception level
	.global	secondary_entry, secondary_entry_search
	.hidden	secondary_entry, secondary_entry_search
	.type	secondary_entry, %function
	.type	secondary_entry_search, %function
secondary_entry_search:
	mov	x0, xzr
secondary_entry:
	msr	daifset, #0xf
	mov	x19, x0
	mrs	x20, CurrentEL
	lsr	x20, x20, #2
	address	x1, secondary_fault
	msr	tpidr_el1, x1			// early_fault's way on; any level has it
	msr	tpidr_el0, xzr			// no access is being tried
	msr	tpidrro_el0, xzr		// no mailbox yet
	address	x1, early_vectors
	cmp	x20, #2
	b.eq	secondary_el2
	b.hi	secondary_park			// EL3: nothing here knows how to leave it
	early_state el1, SCTLR_EL1_EARLY, x1
	gcs_off	GCSCR_EL1, GCSCRE0_EL1
	b	2f
secondary_el2:
	early_state el2, SCTLR_EL2_EARLY, x1
	gcs_off	GCSCR_EL2, GCSCRE0_EL1
	bl	el2_reset

2:	cbnz	x19, secondary_found
	mrs	x0, mpidr_el1
	mov_q	x1, MPIDR_AFFINITY
	and	x0, x0, x1
	address	x2, secondary_mailboxes
3:	mov	x19, x2
	mov	x3, #MAILBOXES
4:	ldr	x4, [x19, #TOLD_MPIDR]
	cmp	x4, x0
	b.eq	secondary_found
	add	x19, x19, #MAILBOX_SIZE
	subs	x3, x3, #1
	b.ne	4b
	wfe					// the boot CPU sends an event with each it fills in
	b	3b

	// The mailbox is this CPU's.
secondary_found:
	msr	tpidrro_el0, x19
	msr	spsel, #1
	add	sp, x19, #MAILBOX_HALF
	add	x18, x19, #MAILBOX_HALF - MAILBOX_STACK_SIZE - MAILBOX_SHADOW_SIZE
	mov	x29, xzr
	mov	x30, xzr
	mrs	x0, cntfrq_el0
	stp	x20, x0, [x19, #SAID_EL_FREQUENCY]
	add	x0, x19, #SAID_ID
	bl	id_read
	mov	x0, #SAID_ARRIVED
	bl	secondary_say
6:	ldr	x0, [x19, #TOLD_VERDICT]
	cbnz	x0, 7f
	wfe
	b	6b
7:	dmb	sy				// what stood before the verdict is read after it
	cmp	x0, #VERDICT_GO_VHE
	b.lo	9f
	b.eq	8f
	cmp	x0, #VERDICT_GO_DROP
	mov	x0, #SAID_OFF
	b.ne	secondary_off
	bl	el2_drop
	b	9f
8:	bl	el2_enter_vhe
9:	ldr	x0, [x19, #TOLD_PAC]
	cbz	x0, 1f
	ldr	x0, [x19, #TOLD_KEY]
	ldr	x1, [x19, #TOLD_KEY + 8]
	bl	pac_key_set
	cbz	x0, 2f
1:	add	x0, x19, #TOLD_FLIP
	b	mmu_flip
2:	mov	x0, #SAID_NO_KEY
	b	secondary_off
	.size	secondary_entry, . - secondary_entry

// secondary_say: x0 what, of enum SAID_; all that belongs to it has been stored. Wakes the boot
// CPU.
secondary_say:
	dmb	sy
	str	x0, [x19, #SAID_STATE]
	dsb	sy
	sev
	ret

// secondary_fault: where early_fault goes: x0 ESR, x1 ELR, x2 FAR. Once.
secondary_fault:
	mrs	x19, tpidrro_el0
	cbz	x19, secondary_park
	stp	x0, x1, [x19, #SAID_FAULT]
	str	x2, [x19, #SAID_FAULT + 16]
	mov	x0, #SAID_FAULTED

// secondary_off: x0 the last that this CPU says; then off, as the mailbox has it. Firmware that
// does not do it leaves the CPU asleep here.
secondary_off:
	ldr	x20, [x19, #TOLD_OFF]
	ldr	x21, [x19, #TOLD_OFF_FUNCTION]
	bl	secondary_say
	mov	x0, x21
	cmp	x20, #OFF_HVC
	b.lo	secondary_park
	b.eq	1f
	smc	#0
	b	secondary_park
1:	mrs	x1, CurrentEL
	cmp	x1, #2 << 2
	b.eq	secondary_park			// firmware above EL2 does not see HVC: we would
	hvc	#0
secondary_park:
	msr	daifset, #0xf
1:	wfi
	b	1b

	.section .noinit, "aw", %nobits
	.balign	MAILBOX_SIZE
	.global	secondary_mailboxes
	.hidden	secondary_mailboxes
secondary_mailboxes:
	.space	MAILBOXES * MAILBOX_SIZE
