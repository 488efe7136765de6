/* SPDX-License-Identifier: MIT */
/*
 * Register fields by name, for tests that have names: the Image knows its fields as it is compiled.
 * Host only.
 */
#ifndef SUPPORT_SYSREG_FIND_H
#define SUPPORT_SYSREG_FIND_H

#include <string.h>

#include <pagoda/lib/sysreg.h>

/* The field of @reg with this @name, in lower case; a null pointer where there is none. */
static inline const struct sysreg_field *sysreg_find_field(enum sysreg reg, const char *name)
{
	const struct sysreg_field *field = sysreg_fields + sysreg_table[reg].first_field;
	const struct sysreg_field *end = field + sysreg_table[reg].field_count;

	for (; field < end; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

#endif /* SUPPORT_SYSREG_FIND_H */
