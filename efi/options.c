// SPDX-License-Identifier: MIT
/*
 * The command line from load options: what a boot entry of the firmware, its shell or another
 * loader passes to an EFI application.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/efi/efi_stub.h>
#include <pagoda/kernel/handoff/options.h>

static const struct efi_guid loaded_image_guid = {
	0x5b1b31a1, 0x9562, 0x11d2, { 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b }
};

static const struct efi_guid shell_parameters_guid = {
	0x752f3136, 0x4e16, 0x4fdc, { 0xa2, 0x2a, 0xe5, 0xf4, 0x68, 0x12, 0xf4, 0xca }
};

/* What a UCS-2 character becomes: white space a blank, and '?' what a terminal might obey. */
static char to_ascii(u16 wide, u32 *replaced)
{
	if (wide == '\t' || wide == '\n' || wide == '\r')
		return ' ';
	if (wide >= ' ' && wide <= '~')
		return (char)wide;
	(*replaced)++;
	return '?';
}

struct efi_text efi_text_convert(char *to, u32 room, const void *from, u32 size)
{
	struct efi_text text = { 0, 0, false };
	const u8 *bytes = from;

	for (; size >= sizeof(u16); size -= sizeof(u16), bytes += sizeof(u16)) {
		u16 wide = (u16)(bytes[0] | bytes[1] << 8);

		if (wide == 0)
			break;
		if (text.length == room) {
			text.cut = true;
			break;
		}
		to[text.length++] = to_ascii(wide, &text.replaced);
	}
	to[text.length] = '\0';
	return text;
}

/* Text of 8-bit characters, more than one, with nothing but NULs behind it. */
static bool is_narrow(const u8 *bytes, u32 size)
{
	u32 lost = 0;

	while (size > 0 && bytes[size - 1] == 0)
		size--;
	for (u32 i = 0; i < size; i++)
		to_ascii(bytes[i], &lost);
	return size > 1 && lost == 0;
}

/*
 * Whether @text, from the @size bytes at @from, is a command line. Not where three characters in
 * four are not ASCII: some firmware passes numbers or a structure of its own to what it starts by
 * itself, and some loaders 8-bit text, of which each two characters are one here.
 */
static bool is_command_line(const struct efi_text *text, const void *from, u32 size)
{
	return 4 * text->replaced < 3 * text->length && !is_narrow(from, size);
}

u32 efi_first_word(const char *text)
{
	bool quoted = false;
	u32 length = 0;

	for (; text[length] != '\0' && (quoted || text[length] != ' '); length++)
		quoted ^= text[length] == '"';
	while (text[length] == ' ')
		length++;
	return length;
}

/* One parser decides what the words mean: here it is asked about the only one that concerns us. */
static bool asks_nokaslr(const char *command_line, u32 length)
{
	struct boot_options options = { 0 };
	u64 id[SYSREG_FACT_COUNT] = { 0 };

	options_parse(&options, id, command_line, length);
	return SYSREG_GET(ARM64_SW_NOKASLR, id[SYSREG_ARM64_SW]) != 0;
}

/* UEFI's shell passes the whole line, program name included; it says so by this protocol. */
static bool started_by_shell(struct efi_stub *stub)
{
	void *parameters;

	return stub->boot->handle_protocol(stub->handle, &shell_parameters_guid, &parameters) ==
	       EFI_SUCCESS;
}

static efi_status_t convert(struct efi_stub *stub, const struct efi_loaded_image *loaded)
{
	u32 size = loaded->load_options_size;
	u32 room = (u32)min_u64(size / sizeof(u16), EFI_OPTIONS_MAX);
	efi_status_t status;
	struct efi_text text;
	char *line;
	u32 skip;

	status = efi_allocate(stub, &stub->options_pages, EFI_LOADER_DATA, room + 1);
	if (status != EFI_SUCCESS) {
		efi_say(stub, "no memory for load options of %u bytes: %s", size,
			efi_status_str(status));
		return status;
	}
	line = (char *)(uintptr_t)stub->options_pages.start;
	text = efi_text_convert(line, room, loaded->load_options, size);
	if (text.length == 0)
		return EFI_SUCCESS;
	if (!is_command_line(&text, loaded->load_options, (u32)sizeof(u16) * room)) {
		efi_say(stub, "load options of %u bytes are no text of 16-bit characters: ignored",
			size);
		return EFI_SUCCESS;
	}
	if (text.replaced != 0)
		efi_say(stub, "%u characters of the load options are not ASCII, and became '?'",
			text.replaced);
	if (text.cut)
		efi_say(stub, "load options cut after %u characters", room);
	skip = started_by_shell(stub) ? efi_first_word(line) : 0;
	if (skip == text.length)
		return EFI_SUCCESS;
	stub->command_line = line + skip;
	stub->command_line_length = text.length - skip;
	stub->nokaslr = asks_nokaslr(stub->command_line, stub->command_line_length);
	return EFI_SUCCESS;
}

efi_status_t efi_read_options(struct efi_stub *stub)
{
	void *found = NULL;
	const struct efi_loaded_image *loaded;
	efi_status_t status;

	status = stub->boot->handle_protocol(stub->handle, &loaded_image_guid, &found);
	if (status != EFI_SUCCESS) {
		efi_say(stub, "no EFI_LOADED_IMAGE_PROTOCOL, so no load options: %s",
			efi_status_str(status));
		return EFI_SUCCESS;
	}
	loaded = found;
	if (loaded->load_options == NULL || loaded->load_options_size < sizeof(u16))
		return EFI_SUCCESS;
	return convert(stub, loaded);
}
