// SPDX-License-Identifier: MIT
/*
 * Self tests: what the kernel maps for itself, where the CPU and not a model says what is mapped.
 * Runs in the kernel, MMU on, after relocation.
 */
#include <pagoda/mm/pt/tlb.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/mm/alloc/alloc.h>

SELFTEST_SUBJECT(120, vmalloc);

/* The CPU reads and writes [start, end) where the tables say, and faults on the page behind it. */
static void check_mapped(struct selftest *test, vaddr_t start, vaddr_t end)
{
	const struct space *space = &test->kernel->kernel_space;
	paddr_t pa, expected;

	for (u64 va = start.value; va != end.value; va += regime_granule(&space->regime)) {
		test_check(test, pt_translate(space, vaddr(va), &expected), "not in the tables",
			   va);
		test_check(test, address_probe(vaddr(va), true, &pa), "cannot be written", va);
		test_check(test, pa.value == expected.value, "translates to", pa.value);
	}
	test_check(test, !address_probe(end, false, &pa), "no guard page", end.value);
}

static void check_unmapped(struct selftest *test, vaddr_t start, u64 size)
{
	paddr_t pa;

	for (u64 at = 0; at < size; at += regime_granule(&test->kernel->kernel_space.regime))
		test_check(test, !address_probe(vaddr(start.value + at), false, &pa),
			   "still mapped", start.value + at);
}

/* Each page holds its own address, as seen here and through the linear map. */
static void check_content(struct selftest *test, vaddr_t start, u64 size)
{
	u64 granule = regime_granule(&test->kernel->kernel_space.regime);
	paddr_t pa = { 0 };

	for (u64 va = start.value; va != start.value + size; va += granule)
		*(volatile u64 *)(uintptr_t)va = va;
	for (u64 va = start.value; va != start.value + size; va += granule) {
		const volatile u64 *alias;

		test_check(test, *(volatile u64 *)(uintptr_t)va == va, "overwritten", va);
		(void)pt_translate(&test->kernel->kernel_space, vaddr(va), &pa);
		alias = linear_pointer(&test->kernel->linear, pa);
		test_check(test, *alias == va, "other content in the linear map", va);
	}
}

/* An area of @size bytes: taken, used, given back. */
static void use_area(struct selftest *test, u64 size)
{
	u64 granule = regime_granule(&test->kernel->kernel_space.regime);
	struct vmalloc *vmalloc = &test->kernel->alloc->vmalloc;
	u64 pages = align_up(size, granule);
	vaddr_t va;

	if (vmalloc_alloc(vmalloc, size, &va) != VMALLOC_OK) {
		test_check(test, false, "cannot be had", size);
		return;
	}
	check_mapped(test, va, vaddr(va.value + pages));
	check_content(test, va, align_down(size, granule));
	test_check(test, vmalloc_audit(vmalloc), "audit with an area at", va.value);
	test_check(test, vmalloc_free(vmalloc, va) == VMALLOC_OK, "free", va.value);
	check_unmapped(test, va, pages);
}

/* What the allocators and the page tables have in use, in bytes and pages. */
struct use {
	u64 memory, tables;
};

static struct use use_now(const struct selftest *test)
{
	const struct space *space = &test->kernel->kernel_space;

	return (struct use){ alloc_used(test->kernel->alloc),
			     pool_used(space->pool, regime_granule(&space->regime)) -
				     alloc_kept_tables(space->pool) };
}

/* From here to the end nothing may be lost. The first area of all may leave tables behind. */
static bool begin(struct selftest *test, struct use *before)
{
	if (!test_alloc(test))
		return false;
	use_area(test, 1);
	*before = use_now(test);
	return true;
}

static void end(struct selftest *test, const struct use *before)
{
	struct use after = use_now(test);

	test_equal(test, after.memory, before->memory, "bytes in use");
	test_equal(test, after.tables, before->tables, "tables in use");
	test_check(test, buddy_audit(&test->kernel->alloc->buddy), "audit of the page allocator",
		   0);
}

SELFTEST(vmalloc, pages, "areas of many sizes are mapped, used and unmapped");

