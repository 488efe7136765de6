// SPDX-License-Identifier: MIT
/*
 * The upper half's layout against numbers: those that Linux 6.12 prints for the same page and
 * address size, and constants worked out by hand from the formulas in docs/design.md. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/mm/layout/layout.h>

/* The top of every layout: Linux's PCI I/O region, the fixmap's end, the end of vmemmap. */
#define PCI_IO_START 0xffffffffc0800000
#define PCI_IO_END 0xffffffffc1800000
#define FIXMAP_START 0xffffffffff200000
#define FIXMAP_END 0xffffffffff800000
#define VMEMMAP_END 0xffffffffc0000000

/* The boundaries that differ; each region ends where the next column begins, but for the guards. */
struct boundaries {
	unsigned granule_shift, va_bits;
	u64 linear, modules, kimage, vmalloc_end, vmemmap;
};

static struct layout make_layout(unsigned granule_shift, unsigned va_bits,
				 unsigned page_struct_size)
{
	bool wide = va_bits > 48;
	struct regime regime = regime_make(granule_shift, va_bits, wide ? 52 : 48, wide);

	return layout_make(&regime, page_struct_size);
}

static void assert_region(struct layout layout, enum layout_region_name name, u64 start, u64 end)
{
	assert_int_equal(layout.region[name].start.value, start);
	assert_int_equal(layout.region[name].end.value, end);
}

static void assert_boundaries(const struct boundaries *b, unsigned page_struct_size)
{
	struct layout layout = make_layout(b->granule_shift, b->va_bits, page_struct_size);

	assert_region(layout, LAYOUT_LINEAR, b->linear, b->modules);
	assert_region(layout, LAYOUT_MODULES, b->modules, b->kimage);
	assert_region(layout, LAYOUT_VMALLOC, b->kimage, b->vmalloc_end);
	assert_region(layout, LAYOUT_VMEMMAP, b->vmemmap, VMEMMAP_END);
	assert_region(layout, LAYOUT_PCI_IO, PCI_IO_START, PCI_IO_END);
	assert_region(layout, LAYOUT_FIXMAP, FIXMAP_START, FIXMAP_END);
	assert_int_equal(layout_kimage_base(&layout).value, b->kimage);
}

/*
 * From Linux's kernel_page_tables. vmalloc is the exception: there it ends where vmemmap begins,
 * here 8 MiB below.
 */
static void boundaries_equal_linux_6_12_with_4k_pages_and_52_bits(void **state)
{
	static const struct boundaries linux_max = {
		12,
		52,
		0xfff0000000000000,
		0xffff800000000000,
		0xffff800080000000,
		0xffffc1ffc0000000 - MIB(8),
		0xffffc1ffc0000000,
	};

	(void)state;
	assert_boundaries(&linux_max, 64);
}

static void boundaries_equal_linux_6_12_with_4k_pages_and_48_bits(void **state)
{
	static const struct boundaries linux_nolva = {
		12,
		48,
		0xffff000000000000,
		0xffff800000000000,
		0xffff800080000000,
		0xfffffdffc0000000 - MIB(8),
		0xfffffdffc0000000,
	};

	(void)state;
	assert_boundaries(&linux_nolva, 64);
}

