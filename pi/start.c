// SPDX-License-Identifier: MIT
/*
 * The early runtime's entry from head.S and its exit through the flip.
 * Runs with the MMU off, on the boot stack, .bss clear, image not relocated: linker symbols are
 * reached relative to the PC and so are physical addresses here. Not built for the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/pi/early.h>
#include <pagoda/pi/start.h>

/* First bytes and ends that linker/pagoda.lds.S defines; only their addresses mean anything. */
extern u8 _text[], _rodata_start[], _rodata_end[], _text_start[], _text_end[];
extern u8 _init_text_start[], _init_text_end[], _init_data_start[], _init_data_end[];
extern u8 _data_start[], _data_end[], _rela_start[], _rela_end[], _bss_start[], _bss_end[];
extern u8 _pool_start[], _pool_end[], _stack_end[], _exception_stack_end[], _end[];
extern u8 exception_vectors[];

static u32 offset_of(const void *symbol)
{
	return (u64)(uintptr_t)symbol - (u64)(uintptr_t)_text;
}

static void image_describe(struct image *image)
{
	image->pa = paddr((uintptr_t)_text);
	image->link_va = IMAGE_LINK_VA;
	image->size = offset_of(_end);
	image->segment[SEGMENT_RODATA].start = offset_of(_rodata_start);
	image->segment[SEGMENT_RODATA].end = offset_of(_rodata_end);
	image->segment[SEGMENT_TEXT].start = offset_of(_text_start);
	image->segment[SEGMENT_TEXT].end = offset_of(_text_end);
	image->segment[SEGMENT_INIT_TEXT].start = offset_of(_init_text_start);
	image->segment[SEGMENT_INIT_TEXT].end = offset_of(_init_text_end);
	image->segment[SEGMENT_INIT_DATA].start = offset_of(_init_data_start);
	image->segment[SEGMENT_INIT_DATA].end = offset_of(_init_data_end);
	image->segment[SEGMENT_DATA].start = offset_of(_data_start);
	image->segment[SEGMENT_DATA].end = offset_of(_data_end);
	image->rela.start = offset_of(_rela_start);
	image->rela.end = offset_of(_rela_end);
	image->bss.start = offset_of(_bss_start);
	image->bss.end = offset_of(_bss_end);
	image->pool.start = offset_of(_pool_start);
	image->pool.end = offset_of(_pool_end);
}

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
			     .entry = base + offset_of(kernel_main),
			     .argument = base + offset_of(handoff),
			     .cpu = base + offset_of(&boot_cpu),
			     .stack = base + offset_of(_stack_end),
			     .exception_stack = base + offset_of(_exception_stack_end),
			     .vectors = base + offset_of(exception_vectors) };

	mmu_flip(&flip);
}

void early_main(u64 fdt, u64 el, u64 sctlr, u64 hcr, u64 counter)
{
	struct boot_facts *facts = &boot_handoff.facts;
	struct stop stop;

	facts->entry = (struct entry_state){ fdt, el, sctlr, hcr, counter };
	id_read(facts->id);
	facts->lists = paddr((uintptr_t)&boot_lists);
	image_describe(&facts->image);
	stop = boot_prepare(&boot_handoff, 0);
	if (stop.code != STOP_NONE)
		boot_fail(&boot_handoff, &stop);
	level_enter(&boot_handoff);
	kernel_enter(&boot_handoff);
}

void early_exception(u64 esr, u64 elr, u64 far)
{
	struct stop stop = { STOP_EXCEPTION, esr, elr, far };

	boot_fail(&boot_handoff, &stop);
}
