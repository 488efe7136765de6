// SPDX-License-Identifier: MIT
/*
 * Commands about one address: walk, at, find, read, write. What the tables say by our reading of
 * them, and what the CPU says.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/proc/sched.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/kernel/show/inspect.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/shared.h>
#include <pagoda/lib/text.h>

#include "parts.h"

#define READ_BYTES 64
#define ROW_BYTES 16
#define DEVICE_ACCESS 4 /* registers are 32 bits wide, and a look at one may change it */

/* The space that the CPU walks for @va; null for none. The identity map is not walked any more. */
static const struct space *live_space(const struct kernel *kernel, vaddr_t va)
{
	return pt_contains(&kernel->kernel_space, va) ? &kernel->kernel_space : NULL;
}

u64 par_address(u64 par)
{
	return par & PAR_EL1_PA_MASK;
}

static void show_par(const char *access, u64 par)
{
	const struct sysreg_field *status = &sysreg_fields[ESR_EL1_FSC_INDEX];
	u64 code = SYSREG_GET(PAR_EL1_FST, par);
	const char *text;

	print("  CPU, %s    PAR_EL1 0x%016lx: ", access, par);
	if (SYSREG_GET(PAR_EL1_F, par)) {
		text = sysreg_value_text(status, code);
		print("%s\n", text ? text : "not a code Pagoda knows");
	} else {
		print("page at 0x%016lx\n", par_address(par));
	}
}

/* What the tables say @va is, for a read or a @write; whether it is what the CPU found. */
bool walk_agrees(const struct space *space, vaddr_t va, bool write, u64 par)
{
	bool faults = SYSREG_GET(PAR_EL1_F, par);
	struct pt_entry entry = pt_find(space, va);
	struct pte_info info;
	paddr_t pa;

	if (!pte_is_leaf(entry.kind))
		return faults;
	info = pte_decode(&space->regime, entry.pte, entry.level, entry.table_bits);
	if (!info.accessed || (write && !info.write))
		return faults;
	return !faults && pt_translate(space, va, &pa) &&
	       align_down(pa.value, KIB(4)) == par_address(par);
}

static void show_at(const struct kernel *kernel, vaddr_t va)
{
	const struct space *space = live_space(kernel, va);
	u64 read = at_translate(va, false), write = at_translate(va, true);

	show_par("read ", read);
	show_par("write", write);
	if (!space)
		print("  nothing to compare: the CPU does not walk the identity map any more\n");
	else if (walk_agrees(space, va, false, read) && walk_agrees(space, va, true, write))
		print("  the CPU agrees with the walk\n");
	else
		print("  THE CPU DOES NOT AGREE with the walk of the tables in memory\n");
}

/* What the tables of both stages say that the CPU finds at @va for a read, or a @write. */
static bool stages_agree(const struct kernel *kernel, vaddr_t va, bool write, u64 par)
{
	const struct space *first = live_space(kernel, va);
	const struct space *second = hyp_space(kernel, HYP_MAP_HOST);
	struct pt_entry entry;
	paddr_t pa;

	if (!first || !second)
		return false;
	if (!walk_agrees(first, va, write, at_translate(va, write)) ||
	    SYSREG_GET(PAR_EL1_F, at_translate(va, write)))
		return SYSREG_GET(PAR_EL1_F, par);
	entry = pt_find(first, va);
	if (!pte_is_leaf(entry.kind) || !pt_translate(first, va, &pa))
		return SYSREG_GET(PAR_EL1_F, par);
	return walk_agrees(second, vaddr(pa.value), write, par);
}

/* The same through stage 2, which EL2 asks for us: AT S12E1R, S12E1W. */
static void show_at_stages(const struct kernel *kernel, vaddr_t va)
{
	u64 read[3], write[3];

	if (!hyp_runs(kernel) || !live_space(kernel, va))
		return;
	if (hyp_call(EL2_TRANSLATE, EL2_TRANSLATE_READ, va.value, 0, read) != EL2_OK ||
	    hyp_call(EL2_TRANSLATE, EL2_TRANSLATE_WRITE, va.value, 0, write) != EL2_OK)
		return;
	show_par("read, both stages ", read[0]);
	show_par("write, both stages", write[0]);
	if (stages_agree(kernel, va, false, read[0]) && stages_agree(kernel, va, true, write[0]))
		print("  the CPU agrees with both walks\n");
	else
		print("  THE CPU DOES NOT AGREE with the walks of the tables in memory\n");
}

static void show_at_hyp(const struct kernel *kernel, vaddr_t va)
{
	const struct space *space = hyp_space(kernel, HYP_MAP_SELF);
	u64 par[3];

	if (!space || !pt_contains(space, va) ||
	    hyp_call(EL2_TRANSLATE, EL2_TRANSLATE_SELF, va.value, 0, par) != EL2_OK)
		return;
	show_par("read at EL2", par[0]);
	print(walk_agrees(space, va, false, par[0]) ?
		      "  the CPU agrees with the walk\n" :
		      "  THE CPU DOES NOT AGREE with the walk of the tables in memory\n");
}

