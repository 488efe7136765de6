// SPDX-License-Identifier: MIT
/*
 * One walk through the live page tables, level by level: a loop over pt_descend().
 * Runs in the kernel, MMU on, after relocation, and on the host. Also in exception handlers: it
 * asserts nothing and trusts no table.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/lib/format.h>

#include "parts.h"

/* The boot leaves the identity map's tables in memory but takes them out of TTBR0. */
static bool idmap_is_live(const struct kernel *kernel)
{
	const struct space *space = &kernel->idmap_space;
	u64 baddr = (BIT(48) - 1) & ~BIT(0); /* bit 0 is CnP; above stands the ASID */

	return !SYSREG_GET(TCR_EL1_EPD0, kernel->registers[SYSREG_TCR_EL1]) &&
	       (kernel->registers[SYSREG_TTBR0_EL1] & baddr) ==
		       ttbr_encode(&space->regime, space->root);
}

static const struct space *walk_begin(const struct kernel *kernel, vaddr_t va)
{
	unsigned el = kernel->handoff->plan.el;

	if (pt_contains(&kernel->kernel_space, va)) {
		print("walk 0x%016lx: upper half, kernel map (TTBR1_EL%u)\n", va.value, el);
		return &kernel->kernel_space;
	}
	if (pt_contains(&kernel->idmap_space, va)) {
		print("walk 0x%016lx: lower half, identity map (%s TTBR0_EL%u)\n", va.value,
		      idmap_is_live(kernel) ? "in" : "no longer in", el);
		return &kernel->idmap_space;
	}
	print("walk 0x%016lx: not canonical: addresses end at 0x%lx and begin again at 0x%lx\n",
	      va.value, pt_end(&kernel->idmap_space).value, pt_start(&kernel->kernel_space).value);
	return NULL;
}

static void walk_show_step(const struct regime *regime, vaddr_t va, const struct pt_entry *entry)
{
	u64 address = pte_address(regime, entry->pte, entry->level).value;
	struct size_text size = size_text(regime_span(regime, entry->level));

	print("  level %2d  index %4u  0x%016lx  ", entry->level,
	      regime_index(regime, entry->level, va), entry->pte.bits);
	switch (entry->kind) {
	case PTE_TABLE:
		print("table at 0x%016lx\n", address);
		break;
	case PTE_BLOCK:
		print("%s block at 0x%016lx\n", size.text, address);
		break;
	case PTE_PAGE:
		print("%s page at 0x%016lx\n", size.text, address);
		break;
	case PTE_INVALID:
		print("invalid\n");
		break;
	case PTE_RESERVED:
		print("reserved: no such descriptor at this level\n");
		break;
	}
}

static const char *execute_at_el0(const struct pte_info *info)
{
	if (info->uxn)
		return ", no-execute at EL0";
	return info->user ? ", executable at EL0" : "";
}

static void walk_show_result(const struct regime *regime, vaddr_t va, const struct pt_entry *entry)
{
	struct pte_info info;
	u64 offset;

	if (!pte_is_leaf(entry->kind)) {
		print("  not mapped: translation fault, level %d\n", entry->level);
		return;
	}
	info = pte_decode(regime, entry->pte, entry->level, entry->table_bits);
	offset = va.value & (regime_span(regime, entry->level) - 1);
	print("  translates to  0x%016lx\n", paddr_add(info.pa, offset).value);
	print("  permissions    %s, %s%s%s%s%s\n", info.write ? "read-write" : "read-only",
	      info.execute ? "executable" : "no-execute", info.guarded ? ", guarded (BTI)" : "",
	      info.user ? ", EL0 too" : "", execute_at_el0(&info),
	      info.accessed ? "" : ", access flag clear: faults");
	print("  memory         %s, shareability %s%s%s%s\n", mem_type_str(info.type),
	      share_str(info.share), regime->format == DESC_LPA2 ? " (from TCR)" : "",
	      info.contiguous ? ", contiguous" : "", info.global ? "" : ", not global");
}

/* Tables come from the image's pool and, once there is a linear map, from RAM that is in it. */
static bool can_be_table(const struct kernel *kernel, const struct space *space, paddr_t table)
{
	const struct table_pool *pool = &kernel->handoff->pool;
	struct memory_range piece;

	if (space->regime.whose >= WHOSE_HYPERVISOR && space != hyp_own_guest)
		return hyp_is_table(kernel, table);
	if (table.value >= pool->start.value && table.value < pool->end.value)
		return true;
	return kernel->memory != NULL && memory_next(kernel->memory, table.value, &piece) &&
	       piece.start.value == table.value && piece.kind != MEMORY_NOMAP;
}

