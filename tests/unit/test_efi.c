// SPDX-License-Identifier: MIT
/*
 * efi/: the stub from firmware's entry to the Image's own, over boot services that do what the
 * specification allows, and worse. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/kernel/tree/fallback.h>
#include <pagoda/kernel/tree/tree.h>
#include <pagoda/pi/early.h>

#include "support/fake_firmware.h"
#include "support/random.h"

#define FDT_ROOM KIB(64)

static struct fake_firmware *firmware;
static void *blob; /* firmware's FDT */
static struct boot_facts facts; /* what the early runtime reads from the stub's */
static u64 kaslr_seed;
static struct boot_lists lists;

static void build_fdt(const struct fake_fdt *description)
{
	memset(blob, 0, FDT_ROOM);
	assert_true(fake_fdt_build(description, blob, FDT_ROOM) > 0);
}

static int setup(void **state)
{
	struct fake_fdt description = fake_fdt_default();

	(void)state;
	firmware = firmware_start();
	blob = aligned_alloc(8, FDT_ROOM);
	description.bootargs = "panic=reboot";
	build_fdt(&description);
	firmware_add_fdt(firmware, blob);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(blob);
	firmware_stop(firmware);
	return 0;
}

/* Load options as firmware passes them, without a NUL behind them; @room must outlive the boot. */
static void set_options(u8 *room, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		room[2 * i] = (u8)text[i];
		room[2 * i + 1] = 0;
	}
	firmware->options = room;
	firmware->options_size = (u32)(2 * length);
}

static bool said(const char *text)
{
	return strstr(firmware->console, text) != NULL;
}

/* What it says of itself, and nothing else. */
#define REPORT                                                   \
	"pagoda: CPU with MIDR_EL1 0, page sizes 4K 48 bits\r\n" \
	"pagoda: decision: 4K pages, 48-bit addresses, 48-bit physical addresses\r\n"

static void read_result(void)
{
	struct fdt_value seed;
	struct scan scan;
	struct fdt fdt;

	memset(&facts, 0, sizeof(facts));
	kaslr_seed = 0;
	facts.entry.fdt = firmware->fdt;
	facts.id[SYSREG_CTR_EL0] = 4 << CTR_EL0_DMINLINE_SHIFT;
	facts.lists = paddr((uintptr_t)&lists);
	facts.image.pa = paddr(firmware->entry);
	facts.image.size = FIRMWARE_IMAGE_SIZE;
	assert_int_equal(facts_read_chosen(&facts, &kaslr_seed, 0).code, STOP_NONE);
	fdt = facts.fdt.tree;
	fdt_cut(&fdt);
	tree_begin(&scan, &fdt, &facts, &lists);
	assert_false(tree_read(&scan, &seed));
	assert_int_equal(tree_end(&scan).code, STOP_NONE);
}

/* Before it is read: whoever reads it with the MMU off cleans what he reads. */
static void expect_clean_fdt(void)
{
	u64 offset = firmware->fdt - (u64)(uintptr_t)firmware->ram;
	u32 size = __builtin_bswap32(((const u32 *)(uintptr_t)firmware->fdt)[1]);

	assert_in_range(size, 256, KIB(64));
	assert_false(machine_dirty(&firmware->machine, offset, offset + size));
}

static void expect_boot(void)
{
	assert_int_equal(firmware_boot(firmware), EFI_SUCCESS);
	assert_true(firmware->left);
	assert_false(firmware->late_call);
	expect_clean_fdt();
	read_result();
}

/* The status, in words on the console, and nothing kept. */
static void expect_return(efi_status_t status, const char *words)
{
	assert_int_equal(firmware_boot(firmware), status);
	assert_false(firmware->left);
	assert_false(firmware->late_call);
	assert_true(said(words));
	assert_true(said("pagoda: cannot boot; back to the firmware\r\n"));
	assert_int_equal(firmware->pages_taken, 0);
}

static void the_image_is_copied_to_free_memory_and_clean_to_its_end(void **state)
{
	u64 offset;

	(void)state;
	expect_boot();
	offset = firmware->entry - (u64)(uintptr_t)firmware->ram;
	assert_true(is_aligned(firmware->entry, MIB(2)));
	assert_memory_equal(firmware->ram + offset, firmware->image, FIRMWARE_FILE_SIZE);
	for (u64 at = 0; at < FIRMWARE_IMAGE_SIZE; at += EFI_PAGE_SIZE)
		assert_int_equal(firmware->type[(offset + at) / EFI_PAGE_SIZE], EFI_LOADER_DATA);
	for (u64 at = 0; at < FIRMWARE_IMAGE_SIZE; at += 64)
		assert_false(machine_dirty(&firmware->machine, offset + at, offset + at + 64));
}

static void the_copy_can_be_executed_by_nobody_while_the_mmu_is_on(void **state)
{
	(void)state;
	expect_boot();
	assert_int_equal(firmware->attribute_start, firmware->entry);
	assert_int_equal(firmware->attribute_size, FIRMWARE_IMAGE_SIZE);
	assert_int_equal(firmware->attributes, EFI_MEMORY_XP);
}

static void firmware_without_memory_attributes_boots_in_silence(void **state)
{
	(void)state;
	firmware->memory_attribute = PROTOCOL_ABSENT;
	expect_boot();
	assert_string_equal(firmware->console, REPORT);
}

static void memory_attributes_that_fail_are_said_and_no_more(void **state)
{
	(void)state;
	firmware->memory_attribute = PROTOCOL_FAILS;
	expect_boot();
	assert_true(said("pagoda: EFI_MEMORY_ATTRIBUTE_PROTOCOL does not make data no-execute: "
			 "unsupported\r\n"));
}

