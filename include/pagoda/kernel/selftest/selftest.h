/* SPDX-License-Identifier: MIT */
/*
 * Tests that the kernel runs on itself, on the machine it has booted on: `selftest` on the console.
 * A test is a function of a few lines over what stands below; docs/extend.md has an example.
 * MMU on, after boot. One at a time.
 *
 * Numbers here are the manual's, written down again: what is to be judged is not asked.
 */
#ifndef PAGODA_SELFTEST_H
#define PAGODA_SELFTEST_H

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/kernel.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/trap/exception.h>

/* Which tests to run: names and subjects, between blanks, or all. */
struct selftest_request {
	struct words names;
	u64 seed; /* not 0 */
	bool has_count;
	u64 count; /* for tests that ask test_count() */
	bool json; /* a document, and not KTAP */
	bool has_budget;
	u64 budget; /* instructions that all of it may take */
};

/*
 * Results that a test adds to. Tests read its first three members; nothing but these functions
 * looks at the others.
 */
struct selftest {
	const struct kernel *kernel;
	const struct selftest_request *request;
	u32 number; /* SELFTEST_CASE() */
	const char *skipped; /* why, or null */
	unsigned checks, failures;
	u64 random; /* state of test_random() */
	vaddr_t about; /* the address of what is checked; test_about() */
	const struct space *space; /* that translates the lower half; null where none does */
	struct json *json; /* null for KTAP */
};

/* A row of the table: of a subject, or of a test of the last subject before it. Text by offset. */
struct selftest_row {
	s32 place; /* of a subject among subjects; 0 for a test */
	s32 name, what;
	s32 rule; /* of the manual; 0 where it is about the kernel, and none of the CPU's */
	s32 function, number;
};

/* What a test costs, by its name. Sorted by that, least first; docs/selftest.md. */
struct selftest_cost {
	s32 name, instructions;
};

#define SELFTEST_COST(name, instructions) \
	asm(ROW_BEGIN(selftest_costs) ROW_TEXT(name) ROW_NUMBER(instructions) ROW_END)

typedef void selftest_function(struct selftest *test);

/*
 * SELFTEST_SUBJECT() - what stands below, in this file, are tests of @subject. They are listed in
 * that order, and subjects by their number, @place.
 */
#define SELFTEST_SUBJECT(place, subject)  \
	COMPLETION("selftest", #subject); \
	SELFTEST_MORE(place, subject)

/* SELFTEST_MORE() - the same, where another file has SELFTEST_SUBJECT() for that. */
#define SELFTEST_MORE(place, subject)                                                             \
	enum {                                                                                    \
		selftest_subject_##subject                                                        \
	};                                                                                        \
	asm(ROW_BEGIN(selftests) ROW_NUMBER(place) ROW_TEXT(#subject) ROW_NUMBER(0) ROW_NUMBER(0) \
		    ROW_NUMBER(0) ROW_NUMBER(0) ROW_END)

#define SELFTEST_ROW(subject, name, what, rule, function, number)                          \
	static selftest_function function __attribute__((used));                           \
	_Static_assert(selftest_subject_##subject == 0, "the subject of this file");       \
	asm(ROW_BEGIN(selftests) ROW_NUMBER(0) ROW_TEXT(#subject "." #name) ROW_TEXT(what) \
		    rule ROW_FUNCTION(function) ROW_NUMBER(number) ROW_END)

/*
 * SELFTEST() - SUBJECT_NAME(), a function that must follow, is a test. @what: holds, in a line.
 * SELFTEST_RULE() - the same, of a @rule of the manual that kernel/selftest/rules.txt has.
 * SELFTEST_CASE() - one of several that @function is, each with its @number, which C need not know:
 * 32 bits, as the assembler reads them.
 */
#define SELFTEST(subject, name, what) \
	SELFTEST_ROW(subject, name, what, ROW_NUMBER(0), subject##_##name, 0)
#define SELFTEST_RULE(subject, name, rule, what) \
	SELFTEST_ROW(subject, name, what, ROW_TEXT(rule), subject##_##name, 0)
#define SELFTEST_CASE(subject, name, rule, what, function, number) \
	SELFTEST_ROW(subject, name, what, ROW_TEXT(rule), function, number)

/* selftest_run() - run what is asked for, and print the results. */
void selftest_run(const struct kernel *kernel, const struct selftest_request *request);

/* selftest_seed() - argument @index, if there is one, or a seed of our own; false, and said why. */
bool selftest_seed(const struct arguments *arguments, unsigned index, u64 *seed);

/*
 * test_guarded() - @run, ended by a fault that it does not wait for, and by the CPU's timer where
 * that has an interrupt and it takes too long: then the test has failed, and says which, and the
 * registers of translation are what they were. What it had of memory stays gone.
 */
void test_guarded(struct selftest *test, selftest_function *run);

/* test_about() - what follows is about @va: its descriptors are what a failure shows. */
void test_about(struct selftest *test, vaddr_t va);

/* test_check() - @what, said about @value, holds: or it is printed, and the test has failed. */
void test_check(struct selftest *test, bool holds, const char *what, u64 value);

/* test_equal() - @value is @expected. */
void test_equal(struct selftest *test, u64 value, u64 expected, const char *what);

/*
 * test_note() - a line for people, formatted as by format() and without its end: how much was
 * looked at, or what a failure before was about; of 159 characters at most.
 */
void test_note(struct selftest *test, const char *text, ...) __attribute__((format(printf, 2, 3)));

/*
 * test_needs() - @has: or the test is skipped for @reason. Returns @has. test_needs_pan2() - that
 * AT S1E1RP and S1E1WP exist, and look at PSTATE.PAN as the kernel has it: FEAT_PAN2.
 */
bool test_needs(struct selftest *test, bool has, const char *reason);
bool test_needs_pan2(struct selftest *test);

/* test_alloc() - the kernel's allocators; without any the test is skipped, and this null. */
struct alloc *test_alloc(struct selftest *test);

/*
 * test_tables() - the kernel's map can take @count tables more, of the allocator's memory where its
 * pool has not as many; otherwise the test is skipped. Another CPU may take them first.
 */
bool test_tables(struct selftest *test, u64 count);

/*
 * test_random() - a number below @limit, from the seed that is printed. random_step() - 64 bits, of
 * which the lowest are the least random, from a @state of one's own that is not 0.
 */
u64 test_random(struct selftest *test, u64 limit);
u64 random_step(u64 *state);

/* test_count() - how much of it somebody asked for, or @otherwise. */
u64 test_count(const struct selftest *test, u64 otherwise);

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
	TOUCH_LOAD, /* of 8 bytes */
	TOUCH_STORE, /* of 0 */
	TOUCH_LOAD_BYTE,
	TOUCH_STORE_BYTE,
	TOUCH_RUN,
	TOUCH_JUMP,
	TOUCH_USER_LOAD,
	TOUCH_USER_STORE,
	TOUCH_USER_RUN,
};

/*
 * touch_bare() - do it, come what may.
 * touch() - do it. True where that faulted, and with what in @fault.
 */
void touch_bare(enum touch touch, vaddr_t va);
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
