// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "map_judge.h"

#define LINK_VA 0xffff800080000000

/* The last thing found wrong. */
static char why[200];

#define CHECK(condition, ...)                                    \
	do {                                                     \
		if (!(condition)) {                              \
			snprintf(why, sizeof(why), __VA_ARGS__); \
			return why;                              \
		}                                                \
	} while (0)

static u64 bits(u64 value, unsigned high, unsigned low)
{
	return value >> low & ((2ul << (high - low)) - 1);
}

/* ---- The registers ---- */

static bool ram_read(void *context, uint64_t pa, uint64_t *word)
{
	const u8 *pointer = machine_pointer(context, pa);

	if (!pointer)
		return false;
	memcpy(word, pointer, sizeof(*word));
	return true;
}

struct judge_half judge_half(const struct fake_machine *machine, bool upper)
{
	static const unsigned tg0[4] = { 12, 16, 14, 0 };
	static const unsigned tg1[4] = { 0, 14, 12, 16 };
	static const unsigned ips[8] = { 32, 36, 40, 42, 44, 48, 52, 0 };
	const struct boot_handoff *handoff = machine->handoff;
	u64 tcr = handoff->plan.registers.tcr;
	struct judge_half half = {
		.tcr = {
			.granule_bits = upper ? tg1[bits(tcr, 31, 30)] : tg0[bits(tcr, 15, 14)],
			.input_bits = 64 - (upper ? bits(tcr, 21, 16) : bits(tcr, 5, 0)),
			.output_bits = ips[bits(tcr, 34, 32)],
			.sh = upper ? bits(tcr, 29, 28) : bits(tcr, 13, 12),
			.upper = upper,
			.ds = bits(tcr, 59, 59),
			/* PARange of the CPU, whatever the command line made of it. */
			.lpa = bits(machine->id[SYSREG_ID_AA64MMFR0_EL1], 3, 0) >= 6,
		},
		.ttbr = upper ? handoff->ttbr1 : handoff->ttbr0,
		.memory = { ram_read, (void *)(uintptr_t)machine },
	};

	return half;
}

static u64 half_start(const struct judge_half *half)
{
	return half->tcr.upper ? -(1ul << half->tcr.input_bits) : 0;
}

static u64 half_end(const struct judge_half *half)
{
	return half->tcr.upper ? 0 : 1ul << half->tcr.input_bits;
}

/* Bytes that a descriptor at @level stands for. */
static u64 level_span(const struct judge_half *half, int level)
{
	unsigned granule = half->tcr.granule_bits;

	return 1ul << (granule + (unsigned)(3 - level) * (granule - 3));
}

/* KASAN's region: an eighth of the upper half, up to the middle of what Linux falls back to. */
static u64 shadow_end(const struct judge_half *half)
{
	unsigned fallback = half->tcr.granule_bits == 14 ? 47 : 48;

	return -(1ul << ((half->tcr.input_bits < fallback ? half->tcr.input_bits : fallback) - 1));
}

static u64 shadow_start(const struct judge_half *half)
{
	return shadow_end(half) - (1ul << (half->tcr.input_bits - 3));
}

/* Leaves from @va on, up to @end. */
static int leaves_between(const struct judge_half *half, u64 va, u64 end, struct judge_leaf *leaves)
{
	int count = 0;

	do {
		struct ref_result result;
		u64 span;

		/* The shadow is as large as it is, and all the same: judge_shadow(). */
		if (KASAN && half->tcr.upper && va == shadow_start(half))
			va = shadow_end(half);
		result = ref_walk(&half->tcr, half->ttbr, &half->memory, va);
		span = level_span(half, result.level);

		if (result.fault == REF_NO_FAULT) {
			if (count == JUDGE_LEAVES_MAX)
				return -1;
			leaves[count++] = (struct judge_leaf){ va, result };
		} else if (result.fault != REF_TRANSLATION) {
			return -1;
		}
		va = (va | (span - 1)) + 1;
	} while (va - 1 < end - 1);
	return count;
}

int judge_leaves(const struct judge_half *half, struct judge_leaf *leaves)
{
	return leaves_between(half, half_start(half), half_end(half), leaves);
}

