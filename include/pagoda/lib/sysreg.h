/* SPDX-License-Identifier: MIT */
/*
 * System registers as data: what arch/arm64/cpu/sysreg.tbl says, as constants and as tables to look
 * names up in. Pure: reads no register. The tables hold characters, not pointers, so that the early
 * runtime may read them before the image is relocated.
 */
#ifndef PAGODA_SYSREG_H
#define PAGODA_SYSREG_H

#include <generated/sysreg.h>

#ifndef __ASSEMBLER__

#include <pagoda/types.h>

struct sysreg_desc {
	char name[20];
	char option[16]; /* its name on the command line; empty where it has none */
	u16 first_field, field_count;
};

struct sysreg_field {
	char name[16];
	u8 shift, width;
	bool is_signed;
	u16 first_value, value_count;
};

struct sysreg_value {
	u8 value;
	char text[60];
};

/* Hidden: GCC would take the address of an extern array from a GOT, which nobody has relocated. */
#pragma GCC visibility push(hidden)
extern const struct sysreg_desc sysreg_table[SYSREG_COUNT];
extern const struct sysreg_field sysreg_fields[];
extern const struct sysreg_value sysreg_values[];
#pragma GCC visibility pop

/* The unsigned content of the field NAME_FIELD in @value; NAME_FIELD has _SHIFT and _MASK. */
#define SYSREG_GET(field, value) (((u64)(value) & (u64)field##_MASK) >> field##_SHIFT)

/* @content placed at NAME_FIELD, to be ORed into a register value. */
#define SYSREG_PUT(field, content) (((u64)(content) << field##_SHIFT) & (u64)field##_MASK)

/* dcache_line_size() - in bytes, of the smallest of all data caches, by the CPU's CTR_EL0. */
static inline u64 dcache_line_size(u64 ctr)
{
	return sizeof(u32) << SYSREG_GET(CTR_EL0_DMINLINE, ctr);
}

/*
 * sysreg_field_get() - the content of @field in @value, as a number that compares in the order of
 * the feature: sign-extended where the Arm ARM makes the field signed (0xf is -1, "not there").
 */
int sysreg_field_get(const struct sysreg_field *field, u64 value);

/* sysreg_field_put() - @value with the lowest bits of @content, as many as it has, in @field. */
static inline u64 sysreg_field_put(const struct sysreg_field *field, u64 value, unsigned content)
{
	u64 mask = ~(u64)0 >> (64 - field->width) << field->shift;

	return (value & ~mask) | ((u64)content << field->shift & mask);
}

/*
 * sysreg_value_text() - the words for the content of @field in @value; a null pointer where the
 * table has none.
 */
const char *sysreg_value_text(const struct sysreg_field *field, u64 value);

/* serror_str() - what @syndrome, of ESR or DISR_EL1, says of an SError. */
const char *serror_str(u64 syndrome);

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_SYSREG_H */
