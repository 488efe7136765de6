// SPDX-License-Identifier: MIT
/*
 * The reference walker: follows the manual's rules one by one, in the manual's order and with its
 * numbers, and cares for nothing else. Host only; may not include anything of Pagoda's.
 */
#include "ref_walker.h"

#define FINAL_LEVEL 3

static uint64_t field(uint64_t word, unsigned high, unsigned low)
{
	return (word >> low) & ((2ull << (high - low)) - 1);
}

static bool bit(uint64_t word, unsigned number)
{
	return word >> number & 1;
}

/* Each level resolves as many bits as a granule of 8-byte descriptors can index. */
static unsigned stride(const struct ref_tcr *tcr)
{
	return tcr->granule_bits - 3;
}

static unsigned index_low(const struct ref_tcr *tcr, int level)
{
	return (unsigned)(FINAL_LEVEL - level) * stride(tcr) + tcr->granule_bits;
}

static int start_level(const struct ref_tcr *tcr)
{
	return FINAL_LEVEL - (int)((tcr->input_bits - 1 - tcr->granule_bits) / stride(tcr));
}

/* TxSZ between 39 and 16, or 12 with DS and with 64K pages (FEAT_LVA taken as there). */
static bool input_size_valid(const struct ref_tcr *tcr)
{
	unsigned most = tcr->ds || tcr->granule_bits == 16 ? 52 : 48;

	return tcr->input_bits >= 25 && tcr->input_bits <= most;
}

/* Every bit from the input size up equals bit 55; no tags. */
static bool va_in_range(const struct ref_tcr *tcr, uint64_t va)
{
	uint64_t top = field(va, 63, tcr->input_bits);

	return top == (tcr->upper ? field(UINT64_MAX, 63, tcr->input_bits) : 0);
}

/* 52-bit output addresses are in use: where TTBR keeps BADDR changes with it. */
static bool wide_output(const struct ref_tcr *tcr)
{
	return tcr->ds || (tcr->granule_bits == 16 && tcr->lpa && tcr->output_bits == 52);
}

/* BADDR, taken as aligned to the size of the table, and to 64 bytes at least if wide. */
static uint64_t root_base(const struct ref_tcr *tcr, uint64_t ttbr)
{
	unsigned align = tcr->input_bits - index_low(tcr, start_level(tcr)) + 3;
	uint64_t base;

	if (wide_output(tcr)) {
		base = field(ttbr, 5, 2) << 48 | field(ttbr, 47, 6) << 6;
		align = align < 6 ? 6 : align;
	} else {
		base = field(ttbr, 47, 1) << 1;
	}
	return base >> align << align;
}

/* The output address or next table of a descriptor, bits below @low zero. */
static uint64_t descriptor_address(const struct ref_tcr *tcr, uint64_t descriptor, unsigned low)
{
	uint64_t address;

	if (tcr->ds)
		address = field(descriptor, 9, 8) << 50 | field(descriptor, 49, 12) << 12;
	else if (tcr->granule_bits == 16 && tcr->lpa)
		address = field(descriptor, 15, 12) << 48 | field(descriptor, 47, 16) << 16;
	else
		address = field(descriptor, 47, 12) << 12;
	return address >> low << low;
}

static bool address_in_range(const struct ref_tcr *tcr, uint64_t address)
{
	unsigned most = tcr->ds || (tcr->granule_bits == 16 && tcr->lpa) ? 52 : 48;
	unsigned bits = tcr->output_bits < most ? tcr->output_bits : most;

	return address >> bits == 0;
}

static bool block_supported(const struct ref_tcr *tcr, int level)
{
	switch (tcr->granule_bits) {
	case 12:
		return (level == 0 && tcr->ds) || level == 1 || level == 2;
	case 14:
		return (level == 1 && tcr->ds) || level == 2;
	case 16:
		return (level == 1 && tcr->lpa) || level == 2;
	}
	return false;
}

enum descriptor_type {
	TYPE_INVALID,
	TYPE_TABLE,
	TYPE_LEAF
};

static enum descriptor_type descriptor_type(const struct ref_tcr *tcr, uint64_t descriptor,
					    int level)
{
	switch (field(descriptor, 1, 0)) {
	case 3:
		return level == FINAL_LEVEL ? TYPE_LEAF : TYPE_TABLE;
	case 1:
		return block_supported(tcr, level) ? TYPE_LEAF : TYPE_INVALID;
	}
	return TYPE_INVALID;
}

/* log2 of the descriptors in a contiguous run; negative where bit 52 is RES0. */
static int contiguous_order(const struct ref_tcr *tcr, int level)
{
	switch (tcr->granule_bits) {
	case 12:
		return level >= 1 ? 4 : -1;
	case 14:
		return level == 3 ? 7 : level == 2 ? 5 : -1;
	case 16:
		return level >= 2 ? 5 : -1;
	}
	return -1;
}

/* A contiguous run larger than the whole input range is a programming error, and faults. */
static bool contiguous_fits(const struct ref_tcr *tcr, int level)
{
	return index_low(tcr, level) + (unsigned)contiguous_order(tcr, level) <= tcr->input_bits;
}

