// SPDX-License-Identifier: MIT
/*
 * What KASAN has found, in the form that readers of Linux's reports know: what kind, where, who,
 * whose memory it is or was, and the shadow around it.
 * Runs with the MMU on, on the exceptions' own stack. Not checked: a report is not to end in one.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/lib/sysreg.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/alloc/kasan.h>
#include <pagoda/mm/pt/shared.h>

#include "kasan.h"

#define EC_BRK 0x3c
#define ROW_BYTES 16 /* of shadow, in a line */
#define ROWS 2 /* before the one that matters, and behind it */

bool kasan_found(const struct exception_frame *frame)
{
	u64 immediate = SYSREG_GET(ESR_EL1_ISS, frame->esr) & 0xffff;

	return SYSREG_GET(ESR_EL1_EC, frame->esr) == EC_BRK &&
	       immediate - KASAN_BRK < KASAN_WRONG_COUNT;
}

static enum kasan_wrong wrong_of(const struct exception_frame *frame)
{
	return (enum kasan_wrong)(SYSREG_GET(ESR_EL1_ISS, frame->esr) & 0xffff) - KASAN_BRK;
}

/* A partial grain's shadow is how much of it there is: what is behind it says why no more. */
static u8 shadow_at(u64 address)
{
	s8 shadow = *kasan_shadow(address);

	return (u8)(shadow > 0 ? kasan_shadow(address)[1] : shadow);
}

static const char *access_str(u8 shadow)
{
	switch (shadow) {
	case KASAN_STACK_LEFT:
	case KASAN_STACK_MID:
	case KASAN_STACK_RIGHT:
		return "stack-out-of-bounds";
	case KASAN_GLOBAL:
		return "global-out-of-bounds";
	case KASAN_VMALLOC:
		return "vmalloc-out-of-bounds";
	case KASAN_HEAP_REDZONE:
		return "heap-out-of-bounds";
	case KASAN_HEAP_FREE:
		return "heap-use-after-free";
	case KASAN_PAGE_FREE:
		return "page-use-after-free";
	}
	return "wild-memory-access";
}

static const char *kind_str(enum kasan_wrong wrong, u64 address)
{
	switch (wrong) {
	case KASAN_DOUBLE_FREE:
		return "double-free";
	case KASAN_INVALID_FREE:
		return "invalid-free";
	case KASAN_READ:
	case KASAN_WRITE:
	case KASAN_WRONG_COUNT:
		break;
	}
	return access_str(shadow_at(address));
}

static void print_trace(const struct kernel *kernel, const char *what, const s32 *caller,
			unsigned count)
{
	u64 offset;

	print("\n%s by:\n", what);
	for (unsigned i = 0; i < count && caller[i] != 0; i++) {
		u64 address = kasan_caller(caller[i]);
		const char *name = symbols_find(&kernel->symbols, address, &offset);

		print("  0x%016lx  %s+%#lx\n", address, name ? name : "?", name ? offset : 0);
	}
}

static void print_place(u64 address, u64 start, u64 size)
{
	u64 end = start + size;

	print("The address is %lu bytes %s it: [0x%016lx, 0x%016lx)\n",
	      address < start ? start - address :
	      address < end   ? address - start :
				address - end,
	      address < start ? "before" :
	      address < end   ? "inside" :
				"behind",
	      start, end);
}

static void print_object(const struct kernel *kernel, const struct kasan_object *object,
			 u64 address)
{
	const struct kasan_tail *tail = object->tail;

	print_trace(kernel, "Allocated", tail->allocated.caller, KASAN_TRACE);
	if (tail->life == KASAN_RETIRED)
		print_trace(kernel, "Freed", tail->freed.caller, KASAN_TRACE);
	print("\nThe address belongs to an object of the heap of %u bytes.\n", tail->size);
	print_place(address, object->start, tail->size);
}

static void print_page(const struct kernel *kernel, u64 address)
{
	struct buddy *buddy = &kernel->alloc->buddy;
	unsigned shift = kernel->kernel_space.regime.granule_shift;
	u64 frame = (address - buddy->phys_offset) >> shift;
	const struct page *page = vmemmap_page(&buddy->vmemmap, frame);
	struct pt_entry entry = pt_find(&kernel->kernel_space, vaddr((uintptr_t)page));

	if (!pte_is_leaf(entry.kind))
		return;
	print_trace(kernel, "Allocated", page->allocated, KASAN_TRACE_SHORT);
	print_trace(kernel, "Freed", page->freed, KASAN_TRACE_SHORT);
	print("\nThe address belongs to the page in frame 0x%lx.\n", frame);
}

