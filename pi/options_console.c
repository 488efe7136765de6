// SPDX-License-Identifier: MIT
/*
 * Consoles on the command line: earlycon= and console=.
 * Runs in the early runtime with the MMU off, .bss clear, before relocation, and on the host. May
 * not use: absolute addresses, static data that changes.
 */
#include <pagoda/lib/string.h>
#include <pagoda/pi/parser.h>

/* The part of a value before the next comma; @rest is moved past it. */
static struct word part_next(struct word *rest)
{
	struct word part = { .value = rest->value };

	while (part.value_length < rest->value_length && part.value[part.value_length] != ',')
		part.value_length++;
	rest->value += part.value_length;
	rest->value_length -= part.value_length;
	if (rest->value_length > 0) {
		rest->value++;
		rest->value_length--;
	}
	return part;
}

static bool begins_with_digit(const struct word *part)
{
	return part->value_length > 0 && part->value[0] >= '0' && part->value[0] <= '9';
}

/* A buffer's size, behind its address. */
static bool size_parse(struct word *rest, struct serial_kind *kind)
{
	struct word part = part_next(rest);
	u64 size;

	if (!text_size(part.value, part.value_length, &size))
		return false;
	for (u8 shift = TEXT_BUFFER_SHIFT_LEAST; shift <= TEXT_BUFFER_SHIFT_MOST; shift++)
		if (size == BIT(shift))
			kind->reg_shift = shift;
	return kind->reg_shift != 0;
}

/*
 * The rest of a value, behind its type. The address is written to as it is, long before a fault
 * could be reported: what cannot be that of such registers is no address.
 */
static enum override_reason place_parse(struct word *rest, struct serial_kind *kind, u64 *address)
{
	struct word part;

	if (!serial_has_registers(*kind))
		return REASON_NONE;
	part = part_next(rest);
	if (serial_access(part.value, part.value_length, kind))
		part = part_next(rest);
	else if (kind->type == SERIAL_8250 && !begins_with_digit(&part))
		return REASON_BAD_CHOICE; /* ports of a PC */
	if (!text_size(part.value, part.value_length, address) ||
	    (kind->type == SERIAL_BUFFER && !size_parse(rest, kind)) ||
	    !serial_may_be_at(*kind, *address))
		return REASON_BAD_NUMBER;
	return REASON_NONE;
}

/*
 * Nothing, or TYPE,[ACCESS,]ADDRESS[,OPTIONS]: serial_named()'s and serial_access()'s words; of a
 * buffer TYPE,ADDRESS,SIZE, and without registers TYPE alone.
 */
enum override_reason earlycon_parse(struct boot_options *options, const struct word *word)
{
	struct word rest = *word;
	struct word type = part_next(&rest);
	struct serial_kind kind = { 0 };
	u64 address = 0;

	if (word->value_length > 0) {
		enum override_reason reason;

		if (!serial_named(type.value, type.value_length, &kind))
			return REASON_NO_SUCH_CONSOLE;
		reason = place_parse(&rest, &kind, &address);
		if (reason != REASON_NONE)
			return reason;
	}
	options->has_earlycon = true;
	options->earlycon = paddr(address);
	options->earlycon_kind = kind;
	return REASON_NONE;
}

/*
 * ttyAMA and ttyS: the FDT says which device that is, and the port's number has no meaning here.
 * Anything with an address is what earlycon= takes.
 */
enum override_reason console_parse(struct boot_options *options, const struct word *word)
{
	u32 ama = sizeof("ttyAMA") - 1, s = sizeof("ttyS") - 1;

	if ((word->value_length >= ama && text_equal(word->value, ama, "ttyAMA")) ||
	    (word->value_length >= s && text_equal(word->value, s, "ttyS")))
		return REASON_NONE;
	return earlycon_parse(options, word);
}