/* Bytes of [@start, @end) that the kernel takes for RAM. */
static u64 ram_inside(u64 start, u64 end)
{
	u64 bytes = 0;

	for (u32 i = 0; i < lists.memory.count; i++) {
		const struct memory_range *range = &lists.memory.range[i];
		u64 from = range->start.value > start ? range->start.value : start;
		u64 to = min_u64(range->end.value, end);

		if (range->kind == MEMORY_RAM && from < to)
			bytes += to - from;
	}
	return bytes;
}

static void the_map_becomes_memory_in_place_of_the_fdts(void **state)
{
	u64 ram = (u64)(uintptr_t)firmware->ram;

	(void)state;
	memset(firmware->type + 16, EFI_RUNTIME_SERVICES_DATA, 16);
	memset(firmware->type + 1024, EFI_PERSISTENT, 16);
	memset(firmware->type + 1100, EFI_UNACCEPTED, 16);
	memset(firmware->type + 1200, EFI_ACPI_NVS, 16);
	memset(firmware->type + 1300, EFI_BOOT_SERVICES_CODE, 16);
	expect_boot();
	assert_int_equal(ram_inside(0, ram), 0);
	assert_int_equal(ram_inside(ram + FIRMWARE_RAM_SIZE, ~(u64)0), 0);
	for (u64 page = 0; page < FIRMWARE_PAGES; page++) {
		u8 type = firmware->type[page];
		bool is_ram = type == EFI_CONVENTIONAL || type == EFI_LOADER_DATA ||
			      type == EFI_BOOT_SERVICES_CODE;
		u64 start = ram + page * EFI_PAGE_SIZE;

		assert_int_equal(ram_inside(start, start + EFI_PAGE_SIZE),
				 is_ram ? EFI_PAGE_SIZE : 0);
	}
}

static void the_kernel_learns_where_system_table_map_and_rsdp_are(void **state)
{
	static u64 rsdp[8];
	const struct efi_descriptor *first;

	(void)state;
	firmware_add_rsdp(firmware, rsdp);
	expect_boot();
	assert_int_equal(facts.efi.system_table, (uintptr_t)&firmware->system);
	assert_int_equal(facts.efi.rsdp, (uintptr_t)rsdp);
	assert_int_equal(facts.efi.descriptor_size, firmware->descriptor_size);
	assert_int_equal(facts.efi.descriptor_version, 1);
	assert_int_equal(facts.efi.map_size % firmware->descriptor_size, 0);
	first = (const struct efi_descriptor *)(uintptr_t)facts.efi.map_start;
	assert_int_equal(first->start, (uintptr_t)firmware->ram);
	assert_int_equal(ram_inside(facts.efi.map_start, facts.efi.map_start + facts.efi.map_size),
			 0);
}

/* ---- the command line ---- */

static void load_options_become_the_command_line(void **state)
{
	u8 room[64];

	(void)state;
	set_options(room, "mem=1G nokaslr", 14);
	expect_boot();
	assert_string_equal(facts_command_line(&facts, 0), "mem=1G nokaslr");
	assert_string_equal(firmware->console, REPORT);
}

static void without_load_options_the_fdts_command_line_stands(void **state)
{
	static const u16 empty[4];

	(void)state;
	firmware->options = empty;
	for (firmware->options_size = 0; firmware->options_size <= sizeof(empty);
	     firmware->options_size++) {
		firmware->exits = 0;
		expect_boot();
		assert_string_equal(facts_command_line(&facts, 0), "panic=reboot");
		memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
	}
	firmware->exits = 0;
	firmware->options = NULL;
	firmware->options_size = 100;
	expect_boot();
	assert_string_equal(facts_command_line(&facts, 0), "panic=reboot");
}

static void without_the_loaded_image_protocol_it_stands_too_and_that_is_said(void **state)
{
	(void)state;
	firmware->loaded_image = PROTOCOL_ABSENT;
	expect_boot();
	assert_string_equal(facts_command_line(&facts, 0), "panic=reboot");
	assert_true(said("pagoda: no EFI_LOADED_IMAGE_PROTOCOL, so no load options: not found"));
}

static void a_shell_puts_the_programs_name_in_front(void **state)
{
	static const char line[] = "\"fs0:\\My Disk\\Image\"  nokaslr mem=2G";
	u8 room[2 * sizeof(line)];

	(void)state;
	set_options(room, line, sizeof(line) - 1);
	firmware->shell = PROTOCOL_WORKS;
	expect_boot();
	assert_string_equal(facts_command_line(&facts, 0), "nokaslr mem=2G");
	set_options(room, "Image.efi", 9);
	memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
	firmware->exits = 0;
	expect_boot();
	assert_string_equal(facts_command_line(&facts, 0), "panic=reboot");
}

static void characters_that_are_not_ascii_are_replaced_and_counted(void **state)
{
	static const u16 wide[] = { 'm', 0x20ac, 0x7f, '\t', 0xe9, '=', 0x1b, 0x161, 'x' };

	(void)state;
	firmware->options = wide;
	firmware->options_size = sizeof(wide);
	expect_boot();
	assert_string_equal(facts_command_line(&facts, 0), "m?? ?=??x");
	assert_true(said("pagoda: 5 characters of the load options are not ASCII, "
			 "and became '?'\r\n"));
}

/* Memory of its own size, so that ASan sees a byte read beyond it. */
static void boot_with_options(const void *bytes, u32 size)
{
	void *exact = malloc(size);

	memcpy(exact, bytes, size);
	firmware->options = exact;
	firmware->options_size = size;
	firmware->exits = 0;
	firmware->console[0] = '\0';
	expect_boot();
	memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
	free(exact);
}

#define IGNORED " bytes are no text of 16-bit characters: ignored\r\n"

