// SPDX-License-Identifier: MIT
/*
 * What a descriptor says depends on whose it is: EL1's and EL0's, EL2's, a guest's. Whole words
 * against DDI 0487 D8.3 (stage 1: AP, UXN, PXN, nG; EL2: XN, AP[1] RES1; stage 2: S2AP, XN[1:0],
 * MemAttr). Host only. The numbers below are the manual's, not the code's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/mm/pt/pagetable.h>

static const struct map_policy plain, guarded = { .guarded = true };

/* A page of Normal memory at 0, 4K pages, 48 bits: page, SH inner, AF are 0x703. */
static const struct word {
	enum regime_whose whose;
	u64 read_only, read_execute, read_write;
	u64 guard; /* what FEAT_BTI adds to text */
	u64 table; /* what a table descriptor has besides bits 1:0 */
} words[] = {
	{ WHOSE_KERNEL, 0x0060000000000783, 0x0040000000000783, 0x0060000000000703, BIT(50),
	  BIT(60) },
	{ WHOSE_KERNEL_LOW, 0x0060000000000783, 0x0040000000000783, 0x0060000000000703, BIT(50),
	  BIT(60) },
	{ WHOSE_USER, 0x0060000000000fc3, 0x0020000000000fc3, 0x0060000000000f43, BIT(50),
	  BIT(59) },
	{ WHOSE_HYPERVISOR, 0x00400000000007c3, 0x00000000000007c3, 0x0040000000000743, BIT(50),
	  0 },
	{ WHOSE_GUEST, 0x004000000000077f, 0x000000000000077f, 0x00400000000007ff, 0, 0 },
};

static struct regime regime_of(enum regime_whose whose)
{
	struct regime regime = regime_make(GRANULE_SHIFT_4K, 48, 48, false);

	regime.whose = whose;
	return regime;
}

static pte_t page(enum regime_whose whose, const struct map_policy *policy, enum mem_prot prot,
		  enum mem_type type)
{
	struct regime regime = regime_of(whose);

	return pte_leaf(&regime, policy, (struct map_attr){ prot, type }, paddr(0), 3);
}

static struct pte_info decode(enum regime_whose whose, u64 bits, u64 table_bits)
{
	struct regime regime = regime_of(whose);

	return pte_decode(&regime, (pte_t){ bits }, 3, table_bits);
}

static void a_page_is_the_manuals_word_for_each_of_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct word *word = &words[i];
		struct regime regime = regime_of(word->whose);

		assert_int_equal(page(word->whose, &plain, PROT_READ_ONLY, MEM_NORMAL).bits,
				 word->read_only);
		assert_int_equal(page(word->whose, &plain, PROT_READ_EXECUTE, MEM_NORMAL).bits,
				 word->read_execute);
		assert_int_equal(page(word->whose, &plain, PROT_READ_WRITE, MEM_NORMAL).bits,
				 word->read_write);
		assert_int_equal(page(word->whose, &guarded, PROT_READ_EXECUTE, MEM_NORMAL).bits,
				 word->read_execute | word->guard);
		assert_int_equal(page(word->whose, &guarded, PROT_READ_WRITE, MEM_NORMAL).bits,
				 word->read_write);
		assert_int_equal(pte_table(&regime, paddr(0)).bits, 3 | word->table);
	}
}

/* nG: the kernel's where it is asked for, a user's always; the others have no such bit. */
static void only_who_shares_an_asid_can_be_not_global(void **state)
{
	const struct map_policy policy = { .not_global = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		bool kernel = i <= 1, user = words[i].whose == WHOSE_USER;
		pte_t pte = page(words[i].whose, &policy, PROT_READ_WRITE, MEM_NORMAL);

		assert_int_equal(pte.bits, words[i].read_write | (kernel ? BIT(11) : 0));
		assert_int_equal(decode(words[i].whose, pte.bits, 0).global, !kernel && !user);
		assert_int_equal(decode(words[i].whose, words[i].read_write, 0).global, !user);
	}
}

