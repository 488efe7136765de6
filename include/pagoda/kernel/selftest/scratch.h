/* SPDX-License-Identifier: MIT */
/*
 * A translation regime for self tests to do as they please with: the lower half, which the kernel
 * has no use for after boot, with tables and memory of its own. The address size is the test's; the
 * page size is the kernel's unless it asks for another; TCR has one DS and one output size for both
 * halves. MMU on. One at a time.
 */
#ifndef PAGODA_SCRATCH_H
#define PAGODA_SCRATCH_H

#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/mm/pt/slot.h>

/* Bits of descriptors, once more from the manual (DDI 0487 D8.3). */
#define LEAF_VALID BIT(0)
#define LEAF_TYPE BIT(1) /* set in pages, clear in blocks */
#define LEAF_USER BIT(6)
#define LEAF_READ_ONLY BIT(7)
#define LEAF_AF BIT(10)
#define LEAF_NG BIT(11)
#define LEAF_GP BIT(50)
#define LEAF_DBM BIT(51)
#define LEAF_CONTIGUOUS BIT(52)
#define LEAF_PXN BIT(53)
#define LEAF_UXN BIT(54)
#define TABLE_PXN BIT(59)
#define TABLE_UXN BIT(60)
#define TABLE_AP_SHIFT 61
#define LEAF_AP_SHIFT 6

/* bti c, bti j, paciasp, ret, svc #0; harmless, if they are executed at EL1. */
#define CODE_BTI 0xd503245f
#define CODE_BTI_JUMP 0xd503249f
#define CODE_PACIASP 0xd503233f
#define CODE_RET 0xd65f03c0
#define CODE_SVC 0xd4000001

#define SCRATCH_TABLES_SIZE MIB(1)
#define SCRATCH_DATA_SIZE KIB(128) /* two pages of any size */

/* What the two pages of data begin with. */
#define SCRATCH_MAGIC 0x5061676f6461a55a

struct scratch {
	struct selftest *test;
	struct space space;
	struct table_pool pool;
	paddr_t tables, data;
	unsigned granule_shift; /* the kernel's, or what scratch_granule() has made of it */
	u64 page; /* bytes */
	u64 tcr, ttbr0; /* the kernel's, for scratch_end() */
};

/*
 * scratch_begin() - from here on the lower half is @scratch's: @va_bits of addresses, nothing
 * mapped. False, and the test is skipped, where there is no memory.
 * scratch_end() - the lower half is the kernel's again.
 */
bool scratch_begin(struct scratch *scratch, struct selftest *test, unsigned va_bits);
void scratch_end(struct scratch *scratch);

/*
 * scratch_has_granule() - beside the kernel's tables, the lower half can have pages of this size.
 * scratch_granule() - and from the next scratch_reset() on it does.
 */
bool scratch_has_granule(const struct selftest *test, unsigned granule_shift);
void scratch_granule(struct scratch *scratch, unsigned granule_shift);

/*
 * FEAT_LVA, whatever the command line says: the kernel may do without, but the CPU goes on taking
 * 52 bits of address with 64K pages.
 */
static inline bool test_has_lva(const struct selftest *test)
{
	return SYSREG_GET(ID_AA64MMFR2_EL1_VARANGE,
			  test->kernel->handoff->facts.id[SYSREG_ID_AA64MMFR2_EL1]) != 0;
}

/* scratch_bits() - the most address bits that the lower half can have. */
unsigned scratch_bits(const struct selftest *test);

/* scratch_reset() - nothing mapped, in a root for @va_bits. */
void scratch_reset(struct scratch *scratch, unsigned va_bits);

/* scratch_control() - TCR as the kernel has it, but for walks of the lower half, @clear, @set. */
void scratch_control(struct scratch *scratch, u64 clear, u64 set);

/*
 * scratch_off() - nothing is walked any more, nor in a TLB: tables may be written in any order,
 * until scratch_control().
 */
void scratch_off(const struct scratch *scratch);

/* scratch_map() - @size bytes at @va to @pa, or the test fails. */
void scratch_map(struct scratch *scratch, u64 va, u64 pa, u64 size, struct map_attr attr);

/* scratch_page() - one page of data at @va: read-write, no-execute, Normal memory. */
void scratch_page(struct scratch *scratch, u64 va);

/* scratch_slot() - where the descriptor for @va stands in its table at @level, which exists. */
struct slot *scratch_slot(const struct scratch *scratch, u64 va, int level);

/*
 * scratch_write() - what stands there without @clear, and with @set, in one store and no more:
 * tables that nobody would make on purpose.
 */
void scratch_write(const struct scratch *scratch, u64 va, int level, u64 clear, u64 set);

/* scratch_edit() - the descriptor that the walk of @va ends at, by break-before-make. */
void scratch_edit(struct scratch *scratch, u64 va, u64 clear, u64 set);

/* scratch_open() - nothing in the tables on the way to @va keeps EL0 from executing. While off. */
void scratch_open(const struct scratch *scratch, u64 va);

/* scratch_publish() - what was stored by scratch_word() may be executed. */
void scratch_publish(const struct scratch *scratch);

/* scratch_word() - word @index of the data. */
volatile u64 *scratch_word(const struct scratch *scratch, u64 index);

/*
 * scratch_code() - at @va the instruction @first, then ret: executable by whom the descriptor lets,
 * with @clear and @set in it. In a table that lets EL0 execute.
 */
void scratch_code(struct scratch *scratch, u64 va, u32 first, u64 clear, u64 set);

/* test_ram_end() - where RAM ends, or with @empty that part of it that nothing lies in. */
u64 test_ram_end(const struct selftest *test, bool empty);

/*
 * scratch_small_size() - a value of TCR.IPS whose output size, in scratch_ips_bits, a descriptor
 * can exceed: the CPU's own or, where the format has no more bits than that, a smaller one.
 * scratch_size_will_do() - false, and the test is skipped, where RAM or the console lie beyond the
 * size that @ips means; so does the other.
 */
extern const u8 scratch_ips_bits[];
bool scratch_size_will_do(struct selftest *test, unsigned ips);
bool scratch_small_size(struct selftest *test, unsigned *ips);

/*
 * scratch_careless() - this is an emulator that leaves out what no correct program asks for, all of
 * it: then a test may be skipped for SCRATCH_CARELESS. Resets @scratch.
 */
#define SCRATCH_CARELESS "an emulator: blocks are taken at any level, Device memory unaligned"
bool scratch_careless(struct scratch *scratch);

/* test_translates() - for a read of @va the CPU finds @pa. test_status() - it finds a fault. */
void test_translates(struct selftest *test, u64 va, u64 pa);
void test_status(struct selftest *test, u64 va, unsigned status);

#endif /* PAGODA_SCRATCH_H */
