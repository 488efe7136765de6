// SPDX-License-Identifier: MIT
/*
 * EFI load options, any bytes of any number: what becomes of them is text of printable characters,
 * the same that a reader of UCS-2 gets, without the program's name where UEFI's shell put it there,
 * or nothing where they are hardly text; what was lost is said. Host only.
 *
 *   input   flags, alignment, then the options
 */
#include <pagoda/efi/efi_stub.h>
#include <pagoda/kernel/handoff/options.h>

#include "fuzz.h"

#define OPTIONS_MAX KIB(80)

enum flag {
	FLAG_SHELL = 1, /* started by UEFI's shell */
	FLAG_NO_MEMORY = 2,
	FLAG_REPEAT = 4, /* the options over and over, to 64 KiB and more */
	FLAG_NO_LOADED_IMAGE = 8,
};

static struct {
	uint8_t flags;
	struct efi_loaded_image loaded;
	char said[1024];
	size_t said_length;
	unsigned allocations;
} firmware;

static efi_status_t allocate_pages(u32 how, u32 type, u64 pages, u64 *address)
{
	void *memory;

	FUZZ_CHECK(how == EFI_ALLOCATE_ANY_PAGES && type == EFI_LOADER_DATA, "pages of %u", type);
	if (firmware.flags & FLAG_NO_MEMORY)
		return EFI_OUT_OF_RESOURCES;
	memory = malloc(pages * EFI_PAGE_SIZE);
	memset(memory, 0xa5, pages * EFI_PAGE_SIZE);
	*address = (u64)(uintptr_t)memory;
	firmware.allocations++;
	return EFI_SUCCESS;
}

static efi_status_t handle_protocol(void *handle, const struct efi_guid *protocol, void **interface)
{
	(void)handle;
	*interface = &firmware.loaded;
	if (protocol->a == 0x5b1b31a1) /* EFI_LOADED_IMAGE_PROTOCOL */
		return firmware.flags & FLAG_NO_LOADED_IMAGE ? EFI_NOT_FOUND : EFI_SUCCESS;
	FUZZ_CHECK(protocol->a == 0x752f3136, "protocol %#x", protocol->a);
	return firmware.flags & FLAG_SHELL ? EFI_SUCCESS : EFI_NOT_FOUND;
}

static efi_status_t output_string(struct efi_text_output *self, const u16 *text)
{
	(void)self;
	for (; *text != 0; text++) {
		bool plain = (*text >= ' ' && *text <= '~') || *text == '\r' || *text == '\n';

		FUZZ_CHECK(plain, "character %#x is said", *text);
		FUZZ_CHECK(firmware.said_length < sizeof(firmware.said) - 1, "too much is said");
		firmware.said[firmware.said_length++] = (char)*text;
	}
	return EFI_SUCCESS;
}

/* What the options are, by a reader of our own. */
static struct {
	char text[OPTIONS_MAX / 2 + 1];
	u32 length, strange;
	bool cut, text_of_bytes;
} expected;

/* Two bytes or more, all of them ASCII, up to the NULs at the end. */
static bool is_text_of_bytes(const u8 *options, u32 size)
{
	u32 length = 0, i;

	for (i = 0; i < size; i++)
		length = options[i] != 0 ? i + 1 : length;
	for (i = 0; i < length && i < size; i++)
		if ((options[i] < 32 || options[i] > 126) && !strchr("\t\n\r", options[i] ?: 'x'))
			return false;
	return length > 1;
}

static void expect(const u8 *options, u32 size)
{
	memset(&expected, 0, sizeof(expected));
	expected.text_of_bytes =
		is_text_of_bytes(options, (u32)min_u64(size / 2 * 2, 2 * EFI_OPTIONS_MAX));
	for (u32 i = 0; i + 1 < size; i += 2) {
		unsigned c = options[i] + 256u * options[i + 1];

		if (c == 0)
			return;
		expected.cut = expected.length == EFI_OPTIONS_MAX;
		if (expected.cut)
			return;
		if (c == 9 || c == 10 || c == 13)
			c = 32;
		expected.strange += c < 32 || c > 126;
		expected.text[expected.length++] = c < 32 || c > 126 ? '?' : (char)c;
	}
}

/* Where a whole boot entry was found, what is left of it: no more than there is, behind a path. */
static void expect_rest(const u8 *options, u32 size)
{
	const char *entry = strstr(firmware.said, "whole boot entry: ");
	u32 rest = size;

	if (entry != NULL) {
		rest = (u32)strtoul(entry + strlen("whole boot entry: "), NULL, 10);
		FUZZ_CHECK(size >= 12 && rest <= size - 12, "%u bytes of %u", rest, size);
		FUZZ_CHECK(memcmp(options + size - rest - 4, "\x7f\xff\4", 4) == 0, "no path");
	}
	expect(options + size - rest, rest);
}

