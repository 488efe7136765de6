// SPDX-License-Identifier: MIT
/*
 * The PCI I/O window, mapped where the page size allows. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/kernel/dev/pci.h>

#include "support/fake_memory.h"

static void check_ports(const struct fake_memory *memory, u64 va, const struct pci_io *io)
{
	struct pt_entry entry = pt_find(&memory->space, vaddr(va));
	struct pte_info info = pte_decode(&memory->space.regime, entry.pte, entry.level, 0);
	paddr_t pa;

	assert_true(pt_translate(&memory->space, vaddr(va), &pa));
	assert_int_equal(pa.value, io->pa.value);
	assert_true(pt_translate(&memory->space, vaddr(va + io->size - 1), &pa));
	assert_int_equal(pa.value, io->pa.value + io->size - 1);
	assert_int_equal(info.type, MEM_DEVICE_NGNRE);
	assert_true(info.write && !info.execute);
}

static void ports_are_mapped_as_device_memory_where_the_page_size_allows(void **state)
{
	static const struct {
		u64 pa, port, size;
		enum pci_result in_4k, in_64k;
	} cases[] = {
		{ 0x3eff0000, 0, 0x10000, PCI_OK, PCI_OK },
		{ 0x3eff0000, 0x20000, 0x800, PCI_OK, PCI_OK },
		{ 0x3eff1000, 0, 0x1000, PCI_OK, PCI_BAD_RANGE },
		{ 0x3eff1000, 0x1000, 0x1000, PCI_OK, PCI_OK },
		{ 0x3eff0800, 0, 0x1000, PCI_BAD_RANGE, PCI_BAD_RANGE },
		{ 0x3eff0000, 0, MIB(16), PCI_OK, PCI_OK },
		{ 0x3eff0000, 0x10000, MIB(16), PCI_BAD_RANGE, PCI_BAD_RANGE },
		{ 0x3eff0000, MIB(16), 0x10000, PCI_BAD_RANGE, PCI_BAD_RANGE },
		{ 0x3eff0000, -KIB(64), 0x20000, PCI_BAD_RANGE, PCI_BAD_RANGE },
		{ 0x3eff0000, 0, 0, PCI_BAD_RANGE, PCI_BAD_RANGE },
		{ BIT(52) - KIB(64), 0, 0x20000, PCI_MAP_FAILED, PCI_MAP_FAILED },
	};
	static struct fake_memory memory;
	static struct memory_map ram; /* none where these ports are */

	(void)state;
	memory_begin(&ram);
	memory_add(&ram, 0x3eff0000 - KIB(4), KIB(4), MEMORY_RAM);
	memory_add(&ram, 0x3eff0000 + MIB(16), KIB(4), MEMORY_RAM);
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
			struct fake_memory_setup wanted = fake_memory_setup(setup);
			struct pci_io io = { true, paddr(cases[i].pa), cases[i].port,
					     cases[i].size };
			enum pci_result result;
			u64 va;

			if (wanted.granule_shift == 14)
				continue;
			fake_memory_make(&memory, &wanted);
			va = memory.layout.region[LAYOUT_PCI_IO].start.value + io.port;
			result = pci_io_map(&memory.space, &memory.layout, &ram, &io);
			assert_int_equal(result, wanted.granule_shift == 12 ? cases[i].in_4k :
									      cases[i].in_64k);
			if (result == PCI_OK)
				check_ports(&memory, va, &io);
			fake_memory_free(&memory);
		}
	}
}

/* Kernel text for one; a window over it would be a way to write it. */
static void ports_that_would_be_ram_are_refused(void **state)
{
	static const u64 pieces[] = { 0, KIB(28), KIB(60) };
	static struct fake_memory memory;
	static struct memory_map ram;

	(void)state;
	for (unsigned kind = MEMORY_RAM; kind < MEMORY_KIND_COUNT; kind++)
		for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
			struct fake_memory_setup wanted = fake_memory_setup(0);
			struct pci_io io = { true, paddr(0x3eff0000), 0, KIB(64) };
			vaddr_t va;
			paddr_t pa;

			memory_begin(&ram);
			memory_add(&ram, io.pa.value + pieces[i], KIB(4), MEMORY_RAM);
			memory_add(&ram, io.pa.value + pieces[i], KIB(4), kind);
			memory_normalise(&ram, KIB(4));
			fake_memory_make(&memory, &wanted);
			va = memory.layout.region[LAYOUT_PCI_IO].start;
			assert_int_equal(pci_io_map(&memory.space, &memory.layout, &ram, &io),
					 PCI_IN_RAM);
			assert_false(pt_translate(&memory.space, va, &pa));
			fake_memory_free(&memory);
		}
	assert_string_equal(pci_result_str(PCI_IN_RAM), "there is RAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_mapped_as_device_memory_where_the_page_size_allows),
		cmocka_unit_test(ports_that_would_be_ram_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
