// SPDX-License-Identifier: MIT
/*
 * The hypervisor's C: stage 2 under the host, by faults and at once, and what it is asked. Host
 * only.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/fake_el2.h"
#include "support/random.h"

#define FAULTS 3000
#define CALLS 20000

static void assert_nothing_wrong(void)
{
	const char *wrong = fake_el2_wrong();

	if (wrong)
		fail_msg("%s", wrong);
}

/* Where anything changes, and anywhere. */
static u64 random_address(struct random *random)
{
	const struct el2_range *ram = &fake_el2_ram[random_below(random, ARRAY_SIZE(fake_el2_ram))];

	switch (random_below(random, 6)) {
	case 0:
		return ram->start - 8 * random_below(random, 16384);
	case 1:
		return ram->end - 8 * random_below(random, 16384);
	case 2:
		return FAKE_EL2_MEMORY + MIB(4) - 8 * random_below(random, 65536);
	case 3:
		return FAKE_EL2_MEMORY + MIB(2) - 8 * random_below(random, 1 << 20);
	case 4:
		return ram->start + random_next(random) % (ram->end - ram->start);
	}
	return random_any_length(random);
}

static void for_each_world(void (*check)(struct random *random))
{
	struct random random = random_start();

	for (unsigned granule_shift = 12; granule_shift <= 16; granule_shift += 2)
		for (unsigned i = 0; i < 4; i++) {
			fake_el2_make(granule_shift, i & 1, i & 2, 16);
			check(&random);
			assert_nothing_wrong();
		}
}

/* The largest leaf that alignment and kind allow, where nothing smaller is in the way. */
static void check_largest(u64 ipa)
{
	const struct regime *regime = &fake_el2.host.regime;
	struct pt_entry entry = pt_find(&fake_el2.host, vaddr(ipa));

	assert_true(pte_is_leaf(entry.kind));
	for (int level = regime->block_level; level < entry.level; level++) {
		u64 span = regime_span(regime, level), start = ipa & -span;
		bool alike = start + span <= BIT(regime->va_bits), ram = fake_el2_is_ram(ipa);

		if (level < regime->root_level)
			continue;
		for (unsigned i = 0; i < ARRAY_SIZE(fake_el2_ram); i++)
			alike &= ram ? fake_el2_is_ram(start) && fake_el2_is_ram(start + span - 1) :
				       fake_el2_ram[i].end <= start ||
						 fake_el2_ram[i].start >= start + span;
		alike &= !fake_el2.protected || fake_el2.memory.end <= start ||
			 fake_el2.memory.start >= start + span;
		/* A hole of RAM may lie in between; there is none. */
		assert_false(alike && !(start < 0x60000000 && start + span > 0x60020000));
	}
}

static void fault_at_random(struct random *random)
{
	for (unsigned i = 0; i < FAULTS; i++) {
		u64 ipa = random_address(random);
		u64 before = fake_el2_forgotten;
		enum map_result result = host_map(&fake_el2, ipa);
		paddr_t pa;

		if (ipa >> fake_el2.host.regime.va_bits != 0 || fake_el2_is_hidden(ipa)) {
			assert_int_equal(result, MAP_BAD_RANGE);
			continue;
		}
		assert_int_equal(result, MAP_OK);
		assert_true(pt_translate(&fake_el2.host, vaddr(ipa), &pa));
		assert_int_equal(pa.value, ipa);
		check_largest(ipa);
		if (fake_el2_forgotten != before)
			assert_nothing_wrong();
	}
}

static void what_faults_is_mapped_as_largely_as_can_be_unless_it_is_hidden(void **state)
{
	(void)state;
	for_each_world(fault_at_random);
	assert_true(fake_el2_forgotten > 0); /* sixteen tables are not enough for all of that */
}

static void map_all(struct random *random)
{
	u64 hidden = fake_el2.protected ? MIB(4) : 0, ram = 0;
	struct pt_audit audit;

	(void)random;
	for (unsigned i = 0; i < ARRAY_SIZE(fake_el2_ram); i++)
		ram += fake_el2_ram[i].end - fake_el2_ram[i].start;
	assert_int_equal(host_map_all(&fake_el2), MAP_OK);
	audit = pt_audit_space(&fake_el2.host);
	assert_int_equal(audit.mapped, ram - hidden);
}

static void all_at_once_is_all_ram_but_what_is_hidden(void **state)
{
	(void)state;
	for_each_world(map_all);
}