static void walk_hyp(const struct kernel *kernel, vaddr_t va)
{
	dump_walk_hyp(kernel, va, true);
	show_at_hyp(kernel, va);
}

/* In a map that is not the kernel's; false where @index names none. */
static bool walk_elsewhere(const struct kernel *kernel, const struct arguments *arguments, u64 va)
{
	unsigned map = argument_hyp_map(arguments, 1);

	if (map == HYP_MAP_COUNT)
		return argument_refuse(arguments, 1, "is none of hyp, host2, guest2");
	if (!hyp_space(kernel, map))
		print("walk: no hypervisor runs: there is no %s\n", hyp_map_str(map));
	else if (map == HYP_MAP_SELF)
		walk_hyp(kernel, vaddr(va));
	else
		dump_walk_stage2(kernel, map, paddr(va), true);
	return true;
}

COMMAND(120, walk, "[NUMBER:]ADDR [hyp|host2|guest2]",
	"how an address translates, level by level, and the CPU's word; or a program's",
	"walk 0xffff800080000000", "");

/* NUMBER:ADDR, a program and an address of its own. False: there is no colon. */
static bool walk_program(const struct arguments *arguments)
{
	struct words word = arguments->word[0];
	const struct process *process = NULL;
	u64 number, va;
	size_t colon = 0;

	while (colon < word.length && word.text[colon] != ':')
		colon++;
	if (colon == word.length)
		return false;
	if (text_number(word.text, colon, &number) && number >> 32 == 0)
		process = sched_find((u32)number);
	if (!process)
		argument_refuse(arguments, 0, "does not begin with a program's number");
	else if (!text_number(word.text + colon + 1, word.length - colon - 1, &va))
		argument_refuse(arguments, 0, "does not end with an address");
	else
		dump_walk_program(process, vaddr(va));
	return true;
}

static void command_walk(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 va;

	if (!argument_count(arguments, 1, 2) || walk_program(arguments) ||
	    !argument_number(arguments, 0, &va))
		return;
	if (arguments->count == 2) {
		(void)walk_elsewhere(kernel, arguments, va);
		return;
	}
	dump_walk(kernel, vaddr(va), true);
	if (pt_contains(&kernel->idmap_space, vaddr(va)) || live_space(kernel, vaddr(va)))
		show_at(kernel, vaddr(va));
	show_at_stages(kernel, vaddr(va));
}

COMMAND(130, at, "ADDR", "what the CPU itself translates an address to (AT, PAR_EL1)",
	"at 0xffff800080000000", "");

static void command_at(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 va;

	if (argument_count(arguments, 1, 1) && argument_number(arguments, 0, &va)) {
		print("at 0x%016lx\n", va);
		show_at(kernel, vaddr(va));
	}
}

/* What of the layout @va is in; the image, which is in a region, before that. */
static const char *region_name(const struct kernel *kernel, u64 va)
{
	const struct boot_handoff *handoff = kernel->handoff;

	if (va - handoff->plan.image_va.value < handoff->facts.image.size)
		return "image";
	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		const struct layout_region *region = &handoff->plan.layout.region[i];

		if (va - region->start.value < region->end.value - region->start.value)
			return layout_region_str(i);
	}
	return "identity map (not in use)";
}

/* Physical memory that @run is of, from its first page on: with KASAN all may be one page. */
static u64 run_reach(const struct space *space, const struct pt_run *run)
{
	if (KASAN && pt_run_is_shared(space, run))
		return regime_granule(&space->regime);
	return vaddr_diff(run->end, run->start);
}

/* Every run of @space that maps @pa, by the first address in it that does; how many. */
static unsigned find_in(const struct kernel *kernel, const struct space *space, u64 pa)
{
	vaddr_t va = pt_start(space), end = pt_end(space);
	unsigned found = 0;

	do {
		struct pt_run run = pt_next_run(space, va, end);
		u64 offset = pa - run.info.pa.value;

		if (pte_is_leaf(run.kind) && offset < run_reach(space, &run)) {
			print("  0x%016lx  %s, level %d, %s, %s, %s\n", run.start.value + offset,
			      region_name(kernel, run.start.value + offset), run.level,
			      run.info.write ? "read-write" : "read-only",
			      run.info.execute ? "executable" : "no-execute",
			      mem_type_str(run.info.type));
			found++;
		}
		va = run.end;
	} while (va.value != end.value && !console_interrupted());
	return found;
}

COMMAND(140, find, "PA", "every virtual address that maps a physical one", "find 0x9000000", "");

