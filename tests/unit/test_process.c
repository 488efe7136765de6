// SPDX-License-Identifier: MIT
/*
 * What programs have of their addresses: the calls about memory on a machine that is memory of this
 * process, held against a list of pages and against the page tables, after each; what is refused;
 * and that all memory comes back. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <pagoda/arch/arch.h>

#include "../../kernel/proc/parts.h"
#include "support/console_capture.h"
#include "support/fake_memory.h"
#include "support/random.h"

#define READ LINUX_PROT_READ
#define WRITE LINUX_PROT_WRITE
#define EXEC LINUX_PROT_EXEC
#define PRIVATE (LINUX_MAP_PRIVATE | LINUX_MAP_ANONYMOUS)
#define FIXED (PRIVATE | LINUX_MAP_FIXED)
#define PLACE MIB(64)
#define PAGES 48

static struct fake_memory machine;
static struct alloc alloc;
static struct kernel kernel;
static struct boot_handoff handoff;
static struct process *process;
static u64 page;
static const char *name_at; /* what EL0 has where user_read() is asked to look */

void code_publish(vaddr_t va, u64 size)
{
	(void)va;
	(void)size;
}

void user_read(void *to, vaddr_t va, size_t size)
{
	memcpy(to, name_at + va.value - PLACE, size);
}

void user_write(vaddr_t va, const void *from, size_t size)
{
	(void)va;
	(void)from;
	(void)size;
}

static void begin(unsigned index)
{
	struct fake_memory_setup setup = fake_memory_setup(index);

	fake_memory_make(&machine, &setup);
	page = machine.granule;
	alloc.buddy = machine.buddy;
	heap_init(&alloc.heap, &alloc.buddy);
	assert_int_equal(buddy_add(&alloc.buddy, paddr(machine.usable), paddr(machine.ram_end)),
			 BUDDY_OK);
	handoff.plan.wxn = handoff.plan.bti = true;
	kernel = (struct kernel){ .handoff = &handoff,
				  .kernel_space = machine.space,
				  .alloc = &alloc,
				  .linear.offset = (uintptr_t)machine.ram - setup.ram_start };
	process = process_create(&kernel, "test", 4);
	assert_non_null(process);
	process->break_start = process->break_end = MIB(16);
	capture_clear();
}

static void end(void)
{
	u64 objects;

	process_destroy(process);
	objects = alloc.heap.objects;
	assert_int_equal(objects, 0);
	assert_true(buddy_audit(&alloc.buddy));
	fake_memory_free(&machine);
}

static s64 map(u64 hint, u64 size, u64 prot, u64 flags)
{
	const u64 arguments[6] = { hint, size, prot, flags, ~(u64)0, 0 };

	return call_mmap(process, arguments);
}

static s64 map_file(u64 file, u64 size, u64 prot, u64 flags, u64 offset)
{
	const u64 arguments[6] = { 0, size, prot, flags, file, offset };

	return call_mmap(process, arguments);
}

/* What the tables let EL0 do at @va, in Linux's bits. */
static u32 allowed(u64 va)
{
	struct pt_entry entry = pt_find(&process->space, vaddr(va));
	struct pte_info info;

	if (!pte_is_leaf(entry.kind))
		return 0;
	info = pte_decode(&process->space.regime, entry.pte, entry.level, entry.table_bits);
	assert_true(info.user && !info.global && !info.execute && info.accessed);
	return READ | (info.write ? WRITE : 0) | (info.uxn ? 0 : EXEC) |
	       (info.guarded ? LINUX_PROT_BTI : 0);
}

static u8 *byte_at(u64 va)
{
	paddr_t pa;

	assert_true(pt_translate(&process->space, vaddr(va), &pa));
	return fake_memory_pointer(&machine, pa.value);
}

/* ---- By Linux's rules ---- */