static void what_is_read_back_is_what_was_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct word *word = &words[i];
		bool user = word->whose == WHOSE_USER, kernel = i <= 1;
		struct pte_info ro = decode(word->whose, word->read_only, word->table);
		struct pte_info rx =
			decode(word->whose, word->read_execute | word->guard, word->table);
		struct pte_info rw = decode(word->whose, word->read_write, word->table);

		assert_true(ro.read && !ro.write && !ro.execute && ro.accessed && !ro.guarded);
		assert_true(rx.read && !rx.write && rx.guarded == (word->guard != 0));
		assert_true(rw.read && rw.write && !rw.execute);
		/* A user's text is EL0's to execute, and not EL1's; all others' is their own. */
		assert_int_equal(rx.execute, !user);
		assert_int_equal(rx.uxn, kernel);
		assert_int_equal(ro.user, user);
		assert_int_equal(rw.user, user);
		assert_int_equal(ro.share, SHARE_INNER);
		assert_int_equal(ro.type, MEM_NORMAL);
	}
}

/* D8.6.5: outer attributes in MemAttr[3:2], where 00 is Device, inner ones in [1:0]. */
static void stage_2_has_the_memory_type_itself(void **state)
{
	static const u64 expected[MEM_TYPE_COUNT] = { 0xf, 0xf, 0x5, 0x1, 0x0 };

	(void)state;
	for (int type = 0; type < MEM_TYPE_COUNT; type++) {
		pte_t pte = page(WHOSE_GUEST, &plain, PROT_READ_WRITE, (enum mem_type)type);
		enum mem_type read = type == MEM_NORMAL_TAGGED ? MEM_NORMAL : (enum mem_type)type;

		assert_int_equal(pte.bits >> 2 & 0xf, expected[type]);
		assert_int_equal(pte.bits & ~(u64)0x3c, words[4].read_write & ~(u64)0x3c);
		assert_int_equal(decode(WHOSE_GUEST, pte.bits, 0).type, read);
	}
	/* Write-through, and GRE: nothing that Pagoda writes. */
	assert_string_equal(mem_type_str(decode(WHOSE_GUEST, 0x703 | 0xa << 2, 0).type),
			    "unknown type");
	assert_string_equal(mem_type_str(decode(WHOSE_GUEST, 0x703 | 0x3 << 2, 0).type),
			    "unknown type");
}