static u64 ask(u64 what, u64 a, u64 b, u64 c)
{
	struct el2_frame frame = { .x = { what, a, b, c } };

	assert_true(call_handle(&fake_el2, &fake_el2_cpu, &frame));
	return frame.x[0];
}

static void a_page_is_shared_given_or_neither(void **state)
{
	u64 page = 0x50000000;

	(void)state;
	fake_el2_make(12, true, true, 16);
	assert_int_equal(host_map(&fake_el2, page), MAP_OK);
	assert_int_equal(ask(EL2_SHARE, page, 0, 0), EL2_OK);
	assert_int_equal(ask(EL2_SHARE, page, 0, 0), EL2_NOT_YOURS);
	assert_int_equal(ask(EL2_GUEST_MAP, 0, page, PROT_READ_WRITE), EL2_NOT_YOURS);
	assert_int_equal(ask(EL2_UNSHARE, page, 0, 0), EL2_OK);
	assert_int_equal(ask(EL2_UNSHARE, page, 0, 0), EL2_NOTHING_THERE);
	assert_int_equal(ask(EL2_GUEST_MAP, 0, page, PROT_READ_WRITE), EL2_OK);
	assert_int_equal(ask(EL2_SHARE, page, 0, 0), EL2_NOT_YOURS);
	assert_int_equal(ask(EL2_GUEST_MAP, 0x1000, page, PROT_READ_ONLY), EL2_NOT_YOURS);
	assert_int_equal(host_map(&fake_el2, page), MAP_BAD_RANGE);
	assert_int_equal(host_map(&fake_el2, page + 0x1000), MAP_OK);
	assert_nothing_wrong();
	assert_int_equal(ask(EL2_GUEST_UNMAP, 0, 0, 0), EL2_OK);
	assert_int_equal(host_map(&fake_el2, page), MAP_OK);
	assert_nothing_wrong();
}

static void a_guests_page_comes_back_cleared_or_not_at_all(void **state)
{
	u64 page = 0x50000000;

	(void)state;
	fake_el2_make(12, true, true, 16);
	assert_int_equal(ask(EL2_GUEST_MAP, 0, page, PROT_READ_WRITE), EL2_OK);
	for (u64 i = 1; i <= EL2_SLOTS; i++)
		assert_int_equal(ask(EL2_SHARE, page + i * 0x1000, 0, 0), EL2_OK);
	memset(fake_el2_window, 0xff, sizeof(fake_el2_window));
	assert_int_equal(ask(EL2_GUEST_UNMAP, 0, 0, 0), EL2_NO_ROOM);
	assert_int_equal(host_map(&fake_el2, page), MAP_BAD_RANGE);
	assert_int_equal(ask(EL2_UNSHARE, page + 0x3000, 0, 0), EL2_OK);
	assert_int_equal(ask(EL2_GUEST_UNMAP, 0, 0, 0), EL2_OK);
	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(fake_el2_window[2 * EL2_PART_SIZE + i], 0);
	assert_int_equal(fake_el2_window[2 * EL2_PART_SIZE + 4096], 0xff);
	assert_int_equal(host_map(&fake_el2, page), MAP_OK);
}

static void what_is_not_ram_or_the_hypervisors_is_nobodys_to_give(void **state)
{
	static const u64 places[] = { 0,	  0x9000000,   0x60000000, 0x50000008,
				      0x60020000, ~(u64)0xfff, BIT(52) };

	(void)state;
	fake_el2_make(12, true, false, 16);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(ask(EL2_SHARE, places[i], 0, 0), EL2_BAD_ADDRESS);
		assert_int_equal(ask(EL2_GUEST_MAP, 0, places[i], 0), EL2_BAD_ADDRESS);
	}
	assert_int_equal(ask(EL2_SHARE, FAKE_EL2_MEMORY, 0, 0), EL2_NOT_YOURS);
	assert_int_equal(ask(EL2_GUEST_MAP, 0, FAKE_EL2_MEMORY + 0x1000, 0), EL2_NOT_YOURS);
	assert_int_equal(ask(EL2_GUEST_MAP, 8, 0x50000000, 0), EL2_BAD_ADDRESS);
	assert_int_equal(ask(EL2_GUEST_MAP, BIT(36), 0x50000000, 0), EL2_BAD_ADDRESS);
	assert_int_equal(ask(EL2_GUEST_MAP, 0, 0x50000000, 3), EL2_BAD_ARGUMENT);
	assert_int_equal(ask(EL2_DUMP, 0, EL2_SLOTS, 0), EL2_BAD_ARGUMENT);
	assert_int_equal(ask(EL2_TRANSLATE, 3, 0, 0), EL2_BAD_ARGUMENT);
	assert_int_equal(ask(EL2_GUEST_RUN, 0, 0, 0), EL2_BAD_ARGUMENT);
	assert_nothing_wrong();
}