static void what_makes_no_sense_is_refused_as_linux_does(void **state)
{
	u64 last;

	(void)state;
	begin(0);
	last = BIT(52);
	assert_int_equal(map(0, 0, READ, PRIVATE), -LINUX_EINVAL);
	assert_int_equal(map(0, page, READ, LINUX_MAP_ANONYMOUS), -LINUX_EINVAL);
	assert_int_equal(map(0, page, READ, PRIVATE | LINUX_MAP_SHARED), -LINUX_EINVAL);
	assert_int_equal(map(0, page, 8, PRIVATE), -LINUX_EINVAL);
	assert_int_equal(map(0, page, BIT(32), PRIVATE), -LINUX_EINVAL);
	assert_int_equal(map(0, ~(u64)0, READ, PRIVATE), -LINUX_ENOMEM);
	assert_int_equal(map(0, BIT(53), 0, PRIVATE), -LINUX_ENOMEM);
	assert_int_equal(map(0, BIT(52), 0, PRIVATE), -LINUX_ENOMEM);
	assert_int_equal(map(1, page, READ, FIXED), -LINUX_EINVAL);
	assert_int_equal(map(0, page, READ, FIXED), -LINUX_EPERM);
	assert_int_equal(map(last, page, READ, FIXED), -LINUX_ENOMEM);
	assert_int_equal(map(last - page, 2 * page, READ, FIXED), -LINUX_ENOMEM);
	assert_int_equal(map(-page, page, READ, FIXED), -LINUX_ENOMEM);
	assert_int_equal(map_file(0, page, READ, LINUX_MAP_SHARED, 0), -LINUX_ENODEV);
	assert_int_equal(map_file(7, page, READ, LINUX_MAP_SHARED, 0), -LINUX_EBADF);
	assert_int_equal(map_file(~(u64)0, page, READ, LINUX_MAP_SHARED, 0), -LINUX_EBADF);
	assert_int_equal(map_file(3, page, READ, LINUX_MAP_SHARED, 1), -LINUX_EINVAL);
	assert_int_equal(call_munmap(process, 1, page), -LINUX_EINVAL);
	assert_int_equal(call_munmap(process, PLACE, 0), -LINUX_EINVAL);
	assert_int_equal(call_munmap(process, PLACE, ~(u64)0), -LINUX_EINVAL);
	assert_int_equal(call_munmap(process, PLACE, BIT(52)), -LINUX_EINVAL);
	assert_int_equal(call_munmap(process, PLACE, page), 0);
	assert_int_equal(call_mprotect(process, 1, page, READ), -LINUX_EINVAL);
	assert_int_equal(call_mprotect(process, PLACE, page, READ), -LINUX_ENOMEM);
	assert_int_equal(call_mprotect(process, PLACE, 0, READ), 0);
	assert_int_equal(call_mprotect(process, PLACE, page, 8), -LINUX_EINVAL);
	assert_int_equal(process->areas.count, 0);
	end();
}

static void a_place_is_not_taken_twice_by_who_says_so(void **state)
{
	u64 noreplace = PRIVATE | LINUX_MAP_FIXED_NOREPLACE;

	(void)state;
	begin(0);
	assert_int_equal(map(PLACE, page, READ, noreplace), PLACE);
	assert_int_equal(map(PLACE, page, READ, noreplace), -LINUX_EEXIST);
	assert_int_equal(map(PLACE - page, 2 * page, READ, noreplace), -LINUX_EEXIST);
	assert_int_equal(map(PLACE, page, READ | WRITE, FIXED), PLACE);
	assert_int_equal(allowed(PLACE), READ | WRITE);
	end();
}

static void a_hint_counts_where_nothing_is(void **state)
{
	s64 elsewhere;

	(void)state;
	begin(0);
	assert_int_equal(map(PLACE + 1, page, READ, PRIVATE), PLACE + page);
	assert_int_equal(map(PLACE, page, READ, PRIVATE), PLACE);
	elsewhere = map(PLACE, page, READ, PRIVATE);
	assert_true(elsewhere > 0 && elsewhere != PLACE && elsewhere < (s64)BIT(48));
	assert_int_equal(map(elsewhere, page, READ, PRIVATE), elsewhere - page);
	end();
}

/* On every kind of regime. */
static void above_48_bits_is_for_those_who_ask(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FAKE_MEMORY_SETUPS; i++) {
		u64 last, wide;
		s64 anywhere, high, again;

		begin(i);
		last = BIT(machine.setup.va_bits);
		wide = machine.setup.va_bits == 52;
		anywhere = map(0, page, READ, PRIVATE);
		high = map(BIT(48), page, READ, PRIVATE);
		again = map(BIT(48), page, READ, PRIVATE);
		assert_true(anywhere > 0 && anywhere < (s64)min_u64(last, BIT(48)));
		assert_int_equal(high, wide ? (s64)BIT(48) : anywhere - (s64)page);
		assert_int_equal(again, wide ? (s64)(last - page) : high - (s64)page);
		assert_int_equal(map(BIT(52) - page, page, READ, FIXED),
				 wide ? (s64)(BIT(52) - page) : -LINUX_ENOMEM);
		end();
	}
}