/* S2AP: bit 6 reads, bit 7 writes. XN[1:0], bits 54:53: D8.4.6. No table has a say. */
static void stage_2_permissions_are_read_bit_by_bit(void **state)
{
	static const struct {
		u64 bits;
		bool read, write, execute, uxn;
	} expected[] = {
		{ 0, false, false, true, false },
		{ BIT(6), true, false, true, false },
		{ BIT(7), false, true, true, false },
		{ BIT(6) | BIT(53), true, false, false, false },
		{ BIT(6) | BIT(54), true, false, false, true },
		{ BIT(6) | BIT(54) | BIT(53), true, false, true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct pte_info info = decode(WHOSE_GUEST, 0x73f | expected[i].bits, ~(u64)0);

		assert_int_equal(info.read, expected[i].read);
		assert_int_equal(info.write, expected[i].write);
		assert_int_equal(info.execute, expected[i].execute);
		assert_int_equal(info.uxn, expected[i].uxn);
		assert_false(info.user || info.guarded);
		assert_true(info.global);
	}
}

/* Where there is one privilege: XNTable is bit 60, APTable[1] bit 62; 59, 61, nG, PXN are RES0. */
static void el2_has_one_privilege_and_tables_that_say_so(void **state)
{
	u64 text = words[3].read_execute, data = words[3].read_write;

	(void)state;
	assert_true(decode(WHOSE_HYPERVISOR, text, 0).execute);
	assert_true(decode(WHOSE_HYPERVISOR, text | BIT(53) | BIT(11), BIT(59) | BIT(61)).execute);
	assert_true(decode(WHOSE_HYPERVISOR, text | BIT(11), 0).global);
	assert_false(decode(WHOSE_HYPERVISOR, text, BIT(60)).execute);
	assert_true(decode(WHOSE_HYPERVISOR, data, BIT(61)).write);
	assert_false(decode(WHOSE_HYPERVISOR, data, BIT(62)).write);
	assert_false(decode(WHOSE_HYPERVISOR, data, 0).user);
	assert_false(decode(WHOSE_HYPERVISOR, data, BIT(60)).uxn);
}

/* Address, format, level, hint and so on are nobody's in particular. */
static void whose_it_is_changes_permissions_and_the_memory_type_only(void **state)
{
	static const struct {
		unsigned granule, bits;
		bool wide;
	} formats[] = { { 12, 48, false }, { 12, 52, true },  { 14, 47, false },
			{ 14, 52, true },  { 16, 48, false }, { 16, 52, true } };
	const u64 may_differ = BIT(54) | BIT(53) | BIT(50) | BIT(11) | 0xfc;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats) * ARRAY_SIZE(words); i++) {
		size_t f = i / ARRAY_SIZE(words);
		struct regime kernel = regime_make(formats[f].granule, formats[f].bits,
						   formats[f].bits, formats[f].wide);
		struct regime regime = kernel;
		struct map_attr attr = { PROT_READ_EXECUTE, MEM_NORMAL };
		int level = regime.block_level > regime.root_level ? regime.block_level :
								     regime.root_level;

		regime.whose = words[i % ARRAY_SIZE(words)].whose;
		for (; level <= LEVEL_PAGE; level++) {
			paddr_t pa = paddr((BIT(formats[f].bits) - 1) &
					   ~(regime_span(&regime, level) - 1));
			pte_t pte = pte_leaf(&regime, &guarded, attr, pa, level);

			assert_int_equal(
				(pte.bits ^ pte_leaf(&kernel, &guarded, attr, pa, level).bits) &
					~may_differ,
				0);
			assert_int_equal(pte_decode(&regime, pte, level, 0).pa.value, pa.value);
		}
	}
}

static u8 arena[16 * KIB(4)] __attribute__((aligned(4096)));

/* One builder and one reader for all of them. */
static void a_space_of_each_maps_and_reads_as_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct table_pool pool = { .end = paddr(sizeof(arena)) };
		struct space space = { .regime = regime_of(words[i].whose),
				       .phys_offset = (uintptr_t)arena,
				       .pool = &pool };
		bool upper = words[i].whose == WHOSE_KERNEL;
		vaddr_t va = vaddr(upper ? 0xffff000000000000 : 0), end = vaddr(va.value + KIB(64));
		struct map_request request = { va, end, paddr(0), { PROT_READ_WRITE, MEM_NORMAL } };
		struct pt_run run;

		assert_int_equal(pt_start(&space).value, va.value);
		assert_int_equal(pt_end(&space).value, upper ? 0 : BIT(48));
		assert_int_equal(pt_contains(&space, vaddr(0)), !upper);
		assert_int_equal(pt_space_create(&space), MAP_OK);
		assert_int_equal(map_range(&space, &request), MAP_OK);
		assert_int_equal(pt_find(&space, va).pte.bits, words[i].read_write | BIT(52));
		assert_int_equal(pt_find(&space, va).table_bits, 3 | words[i].table);
		run = pt_next_run(&space, va, end);
		assert_int_equal(run.end.value, end.value);
		assert_true(run.info.write && run.info.contiguous && !run.info.execute);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_the_manuals_word_for_each_of_them),
		cmocka_unit_test(only_who_shares_an_asid_can_be_not_global),
		cmocka_unit_test(what_is_read_back_is_what_was_asked_for),
		cmocka_unit_test(stage_2_has_the_memory_type_itself),
		cmocka_unit_test(stage_2_permissions_are_read_bit_by_bit),
		cmocka_unit_test(el2_has_one_privilege_and_tables_that_say_so),
		cmocka_unit_test(whose_it_is_changes_permissions_and_the_memory_type_only),
		cmocka_unit_test(a_space_of_each_maps_and_reads_as_asked),
	};

	return cmocka_run_group_tests_name("whose", tests, NULL, NULL);
}