static void nobody_knows_other_calls(void **state)
{
	static const u64 others[] = {
		0, 2, (u32)EL2_VERSION - 1, EL2_CALL_END, 0x84000008, BIT(32) | EL2_VERSION
	};

	(void)state;
	fake_el2_make(12, true, true, 16);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct el2_frame frame = { .x = { others[i] } };

		assert_false(call_handle(&fake_el2, &fake_el2_cpu, &frame));
	}
}

/* Its registers and the host's never mix, whoever takes the page away meanwhile. */
static void a_guests_turn_ends_with_the_hosts_registers(void **state)
{
	struct guest_run *run = (struct guest_run *)fake_el2_window;
	struct el2_frame frame = { .x = { EL2_GUEST_RUN, 0, 7 } };

	(void)state;
	fake_el2_make(12, true, true, 16);
	assert_int_equal(ask(EL2_SHARE, 0x50000000, 0, 0), EL2_OK);
	memset(run, 0, sizeof(*run));
	run->x[2] = 0x1234;
	run->pc = 0x8000;
	run->pstate = 0xf000000000000009;
	fake_el2_syndrome = (struct el2_syndrome){ .pc = 0x4444, .pstate = 0x3c4 };
	assert_true(call_handle(&fake_el2, &fake_el2_cpu, &frame));
	assert_true(fake_el2_cpu.in_guest);
	assert_int_equal(frame.x[2], 0x1234);
	assert_int_equal(fake_el2_syndrome.pc, 0x8000);
	assert_int_equal(fake_el2_syndrome.pstate, 0x3c5); /* no flags; EL1, masked */
	frame.x[5] = 0x99;
	el2_guest_leave(&fake_el2, &fake_el2_cpu, &frame, EL2_IRQ,
			&(struct el2_syndrome){ .pc = 0x8004, .pstate = 0x3c5 });
	assert_false(fake_el2_cpu.in_guest);
	assert_int_equal(frame.x[0], EL2_OK);
	assert_int_equal(frame.x[2], 7);
	assert_int_equal(fake_el2_syndrome.pc, 0x4444);
	assert_int_equal(fake_el2_syndrome.pstate, 0x3c4);
	assert_int_equal(run->x[5], 0x99);
	assert_int_equal(run->pc, 0x8004);
	assert_int_equal(run->reason, GUEST_INTERRUPT);
}

static u64 random_argument(struct random *random)
{
	u64 granule = regime_granule(&fake_el2.host.regime);

	switch (random_below(random, 4)) {
	case 0:
		return random_below(random, 8);
	case 1:
		return random_below(random, 16) * granule;
	case 2:
		return 0x50000000 + random_below(random, 12) * granule;
	}
	return random_address(random) & -granule;
}

static void call_at_random(struct random *random)
{
	for (unsigned i = 0; i < CALLS / 12; i++) {
		u64 what = EL2_VERSION + random_below(random, EL2_CALL_END - EL2_VERSION);

		if (what == EL2_GUEST_RUN)
			what = EL2_SHARE;
		assert_true(ask(what, random_argument(random), random_argument(random),
				random_below(random, 4)) <= EL2_BAD_ARGUMENT);
		(void)host_map(&fake_el2, random_address(random));
		if (i % 16 == 0)
			assert_nothing_wrong();
	}
}

static void whatever_it_is_asked_the_host_has_what_is_its_and_no_more(void **state)
{
	(void)state;
	for_each_world(call_at_random);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_faults_is_mapped_as_largely_as_can_be_unless_it_is_hidden),
		cmocka_unit_test(all_at_once_is_all_ram_but_what_is_hidden),
		cmocka_unit_test(a_page_is_shared_given_or_neither),
		cmocka_unit_test(a_guests_page_comes_back_cleared_or_not_at_all),
		cmocka_unit_test(what_is_not_ram_or_the_hypervisors_is_nobodys_to_give),
		cmocka_unit_test(nobody_knows_other_calls),
		cmocka_unit_test(a_guests_turn_ends_with_the_hosts_registers),
		cmocka_unit_test(whatever_it_is_asked_the_host_has_what_is_its_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