/* ---- The policy ---- */

static void to_write_and_execute_is_refused_before_anything_changes(void **state)
{
	u64 both = WRITE | EXEC;

	(void)state;
	begin(0);
	assert_int_equal(map(PLACE, 2 * page, READ | WRITE, FIXED), PLACE);
	*byte_at(PLACE) = 42;
	for (u64 more = 0; more <= (READ | LINUX_PROT_BTI); more++) {
		if (more & ~(u64)(READ | LINUX_PROT_BTI))
			continue;
		capture_clear();
		assert_int_equal(map(PLACE, page, both | more, FIXED), -LINUX_EACCES);
		assert_int_equal(map(0, page, both | more, PRIVATE), -LINUX_EACCES);
		assert_int_equal(call_mprotect(process, PLACE, page, both | more), -LINUX_EACCES);
		assert_non_null(strstr(captured, "mmap: 0x0000000004000000-0x0000000004001000, "
						 "writable and executable: refused (WXN is on)\n"));
		assert_non_null(strstr(captured, "mprotect: 0x0000000004000000-"));
	}
	assert_int_equal(*byte_at(PLACE), 42);
	assert_int_equal(allowed(PLACE), READ | WRITE);
	assert_int_equal(process->areas.count, 1);
	end();
}

static void without_wxn_it_is_granted(void **state)
{
	u64 both = WRITE | EXEC;

	(void)state;
	begin(0);
	handoff.plan.wxn = false;
	assert_int_equal(map(PLACE, page, both, FIXED), PLACE);
	assert_int_equal(allowed(PLACE), READ | both);
	assert_int_equal(map(PLACE + page, page, READ, FIXED), PLACE + page);
	assert_int_equal(call_mprotect(process, PLACE + page, page, READ | both), 0);
	assert_int_equal(allowed(PLACE + page), READ | both);
	assert_int_equal(call_mprotect(process, PLACE, page, READ), 0);
	assert_int_equal(allowed(PLACE), READ);
	assert_string_equal(captured, "");
	end();
}

static void guarded_is_what_asks_for_it_where_there_is_bti(void **state)
{
	u64 guarded = READ | EXEC | LINUX_PROT_BTI;

	(void)state;
	begin(0);
	assert_int_equal(map(PLACE, page, guarded, FIXED), PLACE);
	assert_int_equal(allowed(PLACE), guarded);
	assert_int_equal(call_mprotect(process, PLACE, page, READ | EXEC), 0);
	assert_int_equal(allowed(PLACE), READ | EXEC);
	handoff.plan.bti = false;
	assert_int_equal(call_mprotect(process, PLACE, page, guarded), -LINUX_EINVAL);
	assert_int_equal(map(PLACE, page, guarded, FIXED), PLACE);
	assert_int_equal(allowed(PLACE), READ | EXEC);
	end();
}

/* ---- brk() and files ---- */

static void memory_grows_and_shrinks_at_its_end(void **state)
{
	u64 start = MIB(16);

	(void)state;
	begin(0);
	assert_int_equal(call_brk(process, 0), start);
	for (u64 i = 1; i <= 100; i++) {
		assert_int_equal(call_brk(process, start + i * page - 1), start + i * page - 1);
		assert_int_equal(*byte_at(start + (i - 1) * page), 0);
		*byte_at(start + (i - 1) * page) = (u8)i;
	}
	assert_int_equal(process->areas.count, 1);
	for (u64 i = 1; i <= 100; i++)
		assert_int_equal(*byte_at(start + (i - 1) * page), i);
	assert_int_equal(call_brk(process, start + page + 1), start + page + 1);
	assert_int_equal(allowed(start + 2 * page), 0);
	assert_int_equal(call_brk(process, start - 1), start + page + 1);
	assert_int_equal(call_brk(process, BIT(51)), start + page + 1);
	/* What is in the way stays. */
	assert_int_equal(map(start + 3 * page, page, READ, FIXED), start + 3 * page);
	assert_int_equal(call_brk(process, start + 4 * page), start + page + 1);
	assert_int_equal(call_brk(process, start + 3 * page), start + 3 * page);
	assert_int_equal(*byte_at(start + 2 * page), 0);
	end();
}