/* What some firmware or loaders pass; the FDT's command line stands. */
static void load_options_that_are_no_text_are_ignored_and_that_is_said(void **state)
{
	/* a table of vectors, which a server's firmware passes; an entry that EDK2 made by itself,
	 * which is a GUID; a boot entry whole, EFI_LOAD_OPTION; Windows' */
	static const u8 vectors[] = { 0xd0, 0x9b, 0x00, 0xf0, 0xd0, 0x9b, 0x00, 0xf0,
				      0xc3, 0xe2, 0x00, 0xf0, 0xd0, 0x9b, 0x00, 0xf0 };
	static const u8 guid[] = { 0x4e, 0xac, 0x08, 0x81, 0x11, 0x9f, 0x59, 0x4d,
				   0x85, 0x0e, 0xe2, 0x1a, 0x52, 0x2c, 0x59, 0xb2 };
	static const u8 entry[] = { 1, 0, 0, 0, 0x42, 0, 'P', 0, 'a', 0, 'g', 0, 0, 0, 4, 1 };
	static const u8 windows[] = { 'W', 'I', 'N', 'D', 'O', 'W', 'S', 0, 1, 0, 0, 0, 0x88, 0 };
	static const struct {
		const void *bytes;
		u32 size;
		const char *line;
	} rows[] = {
#define ROW(bytes) { bytes, sizeof(bytes), "pagoda: load options of " }
		ROW(vectors),
		ROW(guid),
		ROW(entry),
		ROW(windows),
		ROW("nokaslr mem=64M"),
		ROW("quiet"),
		ROW("nokaslr"),
		ROW("nokaslr\0\0\0"),
		ROW("00000000: 6e6f 6b61 736c 7200  nokaslr.\n"),
#undef ROW
		{ "nokaslr", 7, "pagoda: load options of 7" IGNORED },
		{ "nokaslr mem=2G", 14, "pagoda: load options of 14" IGNORED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		boot_with_options(rows[i].bytes, rows[i].size);
		assert_string_equal(facts_command_line(&facts, 0), "panic=reboot");
		assert_true(said(rows[i].line) && said(IGNORED));
	}
}

/* A boot entry as it is stored: attributes, length of the path, description, path, options. */
static u32 make_entry(u8 *entry, u32 attributes, const char *options)
{
	static const u8 path[] = { 4, 4, 8, 0, 'I', 0, 0, 0, 0x7f, 0xff, 4, 0 };
	static const char description[] = "Pagoda";
	u32 at = 6;

	memcpy(entry, &attributes, 4);
	entry[4] = sizeof(path);
	entry[5] = 0;
	for (u32 i = 0; i < sizeof(description); i++, at += 2) {
		entry[at] = (u8)description[i];
		entry[at + 1] = 0;
	}
	memcpy(entry + at, path, sizeof(path));
	at += sizeof(path);
	for (; *options != '\0'; options++, at += 2) {
		entry[at] = (u8)*options;
		entry[at + 1] = 0;
	}
	return at;
}

static void of_a_whole_boot_entry_its_options_count(void **state)
{
	static const u32 attributes[] = { 0, 1, 9, 0x101 };
	u8 entry[128];
	u32 size;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		size = make_entry(entry, attributes[i], "mem=1G nokaslr");
		boot_with_options(entry, size);
		assert_string_equal(facts_command_line(&facts, 0), "mem=1G nokaslr");
		assert_true(said("pagoda: load options are a whole boot entry: 28 bytes of "
				 "options in it\r\n"));
		size = make_entry(entry, attributes[i], "");
		boot_with_options(entry, size);
		assert_string_equal(facts_command_line(&facts, 0), "panic=reboot");
	}
}

/* Cut anywhere, it is no entry, and no text either; nor is one with a path that does not end. */
static void a_boot_entry_that_is_not_whole_is_ignored(void **state)
{
	u8 entry[128];
	u32 whole = make_entry(entry, 1, "");

	(void)state;
	for (u32 size = 4; size < whole; size++) {
		boot_with_options(entry, size);
		assert_string_equal(facts_command_line(&facts, 0), "panic=reboot");
		assert_true(said(IGNORED));
	}
	for (u32 at = whole - 4; at < whole; at++) {
		entry[at] ^= 2;
		boot_with_options(entry, whole);
		assert_true(said(IGNORED));
		entry[at] ^= 2;
	}
}

static void text_with_some_characters_of_other_scripts_is_text(void **state)
{
	static const u16 cyrillic[] = { 0x43f, 0x443, 0x442, '.', '=', '/', 0 };
	static const u16 path[] = { 0x5f55, '\\', 'I', 0 };
	static const u16 one[] = { 'x' };

	(void)state;
	boot_with_options(cyrillic, sizeof(cyrillic));
	assert_string_equal(facts_command_line(&facts, 0), "???.=/");
	boot_with_options(path, sizeof(path));
	assert_string_equal(facts_command_line(&facts, 0), "?\\I");
	boot_with_options(one, sizeof(one));
	assert_string_equal(facts_command_line(&facts, 0), "x");
}

static void load_options_of_odd_size_at_an_odd_address_are_read_to_the_last_pair(void **state)
{
	u8 *room = malloc(1 + 7);

	(void)state;
	memcpy(room + 1, "a\0b\0c\0d", 7);
	firmware->options = room + 1;
	firmware->options_size = 7;
	expect_boot();
	assert_string_equal(facts_command_line(&facts, 0), "abc");
	free(room);
}

static void load_options_of_64_kib_reach_the_kernel_which_cuts_them(void **state)
{
	u8 *room = malloc(KIB(64));
	char *text = malloc(KIB(32));

	(void)state;
	memset(text, 'x', KIB(32));
	memcpy(text, "nokaslr ", 8);
	set_options(room, text, KIB(32));
	expect_boot();
	assert_true(facts.command_line_cut);
	assert_int_equal(facts.command_line_length, COMMAND_LINE_MAX - 1);
	assert_memory_equal(facts_command_line(&facts, 0), "nokaslr xxx", 11);
	assert_string_equal(firmware->console, REPORT);
	free(text);
	free(room);
}