/* The last area that begins at or below; no lock is taken, since nobody else runs. */
static void print_area(const struct kernel *kernel, u64 address)
{
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;
	const struct vmalloc_area *area = vmalloc->areas, *last = NULL;
	struct kasan_object object;

	for (; area != NULL && area->start.value <= address; area = area->next)
		last = area;
	if (last == NULL || last->kind == VMALLOC_IMAGE)
		return;
	if (kasan_object_at(vmalloc->heap, (uintptr_t)last, &object))
		print_trace(kernel, "Allocated", object.tail->allocated.caller, KASAN_TRACE);
	print("\nThe address belongs to an area of vmalloc's, or to what is behind it.\n");
	print_place(address, last->start.value, vaddr_diff(last->end, last->start));
}

static void print_image(const struct kernel *kernel, u64 address)
{
	struct kasan_global global;

	print("\nThe address belongs to the image, at 0x%lx of it.\n",
	      address - kernel->handoff->plan.image_va.value);
	if (!kasan_global_at(address, &global))
		return;
	print("The variable is %s of %s, of %lu bytes.\n", global.name, global.file, global.size);
	print_place(address, global.start, global.size);
}

/* Whose the memory is. Only what can be told from the address alone is. */
static void print_owner(const struct kernel *kernel, u64 address)
{
	const struct layout *layout = &kernel->handoff->plan.layout;
	const struct layout_region *linear = &layout->region[LAYOUT_LINEAR];
	const struct layout_region *vmalloc = &layout->region[LAYOUT_VMALLOC];
	const struct stack *stack = &cpu_this()->stack;
	struct kasan_object object;

	if (kernel->alloc == NULL)
		return;
	if (address >= stack->start && address < stack->end) {
		print("\nThe address is on the stack: [0x%016lx, 0x%016lx)\n", stack->start,
		      stack->end);
		return;
	}
	if (address - kernel->handoff->plan.image_va.value < kernel->handoff->facts.image.size) {
		print_image(kernel, address);
		return;
	}
	if (address >= linear->start.value && address < linear->end.value) {
		if (kasan_object_at(&kernel->alloc->heap, address, &object))
			print_object(kernel, &object, address);
		else
			print_page(kernel, address);
	} else if (address >= vmalloc->start.value && address < vmalloc->end.value) {
		print_area(kernel, address);
	}
}

static void print_row(u64 row, u64 address)
{
	bool here = address - row < ROW_BYTES * KASAN_GRAIN;
	u64 column = (address - row) / KASAN_GRAIN;

	print("%c0x%016lx:", here ? '>' : ' ', row);
	for (unsigned i = 0; i < ROW_BYTES; i++)
		print("%s%02x",
		      here && i == column     ? "[" :
		      here && i == column + 1 ? "]" :
						" ",
		      (u8)kasan_shadow(row)[i]);
	print("%s\n", here && column == ROW_BYTES - 1 ? "]" : "");
}

/* As far as there is some: at the region's ends there may be none. */
static void print_shadow(const struct space *space, u64 address)
{
	u64 row = align_down(address, ROW_BYTES * KASAN_GRAIN);

	print("\nShadow around the address, a byte for every %u:\n", KASAN_GRAIN);
	for (int i = -ROWS; i <= ROWS; i++) {
		u64 at = row + (u64)((s64)i * ROW_BYTES * KASAN_GRAIN);
		struct pt_entry entry = pt_find(space, vaddr((uintptr_t)kasan_shadow(at)));

		if (at >= pt_start(space).value && pte_is_leaf(entry.kind))
			print_row(at, address);
	}
}

#define RULER "=================================================================="

void kasan_report_begin(const struct cpu *cpu, const struct exception_frame *frame)
{
	enum kasan_wrong wrong = wrong_of(frame);
	u64 address = frame->x[0], size = frame->x[1], offset;
	const char *name;

	name = symbols_find(&cpu->kernel->symbols, frame->x[2], &offset);
	print("\n" RULER "\nBUG: KASAN: %s in %s+%#lx\n", kind_str(wrong, address),
	      name ? name : "no function", name ? offset : frame->x[2]);
	if (wrong == KASAN_READ || wrong == KASAN_WRITE)
		print("%s of size %lu at address 0x%016lx, CPU %u\n",
		      wrong == KASAN_WRITE ? "Write" : "Read", size, address, cpu->number);
	else
		print("Free of address 0x%016lx, CPU %u\n", address, cpu->number);
	print("\n");
}

void kasan_report_end(const struct cpu *cpu, const struct exception_frame *frame)
{
	print_owner(cpu->kernel, frame->x[0]);
	print_shadow(&cpu->kernel->kernel_space, frame->x[0]);
	print(RULER "\n");
}
