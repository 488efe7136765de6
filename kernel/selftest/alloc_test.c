// SPDX-License-Identifier: MIT
/*
 * The commands `buddy test` and `vmalloc test [AREAS]`: the allocators on the machine, where the
 * CPU and not a model says what is mapped. Each check that fails is a line; the last line counts.
 * Runs in the kernel, MMU on, after relocation.
 */
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/mm/pt/tlb.h>

/* A run of checks: what failed is printed where it failed. */
struct checks {
	unsigned done, failed;
};

static void check(struct checks *checks, bool holds, const char *what, u64 value)
{
	checks->done++;
	if (holds)
		return;
	checks->failed++;
	print("  FAILED: %s, 0x%016lx\n", what, value);
}

static void checks_end(const struct checks *checks, const char *name)
{
	if (checks->failed == 0)
		print("%s: %u checks passed\n", name, checks->done);
	else
		print("%s: %u of %u checks FAILED\n", name, checks->failed, checks->done);
}

static void refuse_free(struct checks *checks, struct buddy *buddy, u64 pa, unsigned order,
			enum buddy_result expected)
{
	enum buddy_result result = buddy_free(buddy, paddr(pa), order);

	print("  free of 0x%016lx, order %u: %s\n", pa, order, buddy_result_str(result));
	check(checks, result == expected, "should have been refused otherwise", pa);
	check(checks, buddy_audit(buddy), "audit after a refused free", pa);
}

void alloc_test_buddy(const struct kernel *kernel)
{
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	struct buddy *buddy = &kernel->alloc->buddy;
	struct checks checks = { 0 };
	struct buddy_usage before;
	paddr_t block = { 0 };

	if (!kernel->alloc) {
		print("buddy test: no free RAM\n");
		return;
	}
	before = buddy_usage(buddy);
	check(&checks, buddy_alloc(buddy, 2, &block) == BUDDY_OK, "no block of order", 2);
	check(&checks, is_aligned(block.value, granule << 2), "block unaligned", block.value);
	refuse_free(&checks, buddy, block.value + 1, 2, BUDDY_UNALIGNED);
	refuse_free(&checks, buddy, block.value + granule, 0, BUDDY_NOT_A_BLOCK);
	refuse_free(&checks, buddy, block.value, 1, BUDDY_WRONG_ORDER);
	refuse_free(&checks, buddy, kernel->handoff->facts.image.pa.value, 0, BUDDY_NOT_RAM);
	check(&checks, buddy_free(buddy, block, 2) == BUDDY_OK, "free", block.value);
	refuse_free(&checks, buddy, block.value, 2, BUDDY_DOUBLE_FREE);
	check(&checks, buddy_alloc(buddy, BUDDY_ORDER_MAX + 1, &block) == BUDDY_BAD_ORDER,
	      "a block was had of order", BUDDY_ORDER_MAX + 1);
	check(&checks, buddy_usage(buddy).used == before.used, "pages lost", before.used);
	checks_end(&checks, "buddy test");
}

/* The CPU reads and writes [start, end) where the tables say, and faults on the page behind it. */
static void check_mapped(struct checks *checks, const struct kernel *kernel, vaddr_t start,
			 vaddr_t end)
{
	const struct space *space = &kernel->kernel_space;
	paddr_t pa, expected;

	for (u64 va = start.value; va != end.value; va += regime_granule(&space->regime)) {
		check(checks, pt_translate(space, vaddr(va), &expected), "not in the tables", va);
		check(checks, address_probe(vaddr(va), true, &pa), "cannot be written", va);
		check(checks, pa.value == expected.value, "translates to", pa.value);
	}
	check(checks, !address_probe(end, false, &pa), "no guard page", end.value);
}

static void check_unmapped(struct checks *checks, const struct kernel *kernel, vaddr_t start,
			   u64 size)
{
	paddr_t pa;

	for (u64 at = 0; at < size; at += regime_granule(&kernel->kernel_space.regime))
		check(checks, !address_probe(vaddr(start.value + at), false, &pa), "still mapped",
		      start.value + at);
}

