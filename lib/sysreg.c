// SPDX-License-Identifier: MIT
/*
 * Looking things up in the tables made from arch/arm64/cpu/sysreg.tbl.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/lib/sysreg.h>

static u64 field_content(const struct sysreg_field *field, u64 value)
{
	return value >> field->shift & ~(u64)0 >> (64 - field->width);
}

int sysreg_field_get(const struct sysreg_field *field, u64 value)
{
	u64 content = field_content(field, value);

	if (field->is_signed && (content & BIT(field->width - 1)))
		content -= BIT(field->width);
	return (int)content;
}

const char *sysreg_value_text(const struct sysreg_field *field, u64 value)
{
	const struct sysreg_value *entry = sysreg_values + field->first_value;
	const struct sysreg_value *end = entry + field->value_count;
	u64 content = field_content(field, value);

	for (; entry < end; entry++)
		if (entry->value == content)
			return entry->text;
	return NULL;
}

/* Without FEAT_RAS a syndrome is the CPU's own or none. */
#define DFSC_ASYNCHRONOUS 0x11

const char *serror_str(u64 syndrome)
{
	const char *text;

	if (SYSREG_GET(ESR_EL1_IDS, syndrome) != 0)
		return "in a code of the CPU's own";
	if (SYSREG_GET(ESR_EL1_FSC, syndrome) != DFSC_ASYNCHRONOUS)
		return "of no category";
	text = sysreg_value_text(&sysreg_fields[ESR_EL1_AET_INDEX], syndrome);
	return text ? text : "of a severity Pagoda does not know";
}