/* Direct permissions, reduced by what the tables above say (APTable, PXNTable, UXNTable). */
static void permissions(struct ref_result *result, uint64_t descriptor)
{
	uint64_t tables = result->table_attributes;
	bool read_only = bit(descriptor, 7) || bit(tables, 62);
	bool el0 = bit(descriptor, 6) && !bit(tables, 61);
	bool pxn = bit(descriptor, 53) || bit(tables, 59);
	bool uxn = bit(descriptor, 54) || bit(tables, 60);

	result->el1_write = !read_only;
	result->el0_read = el0;
	result->el0_write = el0 && !read_only;
	/* What EL0 can write, EL1 never executes. */
	result->el1_execute = !pxn && !result->el0_write;
	result->el0_execute = !uxn;
}

static void leaf(const struct ref_tcr *tcr, struct ref_result *result, uint64_t descriptor,
		 uint64_t va)
{
	unsigned low = index_low(tcr, result->level);
	uint64_t base = descriptor_address(tcr, descriptor, low);

	result->contiguous = bit(descriptor, 52) && contiguous_order(tcr, result->level) > 0;
	if (result->contiguous && !contiguous_fits(tcr, result->level))
		result->fault = REF_TRANSLATION;
	else if (!address_in_range(tcr, base))
		result->fault = REF_ADDRESS_SIZE;
	else if (!bit(descriptor, 10))
		result->fault = REF_ACCESS_FLAG;
	result->size = 1ull << low;
	result->pa = base | field(va, low - 1, 0);
	result->attr_index = field(descriptor, 4, 2);
	result->sh = tcr->ds ? tcr->sh : field(descriptor, 9, 8);
	result->global = !bit(descriptor, 11);
	result->guarded = bit(descriptor, 50);
	permissions(result, descriptor);
}

struct ref_result ref_walk(const struct ref_tcr *tcr, uint64_t ttbr,
			   const struct ref_memory *memory, uint64_t va)
{
	struct ref_result result = { .fault = REF_TRANSLATION, .level = 0 };
	unsigned high = tcr->input_bits - 1;
	uint64_t table, descriptor;

	if (!input_size_valid(tcr) || !va_in_range(tcr, va))
		return result;
	table = root_base(tcr, ttbr);
	result.fault = address_in_range(tcr, table) ? REF_NO_FAULT : REF_ADDRESS_SIZE;
	result.level = result.fault == REF_NO_FAULT ? start_level(tcr) : 0;
	for (; result.fault == REF_NO_FAULT; result.level++) {
		unsigned low = index_low(tcr, result.level);
		enum descriptor_type type;

		if (!memory->read(memory->context, table + 8 * field(va, high, low), &descriptor)) {
			result.fault = REF_EXTERNAL;
			break;
		}
		result.steps++;
		type = descriptor_type(tcr, descriptor, result.level);
		if (type == TYPE_LEAF)
			leaf(tcr, &result, descriptor, va);
		if (type == TYPE_INVALID)
			result.fault = REF_TRANSLATION;
		if (type != TYPE_TABLE)
			break;
		result.table_attributes |= field(descriptor, 63, 59) << 59;
		table = descriptor_address(tcr, descriptor, tcr->granule_bits);
		if (!address_in_range(tcr, table)) {
			result.fault = REF_ADDRESS_SIZE;
			break;
		}
		high = low - 1;
	}
	return result;
}

/* Note that a descriptor leads to @pa, at @level; false where that cannot be. */
static bool tables_note(struct ref_tables *tables, uint64_t pa, int level, unsigned links)
{
	for (unsigned i = 0; i < tables->count; i++)
		if (tables->table[i].pa == pa) {
			tables->table[i].links += links;
			return tables->table[i].level == level;
		}
	if (tables->count == REF_TABLES_MAX)
		return false;
	tables->table[tables->count].pa = pa;
	tables->table[tables->count].level = level;
	tables->table[tables->count].links = links;
	tables->table[tables->count].uniform = true;
	tables->count++;
	return true;
}

/* Those that come to the end of the list meanwhile are looked at in their turn. */
bool ref_tables(const struct ref_tcr *tcr, uint64_t ttbr, const struct ref_memory *memory,
		struct ref_tables *tables)
{
	tables->count = 0;
	if (!tables_note(tables, root_base(tcr, ttbr), start_level(tcr), 0))
		return false;
	for (unsigned i = 0; i < tables->count; i++) {
		int level = tables->table[i].level;
		unsigned index_bits = level == start_level(tcr) ?
					      tcr->input_bits - index_low(tcr, level) :
					      stride(tcr);
		uint64_t descriptor, first = 0;

		for (unsigned entry = 0; entry < 1u << index_bits; entry++) {
			uint64_t pa = tables->table[i].pa + 8 * (uint64_t)entry;

			if (!memory->read(memory->context, pa, &descriptor))
				return false;
			if (entry == 0)
				first = descriptor;
			if (descriptor != first ||
			    descriptor_type(tcr, descriptor, level) == TYPE_INVALID)
				tables->table[i].uniform = false;
			if (descriptor_type(tcr, descriptor, level) == TYPE_TABLE &&
			    !tables_note(tables,
					 descriptor_address(tcr, descriptor, tcr->granule_bits),
					 level + 1, 1))
				return false;
		}
	}
	return true;
}