static void other_page_and_address_sizes_follow_the_same_formulas(void **state)
{
	static const struct boundaries rows[] = {
		{ 12, 39, 0xffffff8000000000, 0xffffffc000000000, 0xffffffc080000000,
		  0xfffffffebf800000, 0xfffffffec0000000 },
		{ 14, 52, 0xfff0000000000000, 0xffffc00000000000, 0xffffc00080000000,
		  0xfffff03fbf800000, 0xfffff03fc0000000 },
		{ 14, 48, 0xffff000000000000, 0xffffc00000000000, 0xffffc00080000000,
		  0xffffff3fbf800000, 0xffffff3fc0000000 },
		{ 14, 47, 0xffff800000000000, 0xffffc00000000000, 0xffffc00080000000,
		  0xffffffbfbf800000, 0xffffffbfc0000000 },
		{ 14, 36, 0xfffffff000000000, 0xfffffff800000000, 0xfffffff880000000,
		  0xffffffffb7800000, 0xffffffffb8000000 },
		{ 16, 52, 0xfff0000000000000, 0xffff800000000000, 0xffff800080000000,
		  0xfffffc1fbf800000, 0xfffffc1fc0000000 },
		{ 16, 48, 0xffff000000000000, 0xffff800000000000, 0xffff800080000000,
		  0xffffffdfbf800000, 0xffffffdfc0000000 },
		{ 16, 42, 0xfffffc0000000000, 0xfffffe0000000000, 0xfffffe0080000000,
		  0xffffffff3f800000, 0xffffffff40000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_boundaries(&rows[i], 64);
}

static void vmemmap_is_exact_for_a_struct_page_of_56_bytes(void **state)
{
	static const struct boundaries rows[] = {
		{ 12, 52, 0xfff0000000000000, 0xffff800000000000, 0xffff800080000000,
		  0xffffc9bfbf800000, 0xffffc9bfc0000000 },
		{ 12, 48, 0xffff000000000000, 0xffff800000000000, 0xffff800080000000,
		  0xfffffe3fbf800000, 0xfffffe3fc0000000 },
		{ 14, 36, 0xfffffff000000000, 0xfffffff800000000, 0xfffffff880000000,
		  0xffffffffb8800000, 0xffffffffb9000000 },
		{ 16, 42, 0xfffffc0000000000, 0xfffffe0000000000, 0xfffffe0080000000,
		  0xffffffff4f800000, 0xffffffff50000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_boundaries(&rows[i], 56);
}

/* In order, apart, page aligned, inside the upper half, and vmemmap large enough but no larger. */
static void assert_layout_sound(unsigned granule_shift, unsigned va_bits, unsigned page_struct_size)
{
	struct layout layout = make_layout(granule_shift, va_bits, page_struct_size);
	const struct layout_region *region = layout.region;
	u64 granule = (u64)1 << granule_shift;
	u64 pages = (region[LAYOUT_LINEAR].end.value - region[LAYOUT_LINEAR].start.value) / granule;
	u64 vmemmap = region[LAYOUT_VMEMMAP].end.value - region[LAYOUT_VMEMMAP].start.value;

	assert_int_equal(region[LAYOUT_LINEAR].start.value, ~(u64)0 << va_bits);
	for (int i = 0; i < LAYOUT_COUNT; i++) {
		assert_true(region[i].start.value < region[i].end.value);
		assert_int_equal(region[i].start.value % granule, 0);
		assert_int_equal(region[i].end.value % granule, 0);
		if (i > 0)
			assert_true(region[i - 1].end.value <= region[i].start.value);
	}
	assert_true(vmemmap >= pages * page_struct_size);
	assert_true(vmemmap - pages * page_struct_size < granule);
}

static void regions_are_in_order_and_never_overlap(void **state)
{
	static const unsigned page_struct_sizes[] = { 1, 7, 56, 64, 127, 128 };

	(void)state;
	for (unsigned granule_shift = 12; granule_shift <= 16; granule_shift += 2)
		for (unsigned va_bits = 36; va_bits <= 52; va_bits++)
			for (size_t i = 0; i < ARRAY_SIZE(page_struct_sizes); i++)
				assert_layout_sound(granule_shift, va_bits, page_struct_sizes[i]);
}

static void unused_vmemmap_goes_to_vmalloc_on_the_fallback(void **state)
{
	static const unsigned fallback[][2] = { { 12, 48 }, { 14, 47 }, { 16, 48 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fallback); i++) {
		struct layout full = make_layout(fallback[i][0], 52, 64);
		struct layout less = make_layout(fallback[i][0], fallback[i][1], 64);

		assert_true(less.region[LAYOUT_VMALLOC].end.value >
			    full.region[LAYOUT_VMALLOC].end.value);
		assert_int_equal(less.region[LAYOUT_VMEMMAP].start.value -
					 less.region[LAYOUT_VMALLOC].end.value,
				 0x800000);
	}
}

/* Only vmemmap and what vmalloc gains of it may move between 52 bits and the fallback. */
static void addresses_above_the_linear_map_are_the_same_on_the_fallback(void **state)
{
	static const unsigned fallback[][2] = { { 12, 48 }, { 14, 47 }, { 16, 48 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fallback); i++) {
		struct layout full = make_layout(fallback[i][0], 52, 64);
		struct layout less = make_layout(fallback[i][0], fallback[i][1], 64);

		assert_int_equal(full.region[LAYOUT_LINEAR].end.value,
				 less.region[LAYOUT_LINEAR].end.value);
		assert_memory_equal(&full.region[LAYOUT_MODULES], &less.region[LAYOUT_MODULES],
				    sizeof(struct layout_region));
		assert_int_equal(layout_kimage_base(&full).value, layout_kimage_base(&less).value);
		assert_int_equal(full.region[LAYOUT_VMEMMAP].end.value,
				 less.region[LAYOUT_VMEMMAP].end.value);
		assert_memory_equal(&full.region[LAYOUT_PCI_IO], &less.region[LAYOUT_PCI_IO],
				    sizeof(struct layout_region));
	}
}

static void the_fixmap_has_one_address_in_every_mode_of_every_page_size(void **state)
{
	(void)state;
	for (unsigned granule_shift = 12; granule_shift <= 16; granule_shift += 2) {
		for (unsigned va_bits = 36; va_bits <= 52; va_bits++) {
			struct layout layout = make_layout(granule_shift, va_bits, 64);

			assert_region(layout, LAYOUT_FIXMAP, FIXMAP_START, FIXMAP_END);
			assert_int_equal(layout_fixmap(&layout, FIXMAP_CONSOLE).value,
					 0xffffffffff7f0000);
		}
	}
}

/* The window is the fixmap's first 4 MiB, slots are in its last 2: a tree of 2 MiB fits. */
static void the_device_tree_keeps_its_offset_in_2_mib(void **state)
{
	struct layout layout = make_layout(GRANULE_SHIFT_4K, 52, 64);

	(void)state;
	assert_int_equal(layout_fixmap_fdt(&layout, paddr(0x48000000)).value, FIXMAP_START);
	assert_int_equal(layout_fixmap_fdt(&layout, paddr(0xf0000481ffff8)).value,
			 FIXMAP_START + 0x1ffff8);
	assert_true(layout_fixmap(&layout, FIXMAP_SLOT_COUNT - 1).value >= FIXMAP_START + 0x400000);
}

/* Slots grow down from the region's end, 64 KiB apart, and all of them fit. */
static void fixmap_slots_are_64k_apart_and_inside_the_region(void **state)
{
	struct layout layout = make_layout(GRANULE_SHIFT_4K, 52, 64);
	u64 above = FIXMAP_END;

	(void)state;
	for (int slot = 0; slot < FIXMAP_SLOT_COUNT; slot++) {
		u64 address = layout_fixmap(&layout, (enum fixmap_slot)slot).value;

		assert_int_equal(above - address, 0x10000);
		assert_true(address >= FIXMAP_START);
		above = address;
	}
}

static void regions_have_the_names_that_the_report_promises(void **state)
{
	(void)state;
	assert_string_equal(layout_region_str(LAYOUT_LINEAR), "linear");
	assert_string_equal(layout_region_str(LAYOUT_MODULES), "modules");
	assert_string_equal(layout_region_str(LAYOUT_VMALLOC), "vmalloc");
	assert_string_equal(layout_region_str(LAYOUT_VMEMMAP), "vmemmap");
	assert_string_equal(layout_region_str(LAYOUT_PCI_IO), "pci_io");
	assert_string_equal(layout_region_str(LAYOUT_FIXMAP), "fixmap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boundaries_equal_linux_6_12_with_4k_pages_and_52_bits),
		cmocka_unit_test(boundaries_equal_linux_6_12_with_4k_pages_and_48_bits),
		cmocka_unit_test(other_page_and_address_sizes_follow_the_same_formulas),
		cmocka_unit_test(vmemmap_is_exact_for_a_struct_page_of_56_bytes),
		cmocka_unit_test(regions_are_in_order_and_never_overlap),
		cmocka_unit_test(unused_vmemmap_goes_to_vmalloc_on_the_fallback),
		cmocka_unit_test(addresses_above_the_linear_map_are_the_same_on_the_fallback),
		cmocka_unit_test(the_fixmap_has_one_address_in_every_mode_of_every_page_size),
		cmocka_unit_test(the_device_tree_keeps_its_offset_in_2_mib),
		cmocka_unit_test(fixmap_slots_are_64k_apart_and_inside_the_region),
		cmocka_unit_test(regions_have_the_names_that_the_report_promises),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