/* What the manual reserves, or leaves to the CPU: TxSZ, and IPS 0b110. */
static const char *judge_tcr(const struct fake_machine *machine)
{
	u64 tcr = machine->handoff->plan.registers.tcr;
	u64 parange = bits(machine->id[SYSREG_ID_AA64MMFR0_EL1], 3, 0);
	bool ds = bits(tcr, 59, 59), is_64k = bits(tcr, 15, 14) == 1;
	bool lva = bits(machine->id[SYSREG_ID_AA64MMFR2_EL1], 19, 16) != 0;
	u64 least = (is_64k ? lva : ds) ? 12 : 16;

	CHECK(bits(tcr, 7, 7) == 0 && bits(tcr, 23, 23) == 0, "TCR %#lx forbids walks", tcr);
	CHECK(bits(tcr, 5, 0) >= least && bits(tcr, 21, 16) >= least, "TCR %#lx: TxSZ", tcr);
	CHECK(bits(tcr, 34, 32) <= parange, "TCR %#lx: IPS above PARange", tcr);
	CHECK(bits(tcr, 34, 32) < 6 || ds || is_64k, "TCR %#lx: IPS 6 without DS", tcr);
	CHECK(!ds || !is_64k, "TCR %#lx: DS with 64K pages", tcr);
	return NULL;
}

static const char *judge_registers(const struct fake_machine *machine)
{
	const struct boot_handoff *handoff = machine->handoff;
	const struct mmu_registers *registers = &handoff->plan.registers;
	u64 ttbr[2] = { handoff->ttbr0, handoff->ttbr1 };
	u64 root[2] = { handoff->idmap_root.value, handoff->kernel_root.value };
	u64 sw = handoff->id[SYSREG_ARM64_SW];
	bool wxn_off = bits(sw, 11, 8) != 0 || bits(sw, 7, 4) != 0;

	for (int i = 0; i < 2; i++) {
		/* ASID 63:48 and CnP 0 are zero; roots are pages, so 11:6 are, too. */
		CHECK(bits(ttbr[i], 63, 48) == 0 && bits(ttbr[i], 1, 0) == 0 &&
			      bits(ttbr[i], 11, 6) == 0,
		      "TTBR%d %#lx has bits that are not an address", i, ttbr[i]);
		CHECK((bits(ttbr[i], 5, 2) << 48 | bits(ttbr[i], 47, 12) << 12) == root[i],
		      "TTBR%d %#lx is not the root at %#lx", i, ttbr[i], root[i]);
	}
	CHECK(bits(registers->sctlr, 0, 0) == 1, "SCTLR %#lx leaves the MMU off", registers->sctlr);
	CHECK(bits(registers->sctlr, 19, 19) == !wxn_off, "SCTLR %#lx: WXN", registers->sctlr);
	CHECK(bits(registers->mair, 7, 0) == 0xff, "MAIR %#lx: index 0", registers->mair);
	return judge_tcr(machine);
}

/* ---- The leaves ---- */

struct expected {
	u64 start, end; /* of the segment */
	bool write, execute;
};

/* All of the identity map: the entry code, to the end of the page that its last byte is in. */
static struct expected expect_entry(const struct fake_machine *machine,
				    const struct judge_half *half)
{
	u64 pa = machine->image.pa.value, page = 1ul << half->tcr.granule_bits;
	u64 last = pa + machine->image.entry.end - 1;
	struct expected expected = { .start = pa + machine->image.entry.start,
				     .end = (last | (page - 1)) + 1,
				     .execute = true };

	return expected;
}

/* A segment of the image in the kernel's map. */
static struct expected expect(const struct fake_machine *machine, u64 base, int segment)
{
	static const bool write[SEGMENT_COUNT] = { [SEGMENT_DATA] = true };
	static const bool execute[SEGMENT_COUNT] = {
		[SEGMENT_TEXT] = true,
		[SEGMENT_INIT_TEXT] = true,
	};
	bool rodata_off = bits(machine->handoff->id[SYSREG_ARM64_SW], 7, 4) != 0;
	struct expected expected = {
		.start = base + machine->image.segment[segment].start,
		.end = base + machine->image.segment[segment].end,
		.write = write[segment] || rodata_off,
		.execute = execute[segment],
	};

	return expected;
}

/* Aligned in both address spaces, and all of it in the segment. */
static bool fits(const struct expected *expected, const struct judge_leaf *leaf, u64 size)
{
	u64 start = leaf->va & ~(size - 1);

	return (leaf->va - leaf->result.pa) % size == 0 && start >= expected->start &&
	       start + size <= expected->end;
}

/* Bytes of a contiguous run: DDI 0487 table D8-36 and following; 0 where there is none. */
static u64 run_size(const struct judge_half *half, int level)
{
	static const unsigned entries[3][2] = { { 16, 16 }, { 32, 128 }, { 32, 32 } };

	if (level < 2)
		return 0;
	return level_span(half, level) * entries[half->tcr.granule_bits / 2 - 6][level - 2];
}