static void a_file_has_as_many_names_as_are_asked_for(void **state)
{
	s64 file, write, execute;

	(void)state;
	begin(0);
	name_at = "code";
	file = call_memfd_create(process, PLACE, 0);
	assert_int_equal(file, 3);
	assert_int_equal(call_ftruncate(process, (u64)file, 2 * page), 0);
	write = map_file((u64)file, 2 * page, READ | WRITE, LINUX_MAP_SHARED, 0);
	execute = map_file((u64)file, page, READ | EXEC, LINUX_MAP_SHARED, page);
	assert_true(write > 0 && execute > 0);
	assert_ptr_equal(byte_at((u64)write + page), byte_at((u64)execute));
	assert_int_equal(allowed((u64)execute), READ | EXEC);
	assert_int_equal(map_file((u64)file, page, READ, LINUX_MAP_SHARED, 2 * page),
			 -LINUX_EINVAL);
	assert_int_equal(map_file((u64)file, 3 * page, READ, LINUX_MAP_SHARED, 0), -LINUX_EINVAL);
	assert_int_equal(map_file((u64)file, page, READ, LINUX_MAP_PRIVATE, 0), -LINUX_ENODEV);
	assert_int_equal(call_ftruncate(process, (u64)file, page), -LINUX_EBUSY);
	*byte_at((u64)write + page) = 7;
	/* Its memory outlives the file's name, and each of its own. */
	assert_int_equal(call_close(process, (u64)file), 0);
	assert_int_equal(call_close(process, (u64)file), -LINUX_EBADF);
	assert_int_equal(call_munmap(process, (u64)write, 2 * page), 0);
	assert_int_equal(*byte_at((u64)execute), 7);
	end();
}

static void there_are_only_so_many_files(void **state)
{
	(void)state;
	begin(0);
	name_at = "";
	for (u64 i = 3; i < PROCESS_FILES; i++)
		assert_int_equal(call_memfd_create(process, PLACE, 1), i);
	assert_int_equal(call_memfd_create(process, PLACE, 0), -LINUX_EMFILE);
	assert_int_equal(call_memfd_create(process, PLACE, 0x20), -LINUX_EINVAL);
	assert_int_equal(call_memfd_create(process, BIT(56), 0), -LINUX_EFAULT);
	assert_int_equal(call_ftruncate(process, 3, BIT(60)), -LINUX_EFBIG);
	assert_int_equal(call_ftruncate(process, 1, page), -LINUX_EINVAL);
	assert_int_equal(call_ftruncate(process, 99, page), -LINUX_EBADF);
	assert_int_equal(call_close(process, 1), 0);
	end();
}

static void what_is_unmapped_comes_back_at_once(void **state)
{
	u64 before, used;

	(void)state;
	begin(0);
	assert_int_equal(map(PLACE, 64 * page, READ, FIXED), PLACE);
	before = buddy_usage(&alloc.buddy).used;
	assert_int_equal(call_munmap(process, PLACE + 8 * page, 40 * page), 0);
	used = buddy_usage(&alloc.buddy).used;
	assert_int_equal(before - used, 40 * page);
	assert_int_equal(map(PLACE, 4 * page, 0, FIXED), PLACE);
	/* Another's memory in its place, and that needs an object and a list of pages. */
	assert_in_range(used - buddy_usage(&alloc.buddy).used, page, 4 * page);
	end();
}

/* ---- Limits ---- */

static void more_areas_than_there_is_room_for_are_refused(void **state)
{
	u64 i;

	(void)state;
	begin(0);
	for (i = 0; i < AREAS_MAX; i++)
		assert_int_equal(map(PLACE + 2 * i * page, page, READ, FIXED),
				 PLACE + 2 * i * page);
	assert_int_equal(map(0, page, READ, PRIVATE), -LINUX_ENOMEM);
	assert_int_equal(call_munmap(process, PLACE, page), 0);
	assert_int_equal(map(PLACE + GIB(1), 3 * page, READ, FIXED), PLACE + GIB(1));
	assert_int_equal(call_munmap(process, PLACE + GIB(1) + page, page), -LINUX_ENOMEM);
	assert_int_equal(call_mprotect(process, PLACE + GIB(1), page, READ | WRITE), -LINUX_ENOMEM);
	assert_int_equal(allowed(PLACE + GIB(1) + page), READ);
	assert_int_equal(call_munmap(process, PLACE, GIB(2)), 0);
	assert_int_equal(process->areas.count, 0);
	end();
}