static void command_find(const struct kernel *kernel, const struct arguments *arguments)
{
	unsigned found;
	u64 pa;

	if (!argument_count(arguments, 1, 1) || !argument_number(arguments, 0, &pa))
		return;
	print("physical 0x%016lx is mapped at\n", pa);
	found = find_in(kernel, &kernel->kernel_space, pa);
	found += find_in(kernel, &kernel->idmap_space, pa);
	if (found == 0)
		print("  no virtual address\n");
}

/*
 * Where @va may be read, or written, now: true and its memory type. Otherwise why not, with the
 * walk that shows it.
 */
static bool may_access(const struct kernel *kernel, const struct arguments *arguments, vaddr_t va,
		       bool write, enum mem_type *type)
{
	const struct space *space = live_space(kernel, va);
	struct pt_entry entry;
	struct pte_info info;

	if (space) {
		entry = pt_find(space, va);
		info = pte_decode(&space->regime, entry.pte, entry.level, entry.table_bits);
		*type = info.type;
		if (pte_is_leaf(entry.kind) && info.accessed && (info.write || !write))
			return true;
		print("%s: 0x%016lx is %s\n", arguments->command, va.value,
		      pte_is_leaf(entry.kind) ? "read-only" : "not mapped");
	} else {
		print("%s: 0x%016lx is not an address of the kernel's\n", arguments->command,
		      va.value);
	}
	dump_walk(kernel, va, false);
	return false;
}

bool is_table_alias(const struct kernel *kernel, const struct arguments *arguments, vaddr_t va)
{
	const struct space *space = live_space(kernel, va);
	paddr_t pa;

	if (!space || !pt_translate(space, va, &pa) ||
	    !alloc_is_table(kernel->alloc, space->pool, kernel->memory, pa))
		return false;
	print("%s: 0x%016lx is memory for page tables; nothing was written\n", arguments->command,
	      va.value);
	return true;
}

/* A row of memory as bytes and characters. */
static void show_memory(u64 va, u64 count)
{
	char text[ROW_BYTES];

	print("0x%016lx ", va);
	for (u64 i = 0; i < ROW_BYTES; i++) {
		if (i < count) {
			text[i] = (char)memory_load(vaddr(va + i), 1);
			print(" %02x", (u8)text[i]);
		} else {
			print("   ");
		}
	}
	print("  ");
	for (u64 i = 0; i < count; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '.';
	console_write(text, count);
	print("\n");
}

static void show_device(u64 va, u64 count)
{
	print("0x%016lx ", va);
	for (u64 i = 0; i + DEVICE_ACCESS <= count; i += DEVICE_ACCESS)
		print(" %08lx", memory_load(vaddr(va + i), DEVICE_ACCESS));
	print("\n");
}

COMMAND(160, read, "ADDR [BYTES]", "memory, if it is mapped", "read 0xffff800080000000 64", "");

static void command_read(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 va, left = READ_BYTES;

	if (!argument_count(arguments, 1, 2) || !argument_number(arguments, 0, &va) ||
	    (arguments->count == 2 && !argument_number(arguments, 1, &left)))
		return;
	if (va != 0)
		left = min_u64(left, -va); /* to the last address there is */
	while (left > 0 && !console_interrupted()) {
		u64 row = min_u64(left, ROW_BYTES - va % ROW_BYTES);
		enum mem_type type;

		/* No row crosses into another page, so its first byte speaks for all. */
		if (!may_access(kernel, arguments, vaddr(va), false, &type))
			return;
		if (type < MEM_DEVICE_NGNRE) {
			show_memory(va, row);
		} else if (is_aligned(va, DEVICE_ACCESS) && is_aligned(row, DEVICE_ACCESS)) {
			show_device(va, row);
		} else {
			print("read: a device: address and size must be multiples of 4\n");
			return;
		}
		va += row;
		left -= row;
	}
}

COMMAND(170, write, "ADDR VALUE [BYTES]",
	"store a value of 1, 2, 4 or 8 bytes, if the address is writable",
	"write 0xffff800080050000 0x1234 8", "");

static void command_write(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 va, value, size = sizeof(u64);
	enum mem_type type;

	if (!argument_count(arguments, 2, 3) || !argument_number(arguments, 0, &va) ||
	    !argument_number(arguments, 1, &value) ||
	    (arguments->count == 3 && !argument_number(arguments, 2, &size)))
		return;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		argument_refuse(arguments, 2, "bytes cannot be stored at once; 1, 2, 4 and 8 can");
	else if (!is_aligned(va, size))
		argument_refuse(arguments, 0,
				"is not a multiple of the size; stored is 8 bytes, "
				"or as many as the third argument says");
	else if (size < 8 && value >> (8 * size) != 0)
		argument_refuse(arguments, 1, "does not fit the size");
	else if (may_access(kernel, arguments, vaddr(va), true, &type) &&
		 !is_table_alias(kernel, arguments, vaddr(va)))
		memory_store(vaddr(va), (unsigned)size, value);
}
