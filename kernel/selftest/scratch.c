// SPDX-License-Identifier: MIT
/*
 * The lower half as a place for self tests.
 * Runs in the kernel, MMU on. Whatever was there, the identity map, is put back.
 */
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/kernel/selftest/scratch.h>
#include <pagoda/lib/string.h>

unsigned scratch_bits(const struct selftest *test)
{
	const struct regime *kernel = &test->kernel->kernel_space.regime;

	if (kernel->granule_shift == GRANULE_SHIFT_64K)
		return test_has_lva(test) ? 52 : 48;
	return kernel->va_bits == 52 ? 52 : 48;
}

/* 52-bit descriptors: 64K pages have them by the output size, the others by DS. */
static bool is_wide(const struct selftest *test, unsigned granule_shift)
{
	const struct regime *kernel = &test->kernel->kernel_space.regime;

	return granule_shift == GRANULE_SHIFT_64K ? kernel->pa_bits == 52 :
						    kernel->format == DESC_LPA2;
}

bool scratch_has_granule(const struct selftest *test, unsigned granule_shift)
{
	const struct regime *kernel = &test->kernel->kernel_space.regime;
	bool wide = is_wide(test, granule_shift);

	if (granule_shift == kernel->granule_shift)
		return true;
	/* An output size of 52 bits without DS is reserved but for 64K pages. */
	if (granule_shift != GRANULE_SHIFT_64K && kernel->pa_bits == 52 && !wide)
		return false;
	switch (granule_shift) {
	case GRANULE_SHIFT_4K:
		return (test_feature(test, ID_AA64MMFR0_EL1, TGRAN4) ^ 8) >= (wide ? 9 : 8);
	case GRANULE_SHIFT_16K:
		return test_feature(test, ID_AA64MMFR0_EL1, TGRAN16) >= (wide ? 2 : 1);
	}
	return test_feature(test, ID_AA64MMFR0_EL1, TGRAN64) < 8;
}

void scratch_granule(struct scratch *scratch, unsigned granule_shift)
{
	scratch->granule_shift = granule_shift;
	scratch->page = BIT(granule_shift);
}

static u64 granule_field(unsigned granule_shift)
{
	switch (granule_shift) {
	case GRANULE_SHIFT_4K:
		return TCR_EL1_TG0_4K;
	case GRANULE_SHIFT_16K:
		return TCR_EL1_TG0_16K;
	}
	return TCR_EL1_TG0_64K;
}

static void registers_set(const struct scratch *scratch, u64 clear, u64 set)
{
	const struct regime *regime = &scratch->space.regime;
	u64 tcr = scratch->tcr & ~(TCR_EL1_EPD0_MASK | TCR_EL1_T0SZ_MASK | TCR_EL1_TG0_MASK);

	tcr |= SYSREG_PUT(TCR_EL1_T0SZ, 64 - regime->va_bits) |
	       SYSREG_PUT(TCR_EL1_TG0, granule_field(regime->granule_shift));
	lower_half_set(ttbr_encode(regime, scratch->space.root), (tcr & ~clear) | set);
}

void scratch_control(struct scratch *scratch, u64 clear, u64 set)
{
	registers_set(scratch, clear, set);
}

void scratch_off(const struct scratch *scratch)
{
	(void)scratch;
	idmap_disable();
}