static void who_asks_for_more_than_there_is_gets_an_error_and_nothing(void **state)
{
	u64 got, size;

	(void)state;
	for (unsigned i = 0; i < FAKE_MEMORY_SETUPS; i++) {
		begin(i);
		assert_int_equal(map(0, GIB(2), READ, PRIVATE), -LINUX_ENOMEM);
		assert_int_equal(process->areas.count, 0);
		size = align_down((machine.ram_end - machine.usable) / 16, page);
		for (got = 0; map(0, size, READ | WRITE, PRIVATE) > 0; got++)
			;
		assert_in_range(got, 12, 16);
		/* What nobody may touch needs no memory, until somebody may. */
		assert_int_equal(map(PLACE, size, 0, FIXED), PLACE);
		assert_int_equal(call_mprotect(process, PLACE, size, READ), -LINUX_ENOMEM);
		assert_int_equal(allowed(PLACE), 0);
		end();
	}
}

/* ---- A model ---- */

/* What each page may be used for, and what was written to it; NOTHING: it is in no area. */
#define NOTHING 0xff

static u8 prot_of[PAGES], value_of[PAGES];

static void check_pages(void)
{
	for (u64 i = 0; i < PAGES; i++) {
		u64 va = PLACE + i * page;

		if (prot_of[i] == NOTHING || prot_of[i] == 0) {
			assert_int_equal(allowed(va), 0);
			continue;
		}
		assert_int_equal(allowed(va), prot_of[i] | READ);
		assert_int_equal(*byte_at(va), value_of[i]);
		assert_int_equal(*byte_at(va + page - 1), 0);
	}
	assert_true(process->areas.count <= AREAS_MAX);
	for (u32 i = 1; i < process->areas.count; i++)
		assert_true(process->areas.area[i - 1].end <= process->areas.area[i].start);
}

static void step(struct random *random)
{
	static const u8 prots[] = { 0, READ, READ | WRITE, READ | EXEC };
	u64 first = random_below(random, PAGES), count = 1 + random_below(random, 12);
	u8 prot = prots[random_below(random, ARRAY_SIZE(prots))];
	bool all = true;
	s64 result;

	count = min_u64(count, PAGES - first);
	for (u64 i = first; i < first + count; i++)
		all &= prot_of[i] != NOTHING;
	switch (random_below(random, 4)) {
	case 0:
		result = map(PLACE + first * page, count * page, prot, FIXED);
		assert_int_equal(result, PLACE + first * page);
		memset(prot_of + first, prot, count);
		memset(value_of + first, 0, count);
		break;
	case 1:
		assert_int_equal(call_munmap(process, PLACE + first * page, count * page), 0);
		memset(prot_of + first, NOTHING, count);
		break;
	case 2:
		result = call_mprotect(process, PLACE + first * page, count * page, prot);
		assert_int_equal(result, all ? 0 : -LINUX_ENOMEM);
		if (all)
			memset(prot_of + first, prot, count);
		break;
	default:
		if (prot_of[first] == (READ | WRITE))
			*byte_at(PLACE + first * page) = value_of[first] = (u8)random_next(random);
	}
}

static void after_any_calls_the_tables_are_what_was_asked_for(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned i = 0; i < FAKE_MEMORY_SETUPS; i++) {
		begin(i);
		memset(prot_of, NOTHING, sizeof(prot_of));
		for (unsigned n = 0; n < 400; n++) {
			step(&random);
			check_pages();
		}
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_makes_no_sense_is_refused_as_linux_does),
		cmocka_unit_test(a_place_is_not_taken_twice_by_who_says_so),
		cmocka_unit_test(a_hint_counts_where_nothing_is),
		cmocka_unit_test(above_48_bits_is_for_those_who_ask),
		cmocka_unit_test(to_write_and_execute_is_refused_before_anything_changes),
		cmocka_unit_test(without_wxn_it_is_granted),
		cmocka_unit_test(guarded_is_what_asks_for_it_where_there_is_bti),
		cmocka_unit_test(memory_grows_and_shrinks_at_its_end),
		cmocka_unit_test(a_file_has_as_many_names_as_are_asked_for),
		cmocka_unit_test(there_are_only_so_many_files),
		cmocka_unit_test(what_is_unmapped_comes_back_at_once),
		cmocka_unit_test(more_areas_than_there_is_room_for_are_refused),
		cmocka_unit_test(who_asks_for_more_than_there_is_gets_an_error_and_nothing),
		cmocka_unit_test(after_any_calls_the_tables_are_what_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