static const char *judge_leaf(const struct fake_machine *machine, const struct judge_half *half,
			      const struct expected *expected, const struct judge_leaf *leaf)
{
	const struct ref_result *result = &leaf->result;
	bool guarded = half->tcr.upper && machine->handoff->plan.bti && expected->execute;
	bool global = !half->tcr.upper || !bits(machine->handoff->plan.registers.tcr, 22, 22);
	u64 run = run_size(half, result->level);

	CHECK(leaf->va + result->size <= expected->end, "%#lx: leaf leaves its segment", leaf->va);
	CHECK(result->el1_write == expected->write && result->el1_execute == expected->execute,
	      "%#lx: write %d execute %d", leaf->va, result->el1_write, result->el1_execute);
	CHECK(!result->el0_read && !result->el0_write && !result->el0_execute,
	      "%#lx: EL0 may do something", leaf->va);
	CHECK(result->attr_index == 0 && result->sh == 3 && result->global == global,
	      "%#lx: attributes %u, shareability %u, global %d", leaf->va, result->attr_index,
	      result->sh, result->global);
	CHECK(result->guarded == guarded, "%#lx: guarded %d", leaf->va, result->guarded);
	CHECK(result->level > 2 ? !fits(expected, leaf, level_span(half, 2)) :
				  !fits(expected, leaf, level_span(half, 1)),
	      "%#lx: a larger leaf would fit", leaf->va);
	CHECK(result->contiguous == (run != 0 && fits(expected, leaf, run)), "%#lx: contiguous %d",
	      leaf->va, result->contiguous);
	return NULL;
}

/* The last byte is where the first one says. */
static const char *judge_last_byte(const struct judge_half *half, const struct judge_leaf *leaf)
{
	u64 last = leaf->result.size - 1;
	struct ref_result result = ref_walk(&half->tcr, half->ttbr, &half->memory, leaf->va + last);

	CHECK(result.fault == REF_NO_FAULT && result.pa == leaf->result.pa + last,
	      "%#lx: translates to %#lx", leaf->va + last, result.pa);
	return NULL;
}

/*
 * The leaves of one stretch, and nothing between them: @leaves, of which @count are left. Moves
 * both on.
 */
static const char *judge_stretch(const struct fake_machine *machine, const struct judge_half *half,
				 const struct expected *expected, const struct judge_leaf **leaves,
				 int *count)
{
	u64 to_pa = half->tcr.upper ?
			    machine->image.pa.value - machine->handoff->plan.image_va.value :
			    0;
	u64 va = expected->start;

	while (va != expected->end) {
		const struct judge_leaf *leaf = *leaves;
		const char *wrong;

		CHECK(*count > 0, "nothing is mapped from %#lx on", va);
		CHECK(leaf->va == va && leaf->result.pa == va + to_pa,
		      "%#lx maps to %#lx, where %#lx to %#lx should come next", leaf->va,
		      leaf->result.pa, va, va + to_pa);
		wrong = judge_leaf(machine, half, expected, leaf);
		if (!wrong)
			wrong = judge_last_byte(half, leaf);
		if (wrong)
			return wrong;
		va += leaf->result.size;
		(*leaves)++;
		(*count)--;
	}
	return NULL;
}

static const char *judge_half_map(const struct fake_machine *machine, bool upper, bool all)
{
	static struct judge_leaf leaves[JUDGE_LEAVES_MAX];
	const struct judge_leaf *next = leaves;
	struct judge_half half = judge_half(machine, upper);
	u64 base = upper ? machine->handoff->plan.image_va.value : machine->image.pa.value;
	int count = all ? judge_leaves(&half, leaves) :
			  leaves_between(&half, base, base + machine->image.size, leaves);
	const char *wrong = NULL;

	CHECK(count >= 0, "a walk of the %s half failed", upper ? "upper" : "lower");
	for (int segment = 0; segment < (upper ? SEGMENT_COUNT : 1) && !wrong; segment++) {
		struct expected expected = upper ? expect(machine, base, segment) :
						   expect_entry(machine, &half);

		wrong = judge_stretch(machine, &half, &expected, &next, &count);
	}
	if (wrong)
		return wrong;
	CHECK(count == 0, "%#lx is mapped, and should not be", next->va);
	return NULL;
}

/* ---- The shadow ---- */