static void vmalloc_pages(struct selftest *test)
{
	u64 granule = regime_granule(&test->kernel->kernel_space.regime);
	struct use before;

	if (!begin(test, &before))
		return;
	for (u64 pages = 1; pages < 100; pages += pages / 2 + 1)
		use_area(test, pages * granule - pages % 2);
	end(test, &before);
	test_note(test, "%u checks", test->checks);
}

#define PL011_PERIPH_ID 0xfe0 /* DDI 0183: what begins with 0x11 */
#define PL011_PERIPH_ID_0 0x11

SELFTEST(vmalloc, device, "a device can be read by another mapping");

/* A PL011's identification registers. Other UARTs have none. */
static void vmalloc_device(struct selftest *test)
{
	const struct console_choice *console = &test->kernel->console;
	paddr_t device = paddr_add(console->address, PL011_PERIPH_ID), pa = { 0 };
	struct vmalloc *vmalloc;
	struct use before;
	vaddr_t va;

	if (!test_needs(test, console->address.value != 0 && console->kind.type == SERIAL_PL011,
			"the console is no PL011") ||
	    !begin(test, &before))
		return;
	vmalloc = &test->kernel->alloc->vmalloc;
	if (vmalloc_ioremap(vmalloc, device, 0x20, &va) != VMALLOC_OK) {
		test_check(test, false, "ioremap", device.value);
		return;
	}
	test_check(test, address_probe(va, true, &pa) && pa.value == device.value, "ioremap gives",
		   pa.value);
	test_check(test, *(const volatile u32 *)(uintptr_t)va.value == PL011_PERIPH_ID_0,
		   "no PL011 at", va.value);
	test_check(test, vmalloc_audit(vmalloc), "audit with a device at", va.value);
	test_check(test, vmalloc_free(vmalloc, va) == VMALLOC_OK, "free", va.value);
	test_check(test, !address_probe(va, false, &pa), "still mapped", va.value);
	end(test, &before);
}

static void refuse(struct selftest *test, enum vmalloc_result result, enum vmalloc_result expected,
		   const char *what, u64 value)
{
	test_equal(test, result, expected, what);
	if (result != expected)
		test_check(test, false, "which was asked for", value);
}

static void refuse_all(struct selftest *test)
{
	struct vmalloc *vmalloc = &test->kernel->alloc->vmalloc;
	u64 region = vmalloc->region.end.value - vmalloc->region.start.value;
	u64 ram = vmalloc->heap->buddy->ranges[0].first << vmalloc->space->regime.granule_shift;
	u64 top = regime_pa_end(&vmalloc->space->regime);
	u64 memory = buddy_usage(vmalloc->heap->buddy).total + 1;
	vaddr_t va, image = test->kernel->handoff->plan.image_va;

	refuse(test, vmalloc_alloc(vmalloc, 0, &va), VMALLOC_BAD_SIZE, "vmalloc of", 0);
	refuse(test, vmalloc_alloc(vmalloc, ~(u64)0, &va), VMALLOC_BAD_SIZE, "vmalloc of", ~(u64)0);
	refuse(test, vmalloc_alloc(vmalloc, region, &va), VMALLOC_NO_SPACE, "vmalloc of", region);
	if (memory < region / 4) /* there are addresses for it, wherever the image is */
		refuse(test, vmalloc_alloc(vmalloc, memory, &va), VMALLOC_NO_MEMORY, "vmalloc of",
		       memory);
	refuse(test, vmalloc_ioremap(vmalloc, paddr(ram), 8, &va), VMALLOC_IS_RAM, "ioremap of",
	       ram);
	refuse(test, vmalloc_ioremap(vmalloc, paddr(top), 8, &va), VMALLOC_UNREACHABLE,
	       "ioremap of", top);
	refuse(test, vmalloc_free(vmalloc, image), VMALLOC_NOT_AN_AREA, "free of", image.value);
	test_check(test, vmalloc_alloc(vmalloc, 1, &va) == VMALLOC_OK, "cannot be had", 1);
	refuse(test, vmalloc_free(vmalloc, vaddr(va.value + 8)), VMALLOC_NOT_AN_AREA, "free of",
	       va.value + 8);
	test_check(test, vmalloc_free(vmalloc, va) == VMALLOC_OK, "free", va.value);
	refuse(test, vmalloc_free(vmalloc, va), VMALLOC_NOT_AN_AREA, "free of", va.value);
	test_check(test, vmalloc_audit(vmalloc), "audit after what was refused", 0);
}