static void a_size_of_load_options_beyond_reason_is_cut_and_said(void **state)
{
	u8 *room = malloc(KIB(64) + 2);

	(void)state;
	memset(room, 'y', KIB(64) + 2);
	for (unsigned i = 1; i < KIB(64) + 2; i += 2)
		room[i] = 0;
	firmware->options = room;
	firmware->options_size = 0xffffffff;
	expect_boot();
	assert_true(said("pagoda: load options cut after 32768 characters\r\n"));
	free(room);
}

/* ---- entropy and place ---- */

/* What the RNG gives first where its bytes count up from 1. */
#define RANDOM_FROM_1 0xccaf9275583b1e01

static void entropy_decides_the_place_and_seeds_the_kernel(void **state)
{
	u64 first;

	(void)state;
	firmware->random_seed = 1;
	expect_boot();
	first = firmware->entry;
	assert_true(facts.efi.seed);
	assert_int_equal(kaslr_seed, RANDOM_FROM_1);
	memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
	firmware->exits = 0;
	firmware->random_seed = 98;
	expect_boot();
	assert_int_not_equal(firmware->entry, first);
}

static void without_entropy_the_lowest_place_is_taken_and_the_fdts_seed_kept(void **state)
{
	struct fake_fdt description = fake_fdt_default();

	(void)state;
	description.has_seed = true;
	description.seed = 0x1234;
	build_fdt(&description);
	for (firmware->rng = PROTOCOL_ABSENT;; firmware->rng = PROTOCOL_FAILS) {
		firmware->console[0] = '\0';
		firmware->exits = 0;
		memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
		memset(firmware->type, EFI_BOOT_SERVICES_DATA, 1);
		expect_boot();
		assert_int_equal(firmware->entry, (uintptr_t)firmware->ram + MIB(2));
		assert_int_equal(kaslr_seed, 0x1234);
		assert_false(facts.efi.seed);
		if (firmware->rng == PROTOCOL_FAILS)
			break;
		assert_true(said("no entropy from EFI_RNG_PROTOCOL (not found)"));
	}
	assert_true(said("no entropy from EFI_RNG_PROTOCOL (device error)"));
}

static bool holds(const u8 *at, u64 number)
{
	u64 big_endian = __builtin_bswap64(number);

	for (u32 i = 0; i + sizeof(number) <= FDT_ROOM; i += 4)
		if (memcmp(at + i, &big_endian, sizeof(number)) == 0)
			return true;
	return false;
}

static void a_seed_stays_in_firmwares_fdt_only_where_firmware_goes_on(void **state)
{
	struct fake_fdt description = fake_fdt_default();

	(void)state;
	description.has_seed = true;
	description.seed = 0x123456789abcdef1;
	build_fdt(&description);
	memcpy(firmware->ram, blob, FDT_ROOM);
	memset(firmware->type, EFI_ACPI_RECLAIM, FDT_ROOM / EFI_PAGE_SIZE);
	firmware->system.table_count = 0;
	firmware_add_fdt(firmware, firmware->ram);
	firmware->rng = PROTOCOL_ABSENT;
	firmware->exit_status = EFI_DEVICE_ERROR;
	expect_return(EFI_DEVICE_ERROR, "ExitBootServices fails");
	assert_true(holds(firmware->ram, description.seed));
	firmware->exit_status = EFI_SUCCESS;
	firmware->exits = 0;
	expect_boot();
	assert_int_equal(kaslr_seed, description.seed);
	assert_false(holds(firmware->ram, description.seed));
}

/* The number that goes into /chosen, anywhere in memory. */
static u64 count_in_ram(u64 number)
{
	u64 big_endian = __builtin_bswap64(number), count = 0;

	for (u64 i = 0; i + sizeof(number) <= FIRMWARE_PAGES * EFI_PAGE_SIZE; i += 4)
		count += memcmp(firmware->ram + i, &big_endian, sizeof(number)) == 0;
	return count;
}

static void what_goes_back_to_firmware_has_no_seed_in_it(void **state)
{
	(void)state;
	firmware->random_seed = 1;
	firmware->exit_status = EFI_DEVICE_ERROR;
	expect_return(EFI_DEVICE_ERROR, "ExitBootServices fails");
	assert_int_equal(count_in_ram(RANDOM_FROM_1), 0);
}

static void nokaslr_takes_the_lowest_place(void **state)
{
	u8 room[64];

	(void)state;
	set_options(room, "nokaslr", 7);
	for (firmware->random_seed = 0; firmware->random_seed < 250; firmware->random_seed += 50) {
		firmware->exits = 0;
		memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
		expect_boot();
		assert_int_equal(firmware->entry, (uintptr_t)firmware->ram);
	}
}

static void where_2_mib_do_not_fit_64_kib_alignment_does(void **state)
{
	(void)state;
	for (u64 page = 0; page < FIRMWARE_PAGES; page += MIB(2) / EFI_PAGE_SIZE)
		memset(firmware->type + page, EFI_RESERVED, 1);
	expect_boot();
	assert_true(is_aligned(firmware->entry, KIB(64)));
}

static void without_room_for_the_image_firmware_gets_an_error(void **state)
{
	(void)state;
	for (u64 page = 0; page < FIRMWARE_PAGES; page += KIB(128) / EFI_PAGE_SIZE)
		memset(firmware->type + page, EFI_RESERVED, 1);
	expect_return(EFI_OUT_OF_RESOURCES,
		      "pagoda: no room for the Image's 256 KiB in one piece below 0x1000000000000: "
		      "out of resources\r\n");
}