/* The first level of whose spans one is all shadow. */
static int shadow_level(const struct judge_half *half, int root)
{
	int level = root;

	for (; level < 3; level++) {
		u64 span = level_span(half, level);
		u64 first = (shadow_start(half) + span - 1) / span * span;

		if (first >= shadow_start(half) && shadow_end(half) - first >= span &&
		    shadow_end(half) > first)
			break;
	}
	return level;
}

/* Where it is in the tables at all: at both ends, in between, and outside at both. */
static const char *judge_shadow_page(const struct judge_half *half, u64 page)
{
	u64 start = shadow_start(half), end = shadow_end(half), size = end - start;
	struct ref_result result;

	for (u64 i = 0; i < 64; i++) {
		u64 va = start + size / 64 * i + (i * 0x9e3779b97f4a7c15 >> 20) % (size / 64);

		va = i == 0 ? start : i == 63 ? end - 1 : va;
		result = ref_walk(&half->tcr, half->ttbr, &half->memory, va);
		CHECK(result.fault == REF_NO_FAULT && result.level == 3, "%#lx: no shadow", va);
		CHECK(result.pa - (va & ((1ul << half->tcr.granule_bits) - 1)) == page,
		      "%#lx: shadow at %#lx", va, result.pa);
		CHECK(result.el1_write && !result.el1_execute && !result.el0_read &&
			      !result.el0_execute && result.attr_index == 0 && result.sh == 3,
		      "%#lx: attributes of shadow", va);
	}
	result = ref_walk(&half->tcr, half->ttbr, &half->memory, start - 1);
	CHECK(result.fault == REF_TRANSLATION, "%#lx: mapped before the shadow", start - 1);
	return NULL;
}

/*
 * One page, one table a level below the root, all of whose entries are the same; and what is only
 * there because the region ends within a table. So it is as much memory whatever the address size.
 */
static const char *judge_shadow(const struct fake_machine *machine)
{
	static struct ref_tables tables;
	struct judge_half half = judge_half(machine, true);
	u64 granule = 1ul << half.tcr.granule_bits;
	const struct table_pool *pool = &machine->handoff->pool;
	u64 used = (pool->next.value - pool->start.value) / granule;
	struct ref_result first;
	int uniform = 0;
	unsigned counted;
	const char *wrong;

	CHECK(ref_tables(&half.tcr, half.ttbr, &half.memory, &tables), "tables of no sense");
	counted = tables.count;
	for (unsigned i = 0; i < tables.count; i++) {
		uniform += tables.table[i].uniform;
		CHECK(i == 0 || tables.table[i].links > 0, "a table that nobody leads to");
		CHECK(tables.table[i].links <= 1 || tables.table[i].uniform,
		      "the table at %#lx is shared, and not all the same", tables.table[i].pa);
	}
	CHECK(uniform == 3 - shadow_level(&half, tables.table[0].level),
	      "%d shared tables below level %d", uniform, tables.table[0].level);
	first = ref_walk(&half.tcr, half.ttbr, &half.memory, shadow_start(&half));
	wrong = judge_shadow_page(&half, first.pa);
	if (wrong)
		return wrong;
	half = judge_half(machine, false);
	CHECK(ref_tables(&half.tcr, half.ttbr, &half.memory, &tables), "tables of no sense");
	counted += tables.count;
	CHECK(used == counted + 1, "%lu of the pool used, %u tables and a page", used, counted);
	return NULL;
}

const char *judge_maps(const struct fake_machine *machine, bool all)
{
	const char *wrong = judge_registers(machine);

	if (KASAN && !wrong)
		wrong = judge_shadow(machine);

	if (!wrong)
		wrong = judge_half_map(machine, false, all);
	if (!wrong)
		wrong = judge_half_map(machine, true, all);
	return wrong;
}

/* ---- Memory ---- */

/* The image's file as it must be now: filling, relocations, relocated words, a function. */
static const char *judge_relocation(const struct fake_machine *machine)
{
	static u8 expected[MIB(16)];
	const struct image *image = &machine->image;
	u8 *table = expected + image->rela.start;
	u64 delta = machine->handoff->plan.image_va.value - LINK_VA;

	CHECK(image->bss.start <= sizeof(expected), "the image is too large for the judge");
	memset(expected, 0x5a, image->bss.start);
	for (unsigned i = 0; i < FAKE_RELA_COUNT; i++, table += 24) {
		u64 entry[3] = { LINK_VA + machine->rela[i].word, 1027, machine->rela[i].addend };
		u64 word = machine->rela[i].addend + delta;

		memcpy(table, entry, sizeof(entry));
		memcpy(expected + machine->rela[i].word, &word, sizeof(word));
	}
	machine_put_function(image, expected, !machine->handoff->plan.pac);
	for (u32 at = 0; at < image->bss.start; at++)
		CHECK(machine->ram[machine->setup.image_offset + at] == expected[at],
		      "the image's byte %#x is not what relocation and patching leave", at);
	return NULL;
}