void scratch_reset(struct scratch *scratch, unsigned va_bits)
{
	const struct regime *kernel = &scratch->test->kernel->kernel_space.regime;
	u64 end = scratch->tables.value + SCRATCH_TABLES_SIZE;

	lower_half_set(scratch->ttbr0, scratch->tcr);
	scratch->pool = (struct table_pool){ .start = scratch->tables,
					     .next = scratch->tables,
					     .end = paddr(end) };
	scratch->space.regime = regime_make(scratch->granule_shift, va_bits, kernel->pa_bits,
					    is_wide(scratch->test, scratch->granule_shift));
	scratch->space.regime.whose = WHOSE_KERNEL_LOW;
	scratch->space.tlb = scratch->test->kernel->kernel_space.tlb;
	test_equal(scratch->test, pt_space_create(&scratch->space), MAP_OK, "making a root");
	*scratch_word(scratch, 0) = SCRATCH_MAGIC;
	*scratch_word(scratch, scratch->page / sizeof(u64)) = ~SCRATCH_MAGIC;
	/* Tests map it as other memory than the linear map does. */
	for (unsigned i = 0; i < 2; i++)
		dcache_clean(linear_pointer(&scratch->test->kernel->linear,
					    paddr_add(scratch->data, i * scratch->page)),
			     2 * sizeof(u64), sizeof(u64));
	tables_publish();
	registers_set(scratch, 0, 0);
}

/* The order of a block of @size bytes, a power of two. */
static unsigned order_of(const struct scratch *scratch, u64 size)
{
	const struct regime *kernel = &scratch->test->kernel->kernel_space.regime;
	unsigned order = 0;

	while (regime_granule(kernel) << order < size)
		order++;
	return order;
}

static bool memory_get(struct scratch *scratch, struct alloc *alloc)
{
	unsigned tables = order_of(scratch, SCRATCH_TABLES_SIZE);

	if (buddy_alloc(&alloc->buddy, tables, &scratch->tables) != BUDDY_OK)
		return false;
	if (buddy_alloc(&alloc->buddy, order_of(scratch, SCRATCH_DATA_SIZE), &scratch->data) ==
	    BUDDY_OK)
		return true;
	(void)buddy_free(&alloc->buddy, scratch->tables, tables);
	return false;
}

bool scratch_begin(struct scratch *scratch, struct selftest *test, unsigned va_bits)
{
	const struct kernel *kernel = test->kernel;
	struct alloc *alloc = test_alloc(test);
	u64 registers[SYSREG_COUNT];

	*scratch = (struct scratch){ .test = test };
	if (!alloc || !test_needs(test, memory_get(scratch, alloc), "no memory for tables"))
		return false;
	control_read(registers);
	scratch->tcr = registers[SYSREG_TCR_EL1];
	scratch->ttbr0 = registers[SYSREG_TTBR0_EL1];
	scratch_granule(scratch, kernel->kernel_space.regime.granule_shift);
	scratch->space.policy.guarded = kernel->kernel_space.policy.guarded;
	scratch->space.phys_offset = kernel->linear.offset;
	scratch->space.pool = &scratch->pool;
	test->space = &scratch->space;
	scratch_reset(scratch, va_bits);
	return true;
}

void scratch_end(struct scratch *scratch)
{
	struct buddy *buddy = &scratch->test->kernel->alloc->buddy;

	scratch->test->space = NULL;
	lower_half_set(scratch->ttbr0, scratch->tcr);
	test_equal(scratch->test,
		   buddy_free(buddy, scratch->tables, order_of(scratch, SCRATCH_TABLES_SIZE)),
		   BUDDY_OK, "freeing tables");
	test_equal(scratch->test,
		   buddy_free(buddy, scratch->data, order_of(scratch, SCRATCH_DATA_SIZE)), BUDDY_OK,
		   "freeing data");
}

void scratch_map(struct scratch *scratch, u64 va, u64 pa, u64 size, struct map_attr attr)
{
	struct map_request request = { vaddr(va), vaddr(va + size), paddr(pa), attr };

	test_equal(scratch->test, map_range(&scratch->space, &request), MAP_OK, "mapping");
	tables_publish();
}

void scratch_page(struct scratch *scratch, u64 va)
{
	scratch_map(scratch, va, scratch->data.value, scratch->page,
		    (struct map_attr){ PROT_READ_WRITE, MEM_NORMAL });
}

struct slot *scratch_slot(const struct scratch *scratch, u64 va, int level)
{
	return slot_at(&scratch->space, pt_descend(&scratch->space, vaddr(va), level).slot);
}