/* Where the second word begins; quotes hold a word together. */
static u32 second_word(void)
{
	unsigned quotes = 0;
	u32 at = 0;

	while (at < expected.length && (expected.text[at] != ' ' || quotes % 2 != 0))
		quotes += expected.text[at++] == '"';
	return at + (u32)strspn(expected.text + at, " ");
}

static void check_line(const struct efi_stub *stub)
{
	u32 skip = firmware.flags & FLAG_SHELL ? second_word() : 0;
	static struct boot_options options;
	u64 id[SYSREG_FACT_COUNT] = { 0 };

	bool text = expected.length > 0 && expected.strange < 0.75 * expected.length &&
		    !expected.text_of_bytes;

	FUZZ_CHECK(!strstr(firmware.said, "ignored") == (text || expected.length == 0), "said: %s",
		   firmware.said);
	if (!text) {
		FUZZ_CHECK(!stub->command_line && !stub->nokaslr, "a command line from no text");
		return;
	}
	FUZZ_CHECK(!strstr(firmware.said, "not ASCII") == (expected.strange == 0), "said: %s",
		   firmware.said);
	FUZZ_CHECK(!strstr(firmware.said, "cut after") == !expected.cut, "said: %s", firmware.said);
	if (skip == expected.length) {
		FUZZ_CHECK(!stub->command_line && !stub->nokaslr, "a command line from nothing");
		return;
	}
	FUZZ_CHECK(stub->command_line && stub->command_line_length == expected.length - skip,
		   "%u characters", stub->command_line_length);
	FUZZ_CHECK(strcmp(stub->command_line, expected.text + skip) == 0, "another text: %s",
		   stub->command_line);
	memset(&options, 0, sizeof(options));
	options_parse(&options, id, expected.text + skip, expected.length - skip);
	FUZZ_CHECK(stub->nokaslr == (SYSREG_GET(ARM64_SW_NOKASLR, id[SYSREG_ARM64_SW]) != 0),
		   "nokaslr is %d", stub->nokaslr);
}

static void check_outcome(const struct efi_stub *stub, efi_status_t status, u32 size)
{
	bool read = size >= 2 && !(firmware.flags & FLAG_NO_LOADED_IMAGE);

	if (read && (firmware.flags & FLAG_NO_MEMORY)) {
		FUZZ_CHECK(status == EFI_OUT_OF_RESOURCES && !stub->command_line &&
				   strstr(firmware.said, "no memory"),
			   "without memory: %s", firmware.said);
		return;
	}
	FUZZ_CHECK(status == EFI_SUCCESS, "status %#lx", status);
	if (read)
		check_line(stub);
	else
		FUZZ_CHECK(!stub->command_line, "a command line from nowhere");
}

/* The options where the input says that they are, in memory of their own size. */
static u8 *place_options(struct fuzz_input *input, uint8_t shift, u32 *size)
{
	u32 repeat = firmware.flags & FLAG_REPEAT && input->size > 0 ? KIB(72) : 0;
	u8 *memory;

	*size = (u32)min_u64(input->size, KIB(8));
	repeat = repeat != 0 ? repeat / *size * *size : *size;
	memory = malloc(repeat + shift);
	for (u32 at = 0; at < repeat; at += *size)
		memcpy(memory + shift + at, input->data, *size);
	*size = repeat;
	return memory;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct efi_boot_services boot = { .allocate_pages = allocate_pages,
					  .handle_protocol = handle_protocol };
	struct efi_text_output output = { .output_string = output_string };
	struct efi_system_table system = { .console_out = &output, .boot_services = &boot };
	struct efi_stub stub = { .system = &system, .boot = &boot };
	efi_status_t status;
	uint8_t shift;
	u32 length;
	u8 *memory;

	memset(&firmware, 0, sizeof(firmware));
	firmware.flags = fuzz_byte(&input);
	shift = fuzz_byte(&input) % 8;
	memory = place_options(&input, shift, &length);
	firmware.loaded.load_options = memory + shift;
	firmware.loaded.load_options_size = length;
	status = efi_read_options(&stub);
	expect_rest(memory + shift, length);
	if (status == EFI_SUCCESS)
		efi_decide(&stub);
	check_outcome(&stub, status, length);
	free(memory);
	FUZZ_CHECK(firmware.allocations == (stub.options_pages.count != 0), "pages are lost");
	if (stub.options_pages.count != 0)
		free((void *)(uintptr_t)stub.options_pages.start);
	return 0;
}