static void places_that_firmware_keeps_back_are_tried_a_few_times_only(void **state)
{
	(void)state;
	firmware->addresses_refused = true;
	expect_return(EFI_NOT_FOUND, "pagoda: no room for the Image's 256 KiB in one piece");
	assert_true(firmware->allocations < 20);
}

static void whichever_allocation_fails_is_said_and_nothing_is_kept(void **state)
{
	u8 room[64];
	unsigned at;

	(void)state;
	set_options(room, "nokaslr", 7);
	/* The copy of the Image has other places to go to: that failure alone does no harm. */
	for (at = 0; at < 20; at++) {
		firmware->console[0] = '\0';
		firmware->allocations = firmware->exits = 0;
		firmware->left = false;
		firmware->pages_fail_at = at;
		memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
		firmware->pages_taken = 0;
		if (firmware_boot(firmware) == EFI_SUCCESS) {
			if (firmware->allocations <= at)
				break;
			continue;
		}
		assert_true(said("out of resources"));
		assert_int_equal(firmware->pages_taken, 0);
	}
	assert_true(at >= 4 && at < 20);
}

/* The test's memory is far above 4 GiB: none of it is given to a CPU with 32-bit addresses. */
static void what_the_cpu_cannot_reach_is_not_used(void **state)
{
	(void)state;
	firmware->id[SYSREG_ID_AA64MMFR0_EL1] = FIRMWARE_MMFR0 - 5;
	assert_true((uintptr_t)firmware->ram >= BIT(32));
	expect_return(EFI_OUT_OF_RESOURCES, "pagoda: no memory map: out of resources\r\n");
	assert_int_equal(firmware->allocations, 1);
}

static void a_plan_that_cannot_be_made_is_said_while_there_is_a_screen(void **state)
{
	u8 room[64];

	(void)state;
	set_options(room, "arm64.pagesize=16k", 18);
	expect_return(EFI_UNSUPPORTED,
		      "pagoda: arm64.pagesize=16k asked for, but the CPU has: 4K\r\n");
	set_options(room, "pagoda.va_bits=52", 17);
	firmware->console[0] = '\0';
	expect_return(EFI_UNSUPPORTED, "52");
}

static void quiet_keeps_the_report_off_the_screen(void **state)
{
	u8 room[64];

	(void)state;
	set_options(room, "quiet", 5);
	expect_boot();
	assert_string_equal(firmware->console, "");
}

/* The words that place the Image may be the FDT's, too. */
static void the_fdts_own_command_line_counts_where_load_options_have_none(void **state)
{
	struct fake_fdt description = fake_fdt_default();

	(void)state;
	description.bootargs = "quiet nokaslr";
	build_fdt(&description);
	firmware->random_seed = 77;
	expect_boot();
	assert_string_equal(firmware->console, "");
	assert_int_equal(firmware->entry, (uintptr_t)firmware->ram);
}

/* ---- what describes the machine ---- */

static enum memory_kind kind_at(u64 address)
{
	for (u32 i = 0; i < lists.memory.count; i++)
		if (lists.memory.range[i].kind != MEMORY_RAM &&
		    address >= lists.memory.range[i].start.value &&
		    address < lists.memory.range[i].end.value)
			return lists.memory.range[i].kind;
	return MEMORY_RAM;
}

/* Whatever the map says of that memory: no one is to map it, or to hand it out. */
static void reservations_of_the_fdt_reach_the_kernel(void **state)
{
	struct fake_fdt description = fake_fdt_default();
	u64 ram = (u64)(uintptr_t)firmware->ram;

	(void)state;
	description.no_map[0] = (struct fake_fdt_range){ ram + MIB(8), MIB(1) };
	description.reserve[0] = (struct fake_fdt_range){ ram + MIB(10), MIB(1) };
	build_fdt(&description);
	expect_boot();
	assert_int_equal(kind_at(ram + MIB(8)), MEMORY_NOMAP);
	assert_int_equal(kind_at(ram + MIB(9) - 1), MEMORY_NOMAP);
	assert_int_equal(kind_at(ram + MIB(10)), MEMORY_RESERVED);
	assert_int_equal(kind_at(ram + MIB(12)), MEMORY_RAM);
}

/* All of RAM is free by firmware's map; the tree leaves two places, and then none. */
static void the_image_is_kept_out_of_what_the_fdt_reserves(void **state)
{
	u64 ram = (u64)(uintptr_t)firmware->ram, first = align_up(ram, MIB(2));

	(void)state;
	for (u8 seed = 0; seed < 16; seed++) {
		struct fake_fdt description = fake_fdt_default();

		description.no_map[0] = (struct fake_fdt_range){ first, MIB(4) };
		description.reserved_memory[0] = (struct fake_fdt_range){ first + MIB(4), 0x1000 };
		description.reserve[0] =
			(struct fake_fdt_range){ first + MIB(10) - 0x1000, MIB(6) + 0x1000 };
		build_fdt(&description);
		firmware->random_seed = seed;
		expect_boot();
		assert_in_range(firmware->entry, first + MIB(6), first + MIB(8) + FIRMWARE_ENTRY);
		teardown(state);
		setup(state);
		ram = (u64)(uintptr_t)firmware->ram;
		first = align_up(ram, MIB(2));
	}
}

static void without_fdt_and_acpi_firmware_gets_an_error(void **state)
{
	(void)state;
	firmware->system.table_count = 0;
	expect_return(EFI_LOAD_ERROR, "neither by an FDT nor by ACPI 2.0 tables");
	firmware->system.table_count = 4;
	firmware->system.tables = NULL;
	expect_return(EFI_LOAD_ERROR, "neither by an FDT nor by ACPI 2.0 tables");
}