/* Every step of it. Where it ends in @last; false where that is nowhere. */
static bool walk_show(const struct kernel *kernel, const struct space *space, vaddr_t va,
		      bool fields, struct pt_entry *last)
{
	paddr_t table = space->root;

	for (int level = space->regime.root_level;; level++) {
		if (!can_be_table(kernel, space, table)) {
			print("  table 0x%016lx is not in RAM: not followed\n", table.value);
			return false;
		}
		*last = pt_descend(space, va, level);
		walk_show_step(&space->regime, va, last);
		if (fields)
			dump_fields(&space->regime, last->pte, last->kind);
		if (last->kind != PTE_TABLE) /* always so at level 3 */
			break;
		table = pte_address(&space->regime, last->pte, last->level);
	}
	walk_show_result(&space->regime, va, last);
	return pte_is_leaf(last->kind);
}

/* What both stages leave: of two memory types the one that allows less, which stands further on. */
static void combined_show(const struct pte_info *first, const struct pte_info *second)
{
	bool write = first->write && second->write;
	bool execute = first->execute && second->execute;

	print("  both stages    %s, %s; %s\n",
	      !second->read ? "no access" :
	      write	    ? "read-write" :
			      "read-only",
	      execute ? "executable" : "no-execute",
	      mem_type_str(first->type > second->type ? first->type : second->type));
}

/* The walk of stage 2 of @map for @ipa, which the leaf @first arrived at, where there was one. */
static void stage2_show(const struct kernel *kernel, enum hyp_map map, paddr_t ipa, bool fields,
			const struct pte_info *first)
{
	const struct space *space = hyp_space(kernel, map);
	vaddr_t in = vaddr(ipa.value);
	struct pt_entry last;
	struct pte_info info;

	if (!space)
		return;
	print("walk 0x%016lx: %s\n", ipa.value, hyp_map_title(map));
	if (!pt_contains(space, in)) {
		print("  not mapped: beyond %u bits\n", space->regime.va_bits);
		return;
	}
	if (!walk_show(kernel, space, in, fields, &last) || !first)
		return;
	info = pte_decode(&space->regime, last.pte, last.level, last.table_bits);
	combined_show(first, &info);
}

void dump_walk_stage2(const struct kernel *kernel, enum hyp_map map, paddr_t ipa, bool fields)
{
	stage2_show(kernel, map, ipa, fields, NULL);
}

void dump_walk_hyp(const struct kernel *kernel, vaddr_t va, bool fields)
{
	const struct space *space = hyp_space(kernel, HYP_MAP_SELF);
	struct pt_entry last;

	if (!space)
		return;
	print("walk 0x%016lx: %s (TTBR0_EL2)\n", va.value, hyp_map_title(HYP_MAP_SELF));
	if (pt_contains(space, va))
		walk_show(kernel, space, va, fields, &last);
	else
		print("  not canonical: addresses end at 0x%lx\n", pt_end(space).value);
}

void dump_refused(const struct kernel *kernel, u64 esr, u64 far)
{
	u64 x[3];

	if (!hyp_runs(kernel) || SYSREG_GET(ESR_EL1_FSC, esr) != ESR_EL1_FSC_SEA ||
	    hyp_call(EL2_FAULT, 0, 0, 0, x) != EL2_OK || x[0] == 0 || x[1] != far)
		return;
	print("refused by the hypervisor: physical address 0x%016lx is not the kernel's\n", x[2]);
}

void dump_walk(const struct kernel *kernel, vaddr_t va, bool fields)
{
	const struct space *space = walk_begin(kernel, va);
	struct pt_entry last;
	struct pte_info info;
	paddr_t pa;

	if (!space || !walk_show(kernel, space, va, fields, &last) || !hyp_runs(kernel) ||
	    !pt_translate(space, va, &pa))
		return;
	info = pte_decode(&space->regime, last.pte, last.level, last.table_bits);
	stage2_show(kernel, HYP_MAP_HOST, pa, fields, &info);
}

void dump_walk_program(const struct process *process, vaddr_t va)
{
	struct pt_entry last;

	print("walk 0x%016lx: in %s[%u]'s map", va.value, process->name, process->number);
	if (!pt_contains(&process->space, va)) {
		print(": no address of a program's, which end at 0x%lx\n",
		      pt_end(&process->space).value);
		return;
	}
	print("\n");
	walk_show(process->kernel, &process->space, va, true, &last);
}
