/* SPDX-License-Identifier: MIT */
/*
 * Tests that the kernel runs on itself, on the machine it has booted on: `selftest` on the console.
 * A test is a function of a few lines over what stands below; docs/selftest.md says how to add one.
 * MMU on, after boot. One at a time.
 *
 * Numbers here are the manual's, written down again: what is to be judged is not asked.
 */
#ifndef PAGODA_SELFTEST_H
#define PAGODA_SELFTEST_H

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/kernel/kernel.h>

/* Every test: subject, name, and what holds where it passes. The function is subject_name(). */
#define SELFTEST_EACH(X)                                                                   \
	X(walk, edges, "the CPU translates as the tables say at every edge")               \
	X(walk, random, "and at random addresses in every run")                            \
	X(walk, layout, "and at the ends of every region")                                 \
	X(walk, user, "EL0 can reach none of them")                                        \
	X(walk, idmap, "the lower half is not walked")                                     \
	X(audit, wx, "nothing is writable and executable")                                 \
	X(audit, alias, "text and rodata are writable nowhere")                            \
	X(audit, leaves, "every leaf has the bits that all of the kernel's have")          \
	X(audit, tables, "no page table is executable or EL0's")                           \
	X(audit, guards, "guard pages and init segments are not mapped")                   \
	X(audit, pool, "every table taken from the pool is in use")                        \
	X(audit, total, "the map's total is the sum of its leaves")                        \
	X(permission, text, "text cannot be written")                                      \
	X(permission, rodata, "read-only data cannot be written")                          \
	X(permission, guard, "guard pages cannot be read or written")                      \
	X(permission, data, "data cannot be executed")                                     \
	X(permission, stack, "the stack cannot be executed, and ends in a guard")          \
	X(permission, linear, "the linear map cannot be executed, nor text written there") \
	X(permission, vmalloc, "vmalloc memory cannot be executed")                        \
	X(descriptor, levels, "leaves at every level that has them")                       \
	X(descriptor, contiguous, "contiguous runs at every level that has them")          \
	X(descriptor, sizes, "every address size, at both ends and beyond")                \
	X(descriptor, root, "faults at level -1 are told so")                              \
	X(descriptor, output, "every bit of the output address arrives")                   \
	X(descriptor, memory, "the highest RAM is the same by another address")            \
	X(descriptor, reach, "addresses above the output size fault at their level")       \
	X(descriptor, types, "each memory type has its attributes")                        \
	X(descriptor, accessed, "a clear access flag faults")                              \
	X(descriptor, hardware_accessed, "hardware sets the access flag")                  \
	X(descriptor, dirty, "hardware makes a page writable when it is written")          \
	X(illegal, block, "a block at a level that has none faults")                       \
	X(illegal, page, "the reserved type at level 3 faults")                            \
	X(illegal, invalid, "what is not valid faults whatever else it holds")             \
	X(illegal, size_small, "T0SZ below its least value")                               \
	X(illegal, size_large, "T0SZ above its greatest value")                            \
	X(execute, wxn, "what is writable cannot be executed, by WXN alone")               \
	X(execute, pxn, "PXN stops the kernel, UXN does not")                              \
	X(execute, uxn, "UXN stops EL0, in leaves and in tables")                          \
	X(execute, bti, "a branch to what is no landing pad traps")                        \
	X(execute, pac, "a pointer signed wrongly cannot be used")                         \
	X(execute, alignment, "unaligned data and code fault")                             \
	X(user, access, "EL0 has the access that AP gives it")                             \
	X(user, kernel, "EL0 cannot touch the kernel's addresses")                         \
	X(user, pan, "PAN keeps the kernel from EL0's pages")                              \
	X(tlb, all, "invalidation of everything")                                          \
	X(tlb, asid, "invalidation by ASID")                                               \
	X(tlb, address, "invalidation by address, with and without a level")               \
	X(tlb, range, "invalidation of ranges, with and without a level")                  \
	X(tlb, block, "invalidation of blocks and of tables")                              \
	X(tlb, operands, "operands name what they should, and no wrong level")             \
	X(change, split, "blocks split and merge under interrupts")                        \
	X(change, protect, "permissions come and go under interrupts")                     \
	X(change, root, "TTBR1 is replaced under interrupts")

/* Results that a test adds to; nothing but these functions looks inside. */
struct selftest {
	const struct kernel *kernel;
	const char *skipped; /* why, or null */
	unsigned checks, failures;
	u64 random; /* state of test_random() */
};

#define DECLARE_TEST(subject, name, what) void subject##_##name(struct selftest *test);
SELFTEST_EACH(DECLARE_TEST)
#undef DECLARE_TEST

/* test_check() - @what, said about @value, holds: or it is printed, and the test has failed. */
void test_check(struct selftest *test, bool holds, const char *what, u64 value);

/* test_equal() - @value is @expected. */
void test_equal(struct selftest *test, u64 value, u64 expected, const char *what);

/* test_needs() - @has: or the test is skipped for @reason. Returns @has. */
bool test_needs(struct selftest *test, bool has, const char *reason);

/* test_alloc() - the kernel's allocators; without any the test is skipped, and this null. */
struct alloc *test_alloc(struct selftest *test);

/* test_random() - a number below @limit, from the seed that is printed. */
u64 test_random(struct selftest *test, u64 limit);

/* A field of an ID register after overrides: test_feature(test, ID_AA64MMFR1_EL1, PAN). */
#define test_feature(test, register, field) \
	SYSREG_GET(register##_##field, (test)->kernel->handoff->id[SYSREG_##register])

/* The kinds of faults in a fault status code; each is followed by the levels 0 to 3. */
enum fault_kind {
	FAULT_ADDRESS_SIZE,
	FAULT_TRANSLATION,
	FAULT_ACCESS_FLAG,
	FAULT_PERMISSION,
};

#define FAULT_ALIGNMENT 0x21

/* fault_status() - the code of a fault at @level, -1 to 3 (DDI 0487 D19.2.37, FEAT_LPA2). */
unsigned fault_status(enum fault_kind kind, int level);

/* What is done to an address. USER: with EL0's rights; USER_RUN: at EL0. */
enum touch {
	TOUCH_LOAD,
	TOUCH_STORE, /* of 0 */
	TOUCH_RUN,
	TOUCH_JUMP,
	TOUCH_USER_LOAD,
	TOUCH_USER_STORE,
	TOUCH_USER_RUN,
};

/* touch() - do it. True where that faulted, and with what in @fault. */
bool touch(enum touch touch, vaddr_t va, struct fault *fault);

/*
 * test_faults() - doing it is an abort of the right class, with this @status and with @va in FAR.
 * test_works() - it is none.
 */
void test_faults(struct selftest *test, enum touch what, vaddr_t va, unsigned status);
void test_works(struct selftest *test, enum touch what, vaddr_t va);

/* test_class() - @fault is of exception class @class, and happened at @elr. */
void test_class(struct selftest *test, const struct fault *fault, unsigned class, u64 elr);

/*
 * leaf_level() - the level at which the walk of @va in the kernel's tables ends.
 * pointer_va() - the virtual address of what is at @pointer.
 */
int leaf_level(const struct selftest *test, vaddr_t va);

static inline vaddr_t pointer_va(const volatile void *pointer)
{
	return vaddr((uintptr_t)pointer);
}

#endif /* PAGODA_SELFTEST_H */