static void a_corrupt_fdt_is_named_as_the_reason(void **state)
{
	(void)state;
	((u8 *)blob)[0] = 0;
	expect_return(EFI_LOAD_ERROR, "pagoda: the FDT that firmware passes is not used: "
				      "device tree without its magic number\r\n");
}

static void tables_of_acpi_that_are_refused_are_named(void **state)
{
	static u64 rsdp[8];

	(void)state;
	firmware->system.table_count = 0;
	firmware_add_rsdp(firmware, rsdp);
	expect_return(EFI_LOAD_ERROR, "pagoda: no FDT, and ACPI's RSDP at 0x");
}

/* ---- what is lost with ACPI's tables is said while there is a screen ---- */

#define RSDP_SIZE 36
#define XSDT_AT 64
#define XSDT_SIZE (36 + 8)
#define SPCR_AT 128
#define SPCR_SIZE 80

static void put(u8 *at, u64 value, unsigned size)
{
	for (; size > 0; size--, value >>= 8)
		*at++ = (u8)value;
}

static void table_end(u8 *table, const char *signature, u32 size, u8 *sum)
{
	memcpy(table, signature, strlen(signature));
	*sum = 0;
	for (u32 i = 0; i < size; i++)
		*sum = (u8)(*sum - table[i] * (&table[i] != sum));
}

/* An RSDP, an XSDT, and an SPCR that names a UART of @type; of the rest of ACPI nothing. */
static u8 *acpi_make(u8 type, u8 space, u64 address)
{
	u8 *rsdp = firmware->ram + (FIRMWARE_PAGES - 1) * EFI_PAGE_SIZE;
	u8 *xsdt = rsdp + XSDT_AT, *spcr = rsdp + SPCR_AT;

	memset(rsdp, 0, EFI_PAGE_SIZE);
	put(spcr + 4, SPCR_SIZE, 4);
	spcr[36] = type;
	spcr[40] = space;
	put(spcr + 44, address, 8);
	table_end(spcr, "SPCR", SPCR_SIZE, spcr + 9);
	put(xsdt + 4, XSDT_SIZE, 4);
	put(xsdt + 36, (uintptr_t)spcr, 8);
	table_end(xsdt, "XSDT", XSDT_SIZE, xsdt + 9);
	rsdp[15] = 2;
	put(rsdp + 20, RSDP_SIZE, 4);
	put(rsdp + 24, (uintptr_t)xsdt, 8);
	table_end(rsdp, "RSD PTR ", 20, rsdp + 8);
	table_end(rsdp, "RSD PTR ", RSDP_SIZE, rsdp + 32);
	firmware->system.table_count = 0;
	firmware_add_rsdp(firmware, rsdp);
	firmware->type[FIRMWARE_PAGES - 1] = EFI_ACPI_RECLAIM;
	firmware->exits = 0;
	firmware->console[0] = '\0';
	return spcr;
}

#define ADVICE                                                    \
	"if there is a UART, name it: earlycon=pl011,ADDRESS or " \
	"earlycon=uart8250,mmio32,ADDRESS\r\n"