/* The same tree, made with a seed of zero. */
static const char *judge_fdt(const struct fake_machine *machine)
{
	static u64 blob[FAKE_FDT_MAX / sizeof(u64)];
	struct fake_fdt description = machine->setup.fdt;

	description.seed = 0;
	description.stray_wiped = true;
	CHECK(fake_fdt_build(&description, blob, sizeof(blob)) == machine->fdt_size, "FDT size");
	CHECK(memcmp(machine->cache + machine->setup.fdt_offset, blob, machine->fdt_size) == 0,
	      "the FDT is not what it was with its seed wiped");
	return NULL;
}

static const char *judge_poison(const struct fake_machine *machine, u64 start, u64 end)
{
	for (u64 at = start; at < end; at++)
		CHECK(machine->ram[at] == machine->setup.poison, "the byte at %#lx was written",
		      machine->setup.ram_start + at);
	return NULL;
}

static const char *judge_no_seed(const struct fake_machine *machine, const u8 *bytes, u64 seed)
{
	for (u64 at = 0; at <= machine->setup.ram_size - sizeof(u64); at++) {
		u64 word;

		memcpy(&word, bytes + at, sizeof(word));
		CHECK(word != seed && word != __builtin_bswap64(seed), "a seed is still at %#lx",
		      machine->setup.ram_start + at);
	}
	return NULL;
}

/* No eight bytes anywhere are a seed, in either byte order, in memory or in a cache. */
static const char *judge_seed(const struct fake_machine *machine)
{
	u64 seed = machine->setup.fdt.seed, stray = machine->setup.fdt.stray_seed;
	const char *wrong = NULL;

	if (stray != 0)
		wrong = judge_no_seed(machine, machine->ram, stray) ?:
				judge_no_seed(machine, machine->cache, stray);
	if (wrong || !machine->setup.fdt.has_seed)
		return wrong;
	wrong = judge_no_seed(machine, machine->ram, seed) ?:
			judge_no_seed(machine, machine->cache, seed);
	if (wrong)
		return wrong;
	CHECK(machine->key.low != seed && machine->key.high != seed, "the seed is the key");
	return NULL;
}

const char *judge_published(const struct fake_machine *machine)
{
	u64 pa;

	CHECK(!machine_stale(machine, &pa), "the cache has an old line at %#lx", pa);
	CHECK(machine->lines_lost == 0, "%u dirty lines were thrown away", machine->lines_lost);
	CHECK(machine->lines_stray == 0, "%u lines outside RAM", machine->lines_stray);
	return NULL;
}

const char *judge_memory(const struct fake_machine *machine)
{
	u64 image = machine->setup.image_offset, fdt = machine->setup.fdt_offset;
	u64 image_end = image + machine->image.size, fdt_end = fdt + machine->fdt_size;
	u64 pool_used = machine->handoff->pool.next.value - machine->setup.ram_start;
	const struct boot_facts *facts = &machine->handoff->facts;
	u64 list = facts->lists.value - machine->setup.ram_start;
	u64 line = list + offsetof(struct boot_lists, command_line);
	u64 line_end = line + (facts->command_line_length ? facts->command_line_length + 1 : 0);
	bool fdt_first = fdt < image;
	const char *wrong = judge_relocation(machine);

	if (!wrong)
		wrong = judge_fdt(machine);
	if (!wrong)
		wrong = judge_poison(machine, 0, fdt_first ? fdt : image);
	if (!wrong)
		wrong = judge_poison(machine, fdt_first ? fdt_end : image_end,
				     fdt_first ? image : fdt);
	if (!wrong)
		wrong = judge_poison(machine, fdt_first ? image_end : fdt_end,
				     machine->setup.ram_size);
	if (!wrong)
		wrong = judge_poison(machine, pool_used, line);
	if (!wrong)
		wrong = judge_poison(machine, line_end, image_end);
	if (!wrong)
		wrong = judge_seed(machine);
	return wrong ? wrong : judge_published(machine);
}
