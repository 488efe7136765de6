// SPDX-License-Identifier: MIT
/*
 * Accesses that KASAN must find, one of each kind: for `fault kasan`.
 * Runs in the kernel, MMU on. Not built for the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/mm/alloc/alloc.h>

#include "kasan.h"

/* No power of two and no multiple of eight: the gap begins within a grain. */
#define SIZE 43

/* Behind it, the gap that GCC leaves. */
static u8 bytes[SIZE];

/* What a compiler cannot see through, or it would refuse, or leave out, what is wrong. */
static u64 hidden(u64 value)
{
	__asm__("" : "+r"(value));
	return value;
}

static void store(void *start, u64 offset)
{
	*(volatile u8 *)((u8 *)start + hidden(offset)) = 1;
}

static u8 load(const void *start, u64 offset)
{
	return *(const volatile u8 *)((const u8 *)start + hidden(offset));
}

static void *object_take(struct alloc *alloc)
{
	void *object;

	return heap_alloc(&alloc->heap, SIZE, &object) == HEAP_OK ? object : NULL;
}

/* One byte too far: the last that may be written is. */
static void fault_heap(struct alloc *alloc)
{
	void *object = object_take(alloc);

	if (object == NULL)
		return;
	store(object, SIZE - 1);
	store(object, SIZE);
}

static void fault_uaf(struct alloc *alloc)
{
	void *object = object_take(alloc);

	if (object == NULL)
		return;
	(void)heap_free(&alloc->heap, object);
	(void)load(object, SIZE / 2);
}

static void fault_double_free(struct alloc *alloc)
{
	void *object = object_take(alloc);

	if (object == NULL)
		return;
	(void)heap_free(&alloc->heap, object);
	/* Not the last thing here: the report is to say who did it. */
	if (heap_free(&alloc->heap, object) == HEAP_OK)
		print("fault: given back twice\n");
}

static void fault_page(struct alloc *alloc)
{
	paddr_t page;
	void *start;

	if (buddy_alloc(&alloc->buddy, 0, &page) != BUDDY_OK)
		return;
	start = (void *)(uintptr_t)(page.value + alloc->buddy.phys_offset);
	store(start, 0);
	(void)buddy_free(&alloc->buddy, page, 0);
	store(start, 0);
}

static void fault_vmalloc(struct alloc *alloc)
{
	vaddr_t area;

	if (vmalloc_alloc(&alloc->vmalloc, SIZE, &area) != VMALLOC_OK)
		return;
	store(vaddr_pointer(area), SIZE - 1);
	(void)load(vaddr_pointer(area), SIZE);
}

static void fault_global(struct alloc *alloc)
{
	(void)alloc;
	store(bytes, SIZE - 1);
	(void)load(bytes, SIZE);
}

static void fault_stack(struct alloc *alloc)
{
	u8 local[SIZE];

	(void)alloc;
	store(local, SIZE - 1);
	store(local, SIZE);
}

static const struct {
	char name[12];
	void (*fault)(struct alloc *alloc);
} faults[] = {
	{ "heap", fault_heap },
	{ "page", fault_page },
	{ "vmalloc", fault_vmalloc },
	{ "global", fault_global },
	{ "stack", fault_stack },
	{ "uaf", fault_uaf },
	{ "double-free", fault_double_free },
};

bool fault_kasan(const struct kernel *kernel, const struct arguments *arguments, unsigned index)
{
	for (unsigned i = 0; i < ARRAY_SIZE(faults); i++)
		if (argument_is(arguments, index, faults[i].name)) {
			if (kernel->alloc != NULL)
				faults[i].fault(kernel->alloc);
			return true;
		}
	return false;
}