/* Each page holds its own address, as seen here and through the linear map. */
static void check_content(struct checks *checks, const struct kernel *kernel, vaddr_t start,
			  u64 size)
{
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	paddr_t pa = { 0 };

	for (u64 va = start.value; va != start.value + size; va += granule)
		*(volatile u64 *)(uintptr_t)va = va;
	for (u64 va = start.value; va != start.value + size; va += granule) {
		const volatile u64 *alias;

		check(checks, *(volatile u64 *)(uintptr_t)va == va, "overwritten", va);
		(void)pt_translate(&kernel->kernel_space, vaddr(va), &pa);
		alias = linear_pointer(&kernel->linear, pa);
		check(checks, *alias == va, "other content in the linear map", va);
	}
}

static void test_pages(struct checks *checks, const struct kernel *kernel, u64 size)
{
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;
	u64 pages = align_up(size, granule);
	vaddr_t va;

	if (vmalloc_alloc(vmalloc, size, &va) != VMALLOC_OK) {
		check(checks, false, "cannot be had", size);
		return;
	}
	check_mapped(checks, kernel, va, vaddr(va.value + pages));
	check_content(checks, kernel, va, pages);
	check(checks, vmalloc_audit(vmalloc), "audit with an area at", va.value);
	check(checks, vmalloc_free(vmalloc, va) == VMALLOC_OK, "free", va.value);
	check_unmapped(checks, kernel, va, pages);
}

#define PL011_PERIPH_ID 0xfe0 /* DDI 0183: what begins with 0x11 */
#define PL011_PERIPH_ID_0 0x11

/* A PL011's identification registers, by way of another mapping. Other UARTs have none. */
static void test_device(struct checks *checks, const struct kernel *kernel)
{
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;
	paddr_t device = kernel->handoff->facts.console.address, pa = { 0 };
	vaddr_t va;

	if (device.value == 0 || kernel->handoff->facts.console.kind.type != SERIAL_PL011)
		return;
	device.value += PL011_PERIPH_ID;
	if (vmalloc_ioremap(vmalloc, device, 0x20, &va) != VMALLOC_OK) {
		check(checks, false, "ioremap", device.value);
		return;
	}
	check(checks, address_probe(va, true, &pa) && pa.value == device.value, "ioremap gives",
	      pa.value);
	check(checks, *(const volatile u32 *)(uintptr_t)va.value == PL011_PERIPH_ID_0,
	      "no PL011 at", va.value);
	check(checks, vmalloc_audit(vmalloc), "audit with a device at", va.value);
	check(checks, vmalloc_free(vmalloc, va) == VMALLOC_OK, "free", va.value);
	check(checks, !address_probe(va, false, &pa), "still mapped", va.value);
}

static void refuse(struct checks *checks, enum vmalloc_result result, enum vmalloc_result expected,
		   const char *what, u64 value)
{
	print("  %s 0x%016lx: %s\n", what, value, vmalloc_result_str(result));
	check(checks, result == expected, "should have been refused otherwise", value);
}

