// SPDX-License-Identifier: MIT
/*
 * The early runtime's entry from head.S and its exit through the flip.
 * Runs with the MMU off, on the boot stack, .bss clear, image not relocated: linker symbols are
 * reached relative to the PC and so are physical addresses here. Not built for the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/cpu/shadow.h>
#include <pagoda/lib/string.h>
#include <pagoda/pi/early.h>
#include <pagoda/pi/start.h>

/* linker/pagoda.lds.S: only their addresses mean anything. */
extern u8 _stack_end[], _exception_stack_end[], exception_vectors[];

/* The kernel's own exception level, at the last moment: all that went before may still refuse. */
static void level_enter(const struct boot_handoff *handoff)
{
	if (handoff->facts.entry.el == 1)
		return;
	if (handoff->plan.el == 2)
		el2_enter_vhe();
	else
		el2_drop();
}

/* From here on at virtual addresses. */
static void __attribute__((noreturn)) kernel_enter(const struct boot_handoff *handoff)
{
	const struct mmu_registers *registers = &handoff->plan.registers;
	u64 base = handoff->plan.image_va.value;
	struct flip flip = { .mair = registers->mair,
			     .tcr = registers->tcr,
			     .ttbr0 = handoff->ttbr0,
			     .ttbr1 = handoff->ttbr1,
			     .sctlr = registers->sctlr,
			     .entry = base + image_offset(kernel_main),
			     .argument = base + image_offset(handoff),
			     .cpu = base + image_offset(&boot_cpu),
			     .stack = base + image_offset(_stack_end),
			     .exception_stack = base + image_offset(_exception_stack_end),
			     .vectors = base + image_offset(exception_vectors),
			     .mmfr3 = handoff->id[SYSREG_ID_AA64MMFR3_EL1],
			     .shadow = base + image_offset(boot_shadows.stack) };

	mmu_flip(&flip);
}

void early_main(u64 fdt, u64 el, u64 sctlr, u64 hcr, u64 counter)
{
	struct boot_facts *facts = &boot_handoff.facts;
	struct stop stop;

	memset(&boot_handoff, 0, HANDOFF_CLEARED);
	facts->entry = (struct entry_state){ fdt, el, sctlr, hcr, counter, serror_pending() };
	id_read(facts->id);
	facts->lists = paddr((uintptr_t)&boot_lists);
	image_describe(&facts->image);
	stop = boot_prepare(&boot_handoff, 0);
	if (stop.code != STOP_NONE)
		boot_fail(&boot_handoff, &stop, 0);
	level_enter(&boot_handoff);
	kernel_enter(&boot_handoff);
}

void early_exception(u64 esr, u64 elr, u64 far)
{
	boot_fail(&boot_handoff, &(struct stop){ STOP_EXCEPTION, esr, elr, far }, 0);
}
