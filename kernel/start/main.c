// SPDX-License-Identifier: MIT
/*
 * The kernel: what happens after the flip, in order.
 * Runs with the MMU on, on the boot stack at its virtual address, interrupts masked.
 */
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/start/console_choice.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/kernel/kernel.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/kernel/show/report.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/kernel/prompt/shell.h>
#include <pagoda/pi/start.h>
#include <pagoda/lib/string.h>
#include <pagoda/kernel/dev/window.h>

struct boot_handoff boot_handoff;
struct memory_map boot_memory __attribute__((section(".noinit")));

/* linker/pagoda.lds.S: only their addresses mean anything. */
extern u8 _text_start[], _text_end[], _guard_start[], _guard_end[], _stack_end[];

/* scripts/gen-symbols */
extern const u32 symbol_count, symbol_offsets[];
extern const char symbol_names[];

/* The tables lie in the image, so the image's own mapping is the first way to them. */
static void spaces_init(struct kernel *kernel, struct boot_handoff *handoff)
{
	const struct boot_plan *plan = &handoff->plan;
	u64 phys_offset = plan->image_va.value - handoff->facts.image.pa.value;

	kernel->kernel_space = (struct space){ .regime = plan->kernel,
					       .policy = plan->policy,
					       .tlb = tlb_make(handoff->id),
					       .root = handoff->kernel_root,
					       .phys_offset = phys_offset,
					       .pool = &handoff->pool };
	kernel->idmap_space = (struct space){ .regime = plan->idmap,
					      .tlb = tlb_make(handoff->id),
					      .root = handoff->idmap_root,
					      .phys_offset = phys_offset,
					      .pool = &handoff->pool };
}

/* Not cleared at boot, which would cost the early runtime more than all else about EFI. */
static u64 efi_map_copy[KIB(16) / sizeof(u64)] __attribute__((section(".noinit")));

/*
 * The EFI memory map, for reports: as much of it as there is room for is copied through a window in
 * the fixmap, so that the kernel's map is the same whoever started it.
 */
static void efi_map_read(struct kernel *kernel, const struct boot_handoff *handoff)
{
	const struct efi_facts *efi = &handoff->facts.efi;
	struct efi_memory_map map = { .descriptors = (const u8 *)efi_map_copy,
				      .size = min_u64(efi->map_size, sizeof(efi_map_copy)),
				      .descriptor_size = efi->descriptor_size,
				      .version = efi->descriptor_version };
	struct window window = { .pa = paddr(efi->map_start),
				 .size = map.size,
				 .attr = { PROT_READ_ONLY, MEM_NORMAL } };

	if (map.size == 0 || !efi_map_check(&map) ||
	    window_open(kernel, layout_fixmap(&handoff->plan.layout, FIXMAP_EFI_MAP), &window) !=
		    MAP_OK)
		return;
	memcpy(efi_map_copy, (const void *)(uintptr_t)window.va.value, map.size);
	window_close(kernel, &window);
	kernel->efi_map = map;
}

/* A boot that cannot go on although the MMU is on. */
static void __attribute__((noreturn)) cannot_boot(const struct stop *stop)
{
	char reason[STOP_TEXT_MAX];

	stop_describe(stop, reason, sizeof(reason));
	print("pagoda: cannot boot: %s\n", reason);
	cpu_halt(stop->code, stop->value, stop->limit, stop->extra);
}

/* A contiguous run of 4K pages, and a page of 64K: no smaller piece can always be unmapped. */
#define GUARD_ALIGN KIB(64)

/*
 * The stack ends in a gap: what overflows it faults, and is reported on another stack. The early
 * runtime has no use for the gap, and no instructions to spare for it.
 */
static void stack_guard(struct kernel *kernel)
{
	kernel->guard = (struct stack){ align_up((uintptr_t)_guard_start, GUARD_ALIGN),
					align_down((uintptr_t)_guard_end, GUARD_ALIGN) };
	kernel->stack = (struct stack){ kernel->guard.end, (uintptr_t)_stack_end };
	kernel->guard_result = pt_clear(&kernel->kernel_space, vaddr(kernel->guard.start),
					vaddr(kernel->guard.end));
}

static struct symbols symbols_get(void)
{
	return (struct symbols){ .text_start = (uintptr_t)_text_start,
				 .text_end = (uintptr_t)_text_end,
				 .count = symbol_count,
				 .offsets = symbol_offsets,
				 .names = symbol_names };
}

void kernel_main(struct boot_handoff *handoff, u64 published, u64 flipped)
{
	static struct kernel kernel;
	struct stop stop;

	handoff->timeline[STAGE_PUBLISHED] = published;
	handoff->timeline[STAGE_FLIP] = flipped;
	handoff->timeline[STAGE_KERNEL_MAIN] = counter_read();
	if (handoff->plan.pan)
		pan_set(true);
	kernel.handoff = handoff;
	spaces_init(&kernel, handoff);
	exception_init(&kernel);
	console_choose(&kernel, handoff);
	efi_map_read(&kernel, handoff);
	stop = memory_init(&kernel, handoff);
	if (stop.code != STOP_NONE)
		cannot_boot(&stop);
	idmap_disable();
	kernel.init_result = memory_release_init(&kernel);
	alloc_init(&kernel);
	stack_guard(&kernel);
	kernel.symbols = symbols_get();
	control_read(kernel.registers);
	handoff->timeline[STAGE_MEMORY] = counter_read();
	report_boot(&kernel);
	handoff->timeline[STAGE_PROMPT] = counter_read();
	shell_run(&kernel);
}
