// SPDX-License-Identifier: MIT
/*
 * The PCI I/O window: found in the device tree that QEMU makes, whole and damaged, and mapped where
 * the page size allows. Host only.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <pagoda/pci.h>

#include "support/fake_memory.h"
#include "support/random.h"

#define TREE_MAX 16384
#define DAMAGES 20000

/* `ranges` of /pcie: I/O space, 64 KiB of ports from 0 on at 0x3eff0000; then the next entry's. */
static const u8 io_entry[] = {
	0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3e, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
};

static u8 whole_tree[TREE_MAX], tree[TREE_MAX];
static size_t tree_size;

static int load_tree(void **state)
{
	char path[4096] = __FILE__;
	char *slash = strrchr(path, '/');
	FILE *file;

	(void)state;
	strcpy(slash ? slash + 1 : path, "data/qemu-virt.dtb");
	file = fopen(path, "rb");
	if (!file)
		return -1;
	tree_size = fread(whole_tree, 1, sizeof(whole_tree), file);
	fclose(file);
	return 0;
}

/* Where @size bytes at @wanted stand in the tree. */
static u8 *find(const void *wanted, size_t size)
{
	memcpy(tree, whole_tree, tree_size);
	for (size_t i = 0; i + size <= tree_size; i++)
		if (memcmp(tree + i, wanted, size) == 0)
			return tree + i;
	fail_msg("the tree is not what it was");
	return NULL;
}

static enum pci_result search(struct pci_io *io)
{
	struct fdt fdt;

	if (fdt_open(&fdt, tree) != FDT_OK)
		return PCI_NO_BRIDGE;
	return pci_io_find(&fdt, io);
}

static void qemus_bridge_has_64_kib_of_ports(void **state)
{
	struct pci_io io;

	(void)state;
	find(io_entry, sizeof(io_entry));
	assert_int_equal(search(&io), PCI_OK);
	assert_int_equal(io.port, 0);
	assert_int_equal(io.pa.value, 0x3eff0000);
	assert_int_equal(io.size, 0x10000);
}

static void other_address_spaces_and_other_bridges_are_passed_over(void **state)
{
	static const char compatible[] = "pci-host-ecam-generic";
	struct pci_io io;

	(void)state;
	find(io_entry, sizeof(io_entry))[0] = 0x02; /* 32-bit memory */
	assert_int_equal(search(&io), PCI_NO_BRIDGE);
	find(io_entry, sizeof(io_entry))[0] = 0x81; /* relocatable I/O: the space is in two bits */
	assert_int_equal(search(&io), PCI_OK);
	find(compatible, sizeof(compatible))[0] = 'q';
	assert_int_equal(search(&io), PCI_NO_BRIDGE);
}

static void a_damaged_tree_gives_no_bridge_or_some_range_but_no_fault(void **state)
{
	struct random random = random_start();
	u8 *ranges = find(io_entry, sizeof(io_entry));
	size_t place = (size_t)(ranges - tree);
	unsigned found = 0;

	(void)state;
	for (unsigned i = 0; i < DAMAGES; i++) {
		struct pci_io io;
		unsigned bytes = 1 + random_below(&random, 4);

		memcpy(tree, whole_tree, tree_size);
		/* Half of them near the bridge, whose node is less than 2 KiB. */
		while (bytes-- > 0)
			tree[random_below(&random, 2) ?
				     place - 1024 + random_below(&random, 2048) :
				     40 + random_below(&random, (unsigned)tree_size - 40)] =
				(u8)random_next(&random);
		found += search(&io) == PCI_OK;
	}
	assert_true(found > DAMAGES / 4 && found < DAMAGES);
}

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

	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
			struct fake_memory_setup wanted = fake_memory_setup(setup);
			struct pci_io io = { paddr(cases[i].pa), cases[i].port, cases[i].size };
			enum pci_result result;
			u64 va;

			if (wanted.granule_shift == 14)
				continue;
			fake_memory_make(&memory, &wanted);
			va = memory.layout.region[LAYOUT_PCI_IO].start.value + io.port;
			result = pci_io_map(&memory.space, &memory.layout, &io);
			assert_int_equal(result, wanted.granule_shift == 12 ? cases[i].in_4k :
									      cases[i].in_64k);
			if (result == PCI_OK)
				check_ports(&memory, va, &io);
			fake_memory_free(&memory);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemus_bridge_has_64_kib_of_ports),
		cmocka_unit_test(other_address_spaces_and_other_bridges_are_passed_over),
		cmocka_unit_test(a_damaged_tree_gives_no_bridge_or_some_range_but_no_fault),
		cmocka_unit_test(ports_are_mapped_as_device_memory_where_the_page_size_allows),
	};

	return cmocka_run_group_tests(tests, load_tree, NULL);
}