static void a_console_of_acpis_without_a_driver_is_said_with_advice(void **state)
{
	static const struct {
		u8 type, space;
		u64 address;
		const char *line; /* null: it is one that can be driven */
	} cases[] = {
		{ 0x0f, 0, 0x9000000,
		  "pagoda: ACPI's console at 0x9000000 is of type 0xf in address space 0: no "
		  "driver\r\n" },
		{ 0x00, 1, 0x3f8,
		  "pagoda: ACPI's console at 0x3f8 is of type 0 in address space 1: no "
		  "driver\r\n" },
		{ 0x03, 0, 0, "pagoda: ACPI names no console (SPCR, DBG2)\r\n" },
		{ 0x03, 0, 0x9000000, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		acpi_make(cases[i].type, cases[i].space, cases[i].address);
		expect_boot();
		assert_int_equal(said(ADVICE), cases[i].line != NULL);
		assert_int_equal(said("silent from here on; " ADVICE), cases[i].line != NULL);
		if (cases[i].line != NULL)
			assert_true(said(cases[i].line));
		memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
	}
}

/* Whoever has named one needs no advice; where there is a screen, it is not silent. */
static void advice_is_for_those_who_need_it(void **state)
{
	struct efi_graphics_info info = { 0, 800, 600, EFI_PIXEL_RGBX, { 0 }, 800 };
	struct efi_graphics_mode mode = { 1, 0, &info, sizeof(info), 0x80000000, MIB(4) };
	u8 room[64];

	(void)state;
	acpi_make(0x0f, 0, 0x9000000);
	set_options(room, "earlycon=pl011,0x9000000", 24);
	expect_boot();
	assert_false(said("earlycon="));
	memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
	firmware->options_size = 0;
	firmware->screen[firmware->screens++].mode = &mode;
	acpi_make(0x0f, 0, 0x9000000);
	expect_boot();
	assert_true(said("only this screen from here on; " ADVICE));
}

static void a_broken_table_is_said_with_what_it_would_have_given(void **state)
{
	char line[160];
	u8 *spcr;

	(void)state;
	spcr = acpi_make(3, 0, 0x9000000);
	spcr[9] ^= 1;
	expect_boot();
	snprintf(line, sizeof(line),
		 "pagoda: ACPI's SPCR at %p: checksum wrong; goes on without the console that it "
		 "names\r\n",
		 (void *)spcr);
	assert_true(said(line));
	assert_true(said("pagoda: ACPI's FADT at 0: not there; goes on without PSCI\r\n"));
	assert_true(said("pagoda: ACPI's MADT at 0: not there; goes on without processors and "
			 "interrupts\r\n"));
	assert_true(said("pagoda: ACPI's GTDT at 0: not there; goes on without timer "
			 "interrupts\r\n"));
	assert_false(said("DBG2 at"));
}

static void an_fdt_with_little_but_chosen_does_not_stand_for_the_machine(void **state)
{
	struct fdt_writer writer;
	u32 written;

	(void)state;
	fdt_write_begin(&writer, blob, FDT_ROOM);
	fdt_write_node(&writer, "");
	fdt_write_node(&writer, "chosen");
	fdt_write_string(&writer, "bootargs", "x");
	fdt_write_node_end(&writer);
	fdt_write_node_end(&writer);
	assert_int_equal(fdt_write_finish(&writer, &written), FDT_WRITE_OK);
	expect_return(EFI_LOAD_ERROR, "neither by an FDT nor by ACPI 2.0 tables");
}

/* Whatever bytes are wrong: a boot, or an error in words; never a crash, never a hang. */
static void any_damage_to_the_fdt_ends_in_a_boot_or_an_error(void **state)
{
	struct random random = random_start();
	u8 *whole = malloc(FDT_ROOM);

	(void)state;
	memcpy(whole, blob, FDT_ROOM);
	for (int round = 0; round < 300; round++) {
		memcpy(blob, whole, FDT_ROOM);
		for (unsigned i = 0; i <= random_below(&random, 4); i++)
			((u8 *)blob)[random_below(&random, 2048)] = (u8)random_next(&random);
		firmware->console[0] = '\0';
		firmware->exits = firmware->pages_taken = 0;
		memset(firmware->type, EFI_CONVENTIONAL, sizeof(firmware->type));
		if (firmware_boot(firmware) != EFI_SUCCESS)
			assert_true(said("cannot boot"));
	}
	free(whole);
}

/* ---- the end of boot services ---- */

/* What a kernel without a UART finds to print on. */
static struct fallbacks fallbacks;

static void expect_screens(unsigned count)
{
	struct fdt tree;

	expect_boot();
	tree = facts.fdt.tree;
	fdt_cut(&tree);
	fallbacks_find(&tree, &fallbacks);
	assert_int_equal(fallbacks.count, count);
}

static void add_screen(struct efi_graphics_mode *mode)
{
	firmware->screen[firmware->screens++].mode = mode;
}

static void the_screen_of_firmware_is_in_the_kernels_tree(void **state)
{
	struct efi_graphics_info info = { 0, 800, 600, EFI_PIXEL_BGRX, { 0 }, 832 };
	struct efi_graphics_mode mode = { 1, 0, &info, sizeof(info), 0x812340000, 832 * 4 * 600 };
	const struct fallback *found = &fallbacks.list[0];

	(void)state;
	add_screen(&mode);
	expect_screens(1);
	assert_int_equal(found->type, FALLBACK_SCREEN);
	assert_false(found->named);
	assert_int_equal(found->address.value, 0x812340000);
	assert_int_equal(found->size, 832 * 4 * 600);
	assert_int_equal(found->mode.width, 800);
	assert_int_equal(found->mode.height, 600);
	assert_int_equal(found->mode.stride, 832 * 4);
	assert_int_equal(found->mode.format.bytes, 4);
}

static void a_screen_that_only_firmware_can_draw_on_is_passed_over(void **state)
{
	struct efi_graphics_info drawn = { 0, 800, 600, 3, { 0 }, 800 };
	struct efi_graphics_info odd = { 0, 800, 600, EFI_PIXEL_MASKS, { 7, 56, 192, 0 }, 800 };
	struct efi_graphics_info good = { 0,  640, 480, EFI_PIXEL_MASKS, { 0xf800, 0x7e0, 0x1f, 0 },
					  640 };
	/* A row of 4 GiB and 640 pixels. */
	struct efi_graphics_info wide = { 0, 640, 480, EFI_PIXEL_RGBX, { 0 }, 0x40000280 };
	struct efi_graphics_mode modes[] = {
		{ 1, 0, &wide, sizeof(wide), 0x80000000, ~(u64)0 },
		{ 1, 0, &drawn, sizeof(drawn), 0x80000000, MIB(4) },
		{ 1, 0, &odd, sizeof(odd), 0x80000000, MIB(4) },
		{ 1, 0, NULL, 0, 0x80000000, MIB(4) },
		{ 1, 0, &good, sizeof(good), 0, MIB(4) },
		{ 1, 0, &good, sizeof(good), 0x80000000, 640 * 2 * 480 - 1 },
		{ 1, 0, &good, sizeof(good), 0x90000000, 640 * 2 * 480 },
	};

	(void)state;
	add_screen(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		add_screen(&modes[i]);
	expect_screens(1);
	assert_int_equal(fallbacks.list[0].address.value, 0x90000000);
	assert_int_equal(fallbacks.list[0].mode.format.bytes, 2);
}

static void without_a_screen_or_with_too_many_the_boot_goes_on(void **state)
{
	struct efi_graphics_info info = { 0, 800, 600, EFI_PIXEL_RGBX, { 0 }, 800 };
	struct efi_graphics_mode mode = { 1, 0, &info, sizeof(info), 0x80000000, MIB(4) };

	(void)state;
	while (firmware->screens < 17)
		add_screen(&mode);
	expect_screens(0);
}

static void a_map_that_changes_at_exit_is_asked_for_again(void **state)
{
	(void)state;
	firmware->refusals = 3;
	expect_boot();
	assert_int_equal(firmware->exits, 4);
}

static void a_map_that_always_changes_gets_an_error(void **state)
{
	(void)state;
	firmware->refusals = FIRMWARE_NEVER;
	expect_return(EFI_INVALID_PARAMETER, "pagoda: the memory map keeps changing: "
					     "ExitBootServices refused it 8 times\r\n");
	assert_int_equal(firmware->exits, 8);
}

static void an_exit_that_fails_otherwise_is_not_tried_again(void **state)
{
	(void)state;
	firmware->exit_status = EFI_DEVICE_ERROR;
	expect_return(EFI_DEVICE_ERROR, "pagoda: ExitBootServices fails: device error\r\n");
	assert_int_equal(firmware->exits, 1);
}

static void a_map_that_outgrows_every_buffer_gets_an_error(void **state)
{
	(void)state;
	firmware->map_always_grows = true;
	expect_return(EFI_BUFFER_TOO_SMALL, "pagoda: no memory map: buffer too small\r\n");
	assert_true(firmware->maps < 100);
}

static void no_memory_is_asked_for_after_the_first_exit_even_for_a_larger_map(void **state)
{
	(void)state;
	firmware->refusals = 1;
	firmware->map_grows_at_exit = true;
	expect_return(EFI_BUFFER_TOO_SMALL, "pagoda: no memory map: buffer too small\r\n");
	assert_int_equal(firmware->exits, 1);
}

static void a_map_with_a_senseless_stride_gets_an_error(void **state)
{
	(void)state;
	firmware->descriptor_size = EFI_PAGE_SIZE + 8;
	expect_return(EFI_UNSUPPORTED, "pagoda: no memory map: unsupported\r\n");
}

static void a_map_of_thousands_boots_with_the_largest_ranges(void **state)
{
	u64 ram = (u64)(uintptr_t)firmware->ram;

	(void)state;
	for (u64 page = 0; page < FIRMWARE_PAGES / 2; page += 2)
		memset(firmware->type + page, EFI_RUNTIME_SERVICES_CODE, 1);
	expect_boot();
	assert_true(facts.efi.map_size / facts.efi.descriptor_size > 2000);
	assert_true(said("pieces of RAM"));
	assert_int_equal(lists.memory.dropped, 0);
	assert_int_equal(ram_inside(firmware->entry, firmware->entry + FIRMWARE_IMAGE_SIZE),
			 FIRMWARE_IMAGE_SIZE);
	assert_true(ram_inside(ram + FIRMWARE_RAM_SIZE / 2, ram + FIRMWARE_RAM_SIZE) > MIB(7));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_image_is_copied_to_free_memory_and_clean_to_its_end),
		TEST(the_copy_can_be_executed_by_nobody_while_the_mmu_is_on),
		TEST(firmware_without_memory_attributes_boots_in_silence),
		TEST(memory_attributes_that_fail_are_said_and_no_more),
		TEST(the_map_becomes_memory_in_place_of_the_fdts),
		TEST(the_kernel_learns_where_system_table_map_and_rsdp_are),
		TEST(load_options_become_the_command_line),
		TEST(without_load_options_the_fdts_command_line_stands),
		TEST(without_the_loaded_image_protocol_it_stands_too_and_that_is_said),
		TEST(a_shell_puts_the_programs_name_in_front),
		TEST(characters_that_are_not_ascii_are_replaced_and_counted),
		TEST(load_options_that_are_no_text_are_ignored_and_that_is_said),
		TEST(of_a_whole_boot_entry_its_options_count),
		TEST(a_boot_entry_that_is_not_whole_is_ignored),
		TEST(text_with_some_characters_of_other_scripts_is_text),
		TEST(load_options_of_odd_size_at_an_odd_address_are_read_to_the_last_pair),
		TEST(load_options_of_64_kib_reach_the_kernel_which_cuts_them),
		TEST(a_size_of_load_options_beyond_reason_is_cut_and_said),
		TEST(entropy_decides_the_place_and_seeds_the_kernel),
		TEST(without_entropy_the_lowest_place_is_taken_and_the_fdts_seed_kept),
		TEST(a_seed_stays_in_firmwares_fdt_only_where_firmware_goes_on),
		TEST(what_goes_back_to_firmware_has_no_seed_in_it),
		TEST(nokaslr_takes_the_lowest_place),
		TEST(where_2_mib_do_not_fit_64_kib_alignment_does),
		TEST(without_room_for_the_image_firmware_gets_an_error),
		TEST(places_that_firmware_keeps_back_are_tried_a_few_times_only),
		TEST(whichever_allocation_fails_is_said_and_nothing_is_kept),
		TEST(what_the_cpu_cannot_reach_is_not_used),
		TEST(a_plan_that_cannot_be_made_is_said_while_there_is_a_screen),
		TEST(quiet_keeps_the_report_off_the_screen),
		TEST(the_fdts_own_command_line_counts_where_load_options_have_none),
		TEST(reservations_of_the_fdt_reach_the_kernel),
		TEST(the_image_is_kept_out_of_what_the_fdt_reserves),
		TEST(without_fdt_and_acpi_firmware_gets_an_error),
		TEST(a_corrupt_fdt_is_named_as_the_reason),
		TEST(tables_of_acpi_that_are_refused_are_named),
		TEST(a_console_of_acpis_without_a_driver_is_said_with_advice),
		TEST(advice_is_for_those_who_need_it),
		TEST(a_broken_table_is_said_with_what_it_would_have_given),
		TEST(an_fdt_with_little_but_chosen_does_not_stand_for_the_machine),
		TEST(any_damage_to_the_fdt_ends_in_a_boot_or_an_error),
		TEST(the_screen_of_firmware_is_in_the_kernels_tree),
		TEST(a_screen_that_only_firmware_can_draw_on_is_passed_over),
		TEST(without_a_screen_or_with_too_many_the_boot_goes_on),
		TEST(a_map_that_changes_at_exit_is_asked_for_again),
		TEST(a_map_that_always_changes_gets_an_error),
		TEST(an_exit_that_fails_otherwise_is_not_tried_again),
		TEST(a_map_that_outgrows_every_buffer_gets_an_error),
		TEST(no_memory_is_asked_for_after_the_first_exit_even_for_a_larger_map),
		TEST(a_map_with_a_senseless_stride_gets_an_error),
		TEST(a_map_of_thousands_boots_with_the_largest_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