void scratch_write(const struct scratch *scratch, u64 va, int level, u64 clear, u64 set)
{
	struct slot *slot = scratch_slot(scratch, va, level);

	slot_edit(slot, (pte_t){ (slot_read(slot).bits & ~clear) | set });
}

void scratch_edit(struct scratch *scratch, u64 va, u64 clear, u64 set)
{
	struct pt_entry entry = pt_find(&scratch->space, vaddr(va));
	struct slot *slot = slot_at(&scratch->space, entry.slot);

	slot_break(slot);
	tlb_invalidate_all();
	slot_edit(slot, (pte_t){ (entry.pte.bits & ~clear) | set });
	tables_publish();
}

volatile u64 *scratch_word(const struct scratch *scratch, u64 index)
{
	return (volatile u64 *)linear_pointer(&scratch->test->kernel->linear, scratch->data) +
	       index;
}

/* UXNTable, which is set in all tables, would have the last word for EL0. */
void scratch_open(const struct scratch *scratch, u64 va)
{
	const struct regime *regime = &scratch->space.regime;

	for (int level = regime->root_level; level < LEVEL_PAGE; level++)
		scratch_write(scratch, va, level, TABLE_UXN, 0);
}

void scratch_publish(const struct scratch *scratch)
{
	code_publish(linear_va(&scratch->test->kernel->linear, scratch->data), 2 * scratch->page);
}

void scratch_code(struct scratch *scratch, u64 va, u32 first, u64 clear, u64 set)
{
	scratch_reset(scratch, scratch->space.regime.va_bits);
	*scratch_word(scratch, 0) = (u64)CODE_RET << 32 | first;
	scratch_page(scratch, va);
	scratch_open(scratch, va);
	scratch_edit(scratch, va, clear, set);
	code_publish(linear_va(&scratch->test->kernel->linear, scratch->data), 2 * sizeof(u32));
}

u64 test_ram_end(const struct selftest *test, bool empty)
{
	struct memory_range piece;
	u64 end = 0;

	for (u64 from = 0; memory_next(test->kernel->memory, from, &piece); from = piece.end.value)
		if (piece.kind == MEMORY_RAM || !empty)
			end = piece.end.value;
	return end;
}

const u8 scratch_ips_bits[] = { 32, 36, 40, 42, 44, 48, 52 };

bool scratch_size_will_do(struct selftest *test, unsigned ips)
{
	return test_needs(test,
			  test_ram_end(test, false) <= BIT(scratch_ips_bits[ips]) &&
				  test->kernel->console.address.value < BIT(scratch_ips_bits[ips]),
			  "RAM or console need every bit of the output size");
}

/*
 * With 64K pages of less than 48 bits: whether bits 15:12 count as address bits while the output
 * size is 48 is where emulators go their own way.
 */
bool scratch_small_size(struct selftest *test, unsigned *ips)
{
	const struct regime *regime = &test->kernel->kernel_space.regime;
	unsigned most = regime->format == DESC_LPA2 ? 48 : 44;

	*ips = 0;
	while (scratch_ips_bits[*ips] < min_u64(regime->pa_bits, most))
		++*ips;
	return scratch_size_will_do(test, *ips);
}

void test_translates(struct selftest *test, u64 va, u64 pa)
{
	u64 par = at_translate(vaddr(va), false);

	test_about(test, vaddr(va));
	if (SYSREG_GET(PAR_EL1_F, par)) {
		test_check(test, false, "not translated", va);
		test_equal(test, SYSREG_GET(PAR_EL1_FST, par), 0, "fault status");
		return;
	}
	test_equal(test, par & PAR_EL1_PA_MASK, align_down(pa, KIB(4)), "physical address");
}

void test_status(struct selftest *test, u64 va, unsigned status)
{
	u64 par = at_translate(vaddr(va), false);

	test_about(test, vaddr(va));
	test_check(test, SYSREG_GET(PAR_EL1_F, par), "translated", va);
	test_equal(test, SYSREG_GET(PAR_EL1_FST, par), status, "fault status");
}