SELFTEST(vmalloc, refusals, "what cannot be had is refused, each for its reason");

static void vmalloc_refusals(struct selftest *test)
{
	struct use before;

	if (!begin(test, &before))
		return;
	refuse_all(test);
	end(test, &before);
}

/*
 * Every operation the CPU has, on a stretch that is mapped by now and used afterwards: at all
 * levels, of any length, aligned and not. An emulator that objects to an operand logs it.
 */
static void invalidate_all_ways(const struct selftest *test)
{
	const struct space *space = &test->kernel->kernel_space;
	u64 start = test->kernel->alloc->vmalloc.region.start.value;
	u64 granule = regime_granule(&space->regime);

	for (int level = -1; level <= LEVEL_PAGE + 1; level++) {
		for (u64 pages = 1; pages < BIT(24); pages += pages / 2 + 1) {
			struct tlb_range range = { .start = vaddr(start + pages % 37 * granule),
						   .level = level,
						   .tables = pages % 2 };

			range.end = vaddr(range.start.value + pages * granule);
			tlb_invalidate(space, &range);
		}
	}
	for (int level = space->regime.block_level; level < LEVEL_PAGE; level++) {
		u64 span = regime_span(&space->regime, level);
		struct tlb_range range = { .start = vaddr(align_down(start, span)),
					   .end = vaddr(align_down(start, span) + span),
					   .level = level };

		tlb_invalidate(space, &range);
	}
	tlb_invalidate_by(tlb_op_asid(1));
	tlb_invalidate_all();
}

SELFTEST(vmalloc, operations, "the CPU takes every TLBI, and maps as before");

static void vmalloc_operations(struct selftest *test)
{
	struct use before;

	if (!begin(test, &before))
		return;
	invalidate_all_ways(test);
	use_area(test, 3 * regime_granule(&test->kernel->kernel_space.regime));
	end(test, &before);
}

/* One page each, of which the first word holds the address of the one before. */
static enum vmalloc_result areas_map(struct vmalloc *vmalloc, u64 count, u64 *mapped, vaddr_t *last)
{
	enum vmalloc_result result = VMALLOC_OK;
	vaddr_t va;

	for (*mapped = 0; *mapped < count; ++*mapped) {
		result = vmalloc_alloc(vmalloc, sizeof(u64), &va);
		if (result != VMALLOC_OK)
			break;
		*(u64 *)(uintptr_t)va.value = last->value;
		*last = va;
	}
	return result;
}

static u64 areas_unmap(struct vmalloc *vmalloc, vaddr_t last)
{
	u64 count = 0;

	while (last.value != 0) {
		vaddr_t before = vaddr(*(u64 *)(uintptr_t)last.value);

		if (vmalloc_free(vmalloc, last) != VMALLOC_OK)
			break;
		last = before;
		count++;
	}
	return count;
}

#define AREAS 100 /* unless a number is given */

SELFTEST(vmalloc, areas, "many areas at a time come and go");

/* As many as there is memory for, where that is less. Measurements end where the audit begins. */
static void vmalloc_areas(struct selftest *test)
{
	struct alloc *alloc = test_alloc(test);
	u64 count = test_count(test, AREAS), mapped, unmapped;
	enum vmalloc_result result;
	vaddr_t last = { 0 };
	bool sound;

	if (!alloc)
		return;
	result = areas_map(&alloc->vmalloc, count, &mapped, &last);
	unmapped = areas_unmap(&alloc->vmalloc, last);
	sound = vmalloc_audit(&alloc->vmalloc);
	test_check(test, result == VMALLOC_OK || result == VMALLOC_NO_MEMORY, "cannot be had",
		   result);
	test_equal(test, unmapped, mapped, "areas unmapped");
	test_check(test, sound, "audit of vmalloc", 0);
	if (result == VMALLOC_OK)
		test_note(test, "%lu areas mapped, %lu unmapped; audit: %s", mapped, unmapped,
			  sound ? "ok" : "BROKEN");
	else
		test_note(test, "%lu areas mapped, %lu unmapped; for %lu: %s; audit: %s", mapped,
			  unmapped, count, vmalloc_result_str(result), sound ? "ok" : "BROKEN");
}
