// SPDX-License-Identifier: MIT
/*
 * The command line from load options: what a boot entry of the firmware, its shell or another
 * loader passes to an EFI application.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/efi/efi_stub.h>

/* Of EFI_LOAD_OPTION: byte offsets, the attributes there are, the last node of a device path. */
#define ENTRY_PATH_SIZE 4
#define ENTRY_DESCRIPTION 6
#define ENTRY_ATTRIBUTES 0x1f0bu
#define PATH_END_SIZE 4

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

/* Offset of the first byte behind the text at @at, which ends in a NUL; @size where none is. */
static u32 text_end(const u8 *bytes, u32 size, u32 at)
{
	for (; size - at >= sizeof(u16); at += sizeof(u16))
		if (bytes[at] == 0 && bytes[at + 1] == 0)
			return at + sizeof(u16);
	return size;
}

/*
 * Some firmware passes a boot entry as it is stored, EFI_LOAD_OPTION, in place of the options in
 * it: attributes, the length of the device path, a description, the path, and then the options.
 * Returns where these begin; 0 where this is something else (UEFI 2.10, 3.1.3).
 */
static u32 options_in_entry(const u8 *bytes, u32 size)
{
	u32 path_size, path_end, attributes;
	const u8 *end;

	size = (u32)min_u64(size, 2 * EFI_OPTIONS_MAX);
	if (size < ENTRY_DESCRIPTION)
		return 0;
	attributes = bytes[0] | (u32)bytes[1] << 8 | (u32)bytes[2] << 16 | (u32)bytes[3] << 24;
	path_size = bytes[ENTRY_PATH_SIZE] | (u32)bytes[ENTRY_PATH_SIZE + 1] << 8;
	if ((attributes & ~ENTRY_ATTRIBUTES) != 0 || path_size < PATH_END_SIZE)
		return 0;
	path_end = text_end(bytes, size, ENTRY_DESCRIPTION) + path_size;
	if (path_end > size)
		return 0;
	end = bytes + path_end - PATH_END_SIZE;
	return end[0] == 0x7f && end[1] == 0xff && end[2] == PATH_END_SIZE && end[3] == 0 ?
		       path_end :
		       0;
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

/* UEFI's shell passes the whole line, program name included; it says so by this protocol. */
static bool started_by_shell(struct efi_stub *stub)
{
	void *parameters;

	return stub->boot->handle_protocol(stub->handle, &shell_parameters_guid, &parameters) ==
	       EFI_SUCCESS;
}

static efi_status_t convert(struct efi_stub *stub, const u8 *options, u32 size)
{
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
	text = efi_text_convert(line, room, options, size);
	if (text.length == 0)
		return EFI_SUCCESS;
	if (!is_command_line(&text, options, (u32)sizeof(u16) * room)) {
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
	return EFI_SUCCESS;
}

efi_status_t efi_read_options(struct efi_stub *stub)
{
	void *found = NULL;
	const struct efi_loaded_image *loaded;
	efi_status_t status;
	u32 entry;

	status = stub->boot->handle_protocol(stub->handle, &loaded_image_guid, &found);
	if (status != EFI_SUCCESS) {
		efi_say(stub, "no EFI_LOADED_IMAGE_PROTOCOL, so no load options: %s",
			efi_status_str(status));
		return EFI_SUCCESS;
	}
	loaded = found;
	if (loaded->load_options == NULL || loaded->load_options_size < sizeof(u16))
		return EFI_SUCCESS;
	entry = options_in_entry(loaded->load_options, loaded->load_options_size);
	if (entry != 0)
		efi_say(stub, "load options are a whole boot entry: %u bytes of options in it",
			loaded->load_options_size - entry);
	return convert(stub, (const u8 *)loaded->load_options + entry,
		       loaded->load_options_size - entry);
}