static void test_refusals(struct checks *checks, const struct kernel *kernel)
{
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;
	u64 region = vmalloc->region.end.value - vmalloc->region.start.value;
	u64 ram = vmalloc->heap->buddy->ranges[0].first << vmalloc->space->regime.granule_shift;
	u64 top = regime_pa_end(&vmalloc->space->regime);
	u64 memory = buddy_usage(vmalloc->heap->buddy).total + 1;
	vaddr_t va, image = kernel->handoff->plan.image_va;

	refuse(checks, vmalloc_alloc(vmalloc, 0, &va), VMALLOC_BAD_SIZE, "vmalloc of", 0);
	refuse(checks, vmalloc_alloc(vmalloc, ~(u64)0, &va), VMALLOC_BAD_SIZE, "vmalloc of",
	       ~(u64)0);
	refuse(checks, vmalloc_alloc(vmalloc, region, &va), VMALLOC_NO_SPACE, "vmalloc of", region);
	if (memory < region / 4) /* there are addresses for it, wherever the image is */
		refuse(checks, vmalloc_alloc(vmalloc, memory, &va), VMALLOC_NO_MEMORY, "vmalloc of",
		       memory);
	refuse(checks, vmalloc_ioremap(vmalloc, paddr(ram), 8, &va), VMALLOC_IS_RAM, "ioremap of",
	       ram);
	refuse(checks, vmalloc_ioremap(vmalloc, paddr(top), 8, &va), VMALLOC_UNREACHABLE,
	       "ioremap of", top);
	refuse(checks, vmalloc_free(vmalloc, image), VMALLOC_NOT_AN_AREA, "free of", image.value);
	check(checks, vmalloc_alloc(vmalloc, 1, &va) == VMALLOC_OK, "cannot be had", 1);
	refuse(checks, vmalloc_free(vmalloc, vaddr(va.value + 8)), VMALLOC_NOT_AN_AREA, "free of",
	       va.value + 8);
	check(checks, vmalloc_free(vmalloc, va) == VMALLOC_OK, "free", va.value);
	refuse(checks, vmalloc_free(vmalloc, va), VMALLOC_NOT_AN_AREA, "free of", va.value);
	check(checks, vmalloc_audit(vmalloc), "audit after what was refused", 0);
}

/*
 * Every operation the CPU has, on a stretch that is mapped by now and used afterwards: at all
 * levels, of any length, aligned and not. An emulator that objects to an operand logs it.
 */
static void test_tlb(const struct kernel *kernel)
{
	const struct space *space = &kernel->kernel_space;
	u64 start = kernel->alloc->vmalloc.region.start.value;
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

void alloc_test_vmalloc(const struct kernel *kernel)
{
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	const struct table_pool *pool = kernel->kernel_space.pool;
	struct checks checks = { 0 };
	u64 used, tables;

	if (!kernel->alloc) {
		print("vmalloc test: no free RAM\n");
		return;
	}
	/* From here on nothing may be lost: the first area may leave tables behind. */
	test_pages(&checks, kernel, 1);
	used = buddy_usage(&kernel->alloc->buddy).used;
	tables = pool_used(pool, granule);
	for (u64 pages = 1; pages < 100; pages += pages / 2 + 1)
		test_pages(&checks, kernel, pages * granule - pages % 2);
	test_device(&checks, kernel);
	test_refusals(&checks, kernel);
	test_tlb(kernel);
	test_pages(&checks, kernel, 3 * granule);
	check(&checks, buddy_usage(&kernel->alloc->buddy).used == used, "pages lost", used);
	check(&checks, pool_used(pool, granule) == tables, "tables lost", tables);
	check(&checks, buddy_audit(&kernel->alloc->buddy), "audit of the page allocator", 0);
	checks_end(&checks, "vmalloc test");
}

/* One page each, of which the first word holds the address of the one before. */
static enum vmalloc_result areas_map(struct vmalloc *vmalloc, u64 count, u64 *mapped, vaddr_t *last)
{
	enum vmalloc_result result = VMALLOC_OK;
	vaddr_t va;

	for (*mapped = 0; *mapped < count; ++*mapped) {
		result = vmalloc_alloc(vmalloc, 1, &va);
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

void alloc_test_areas(const struct kernel *kernel, u64 count)
{
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;
	enum vmalloc_result result;
	vaddr_t last = { 0 };
	u64 mapped, unmapped;
	bool sound;

	if (!kernel->alloc) {
		print("vmalloc test: no free RAM\n");
		return;
	}
	/* Measurements end where the audit begins. */
	result = areas_map(vmalloc, count, &mapped, &last);
	unmapped = areas_unmap(vmalloc, last);
	sound = vmalloc_audit(vmalloc);
	print("vmalloc test: %lu areas mapped, %lu unmapped", mapped, unmapped);
	if (result != VMALLOC_OK)
		print("; for %lu: %s", count, vmalloc_result_str(result));
	print("; audit: %s\n", sound ? "ok" : "BROKEN");
}
