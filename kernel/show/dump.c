// SPDX-License-Identifier: MIT
/*
 * The live page tables as text: a loop over pt_next_run().
 * Runs in the kernel, MMU on, after relocation (it holds pointers in static data), and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/lib/format.h>
#include <pagoda/mm/pt/shared.h>

#include "parts.h"

/* Each region of the layout begins and ends one marker, and so do the image and its segments. */
#define MARKERS_MAX (2 * LAYOUT_COUNT + SEGMENT_COUNT + 2)

/* "---[ group name ]---" stands before the run that begins at @address. */
struct marker {
	u64 address;
	const char *group, *name;
};

/* In any order; those at one address are shown in the order they were added. */
struct marker_list {
	unsigned count;
	struct marker marker[MARKERS_MAX];
};

/* The names that readers of Linux's dump know. */
static const struct {
	const char *start, *end;
} region_marks[LAYOUT_COUNT] = {
	[LAYOUT_LINEAR] = { "Linear Mapping start", "Linear Mapping end" },
	[LAYOUT_MODULES] = { "Modules start", "Modules end" },
	[LAYOUT_VMALLOC] = { "vmalloc() area", "vmalloc() end" },
	[LAYOUT_VMEMMAP] = { "vmemmap start", "vmemmap end" },
	[LAYOUT_PCI_IO] = { "PCI I/O start", "PCI I/O end" },
	[LAYOUT_FIXMAP] = { "Fixmap start", "Fixmap end" },
#if KASAN
	[LAYOUT_KASAN] = { "Kasan shadow start", "Kasan shadow end" },
#endif
};

static void marker_add(struct marker_list *list, u64 address, const char *group, const char *name)
{
	list->marker[list->count++] = (struct marker){ address, group, name };
}

static void markers_add_layout(struct marker_list *list, const struct layout *layout)
{
	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		marker_add(list, layout->region[i].start.value, "", region_marks[i].start);
		marker_add(list, layout->region[i].end.value, "", region_marks[i].end);
	}
}

/* @base: where the image's first byte is in the map that is shown. */
static void markers_add_image(struct marker_list *list, const struct image *image, u64 base)
{
	marker_add(list, base, "Image ", "start");
	for (unsigned i = 0; i < SEGMENT_COUNT; i++)
		if (image->segment[i].start != image->segment[i].end)
			marker_add(list, base + image->segment[i].start, "Image ", segment_str(i));
	marker_add(list, base + image->size, "Image ", "end");
}

/* Columns as Linux has them; SHD only where it is the descriptor that says so. */
static void dump_leaf(const struct space *space, const struct pt_run *run)
{
	const struct pte_info *info = &run->info;
	bool shared = space->regime.format != DESC_LPA2 && info->share == SHARE_INNER;

	print(" 0x%016lx %s %s %s %s %s %s %s %s %s %s%s\n", info->pa.value,
	      info->write ? "RW" : "ro", info->execute ? "x " : "NX", shared ? "SHD" : "   ",
	      info->accessed ? "AF" : "  ", info->global ? "  " : "NG",
	      info->contiguous ? "CON" : "   ", run->kind == PTE_BLOCK ? "BLK" : "   ",
	      info->uxn ? "UXN" : "   ", info->guarded ? "GP" : "  ", mem_type_str(info->type),
	      info->user ? " USR" : "");
}

/* Links to one table, or all of it: what each of them leads to in the end is the same page. */
static void dump_shared(const struct space *space, const struct pt_run *run)
{
	const struct pte_info *info = &run->info;

	print(" 0x%016lx %s %s shared: ", info->pa.value, info->write ? "RW" : "ro",
	      info->execute ? "x " : "NX");
	if (run->kind == PTE_TABLE)
		print("table of level %d at 0x%016lx\n", run->level + 1,
		      pte_address(&space->regime, run->pte, run->level).value);
	else
		print("this page\n");
}

static void dump_run(const struct space *space, const struct pt_run *run)
{
	bool hole = run->kind == PTE_INVALID || (!KASAN && run->kind == PTE_TABLE);

	print("0x%016lx-0x%016lx %8s L%d%s", run->start.value, run->end.value,
	      size_text(vaddr_diff(run->end, run->start)).text, run->level,
	      hole	     ? "\n" :
	      run->level < 0 ? "" :
			       " ");
	if (KASAN && pt_run_is_shared(space, run)) {
		dump_shared(space, run);
		return;
	}
	switch (run->kind) {
	case PTE_PAGE:
	case PTE_BLOCK:
		dump_leaf(space, run);
		break;
	case PTE_RESERVED:
		print(" reserved descriptor 0x%016lx\n", run->pte.bits);
		break;
	case PTE_INVALID:
	case PTE_TABLE:
		break;
	}
}

static void markers_show(const struct marker_list *list, vaddr_t va)
{
	for (unsigned i = 0; i < list->count; i++)
		if (list->marker[i].address == va.value)
			print("---[ %s%s ]---\n", list->marker[i].group, list->marker[i].name);
}

/* Where a run that begins at @va must end: at the next marker, or with the space. */
static vaddr_t markers_limit(const struct marker_list *list, const struct space *space, vaddr_t va)
{
	u64 last = pt_end(space).value - 1; /* the end itself is 0 for the upper half */

	for (unsigned i = 0; i < list->count; i++)
		if (list->marker[i].address > va.value)
			last = min_u64(last, list->marker[i].address - 1);
	return vaddr(last + 1);
}

static struct pt_audit dump_runs(const struct space *space, const struct marker_list *markers)
{
	struct pt_audit audit = { 0 };
	vaddr_t va = pt_start(space);

	do {
		struct pt_run run = pt_next_run(space, va, markers_limit(markers, space, va));

		markers_show(markers, va);
		dump_run(space, &run);
		pt_audit_run(&audit, &run);
		va = run.end;
	} while (va.value != pt_end(space).value && !console_interrupted());
	return audit;
}

static void dump_head(const struct space *space, const char *name)
{
	const struct regime *regime = &space->regime;

	print("%s: %s pages, %u-bit addresses, %d levels from level %d%s\n", name,
	      size_text(regime_granule(regime)).text, regime->va_bits, regime_levels(regime),
	      regime->root_level,
	      regime->format == DESC_LPA2 ? ", LPA2: inner shareable (from TCR)" : "");
	print("%-37s %8s %-3s %-18s %s\n", "start-end", "size", "", "physical", "attributes");
}

/* Stage 2 under the kernel leaves that to the kernel's own tables: both must allow it. */
static void dump_audit(const struct space *space, const struct pt_audit *audit)
{
	if (audit->writable_executable == 0)
		print("W^X holds: none is writable and executable\n");
	else if (space->regime.whose == WHOSE_GUEST && space->policy.text_writable)
		print("W^X is stage 1's\n");
	else
		print("W^X BROKEN: %lu writable and executable, the first at 0x%016lx\n",
		      audit->writable_executable, audit->first_offender.value);
}

/* The whole of a map. Its audit is of the runs as they are shown: cut where a marker stands. */
static void dump_space(const struct space *space, const char *name,
		       const struct marker_list *markers)
{
	struct pt_audit audit;

	dump_head(space, name);
	audit = dump_runs(space, markers);
	print("%s mapped in %lu runs; ", audit.runs != 0 ? size_text(audit.mapped).text : "0B",
	      audit.runs);
	dump_audit(space, &audit);
}

void dump_kernel(const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;
	struct marker_list markers = { 0 };

	markers_add_layout(&markers, &plan->layout);
	markers_add_image(&markers, &kernel->handoff->facts.image, plan->image_va.value);
	dump_space(&kernel->kernel_space, "kernel map", &markers);
}

void dump_idmap(const struct kernel *kernel)
{
	const struct image *image = &kernel->handoff->facts.image;
	struct marker_list markers = { 0 };

	markers_add_image(&markers, image, image->pa.value);
	dump_space(&kernel->idmap_space, "identity map", &markers);
}

/* EL2's own map is what begins and ends at multiples of 64 KiB from its base on. */
static void markers_add_hyp(struct marker_list *list, const struct hyp *hyp)
{
	u64 base = hyp->base.value;

	marker_add(list, hyp->text.start, "EL2 ", "identity");
	marker_add(list, base, "EL2 ", "text");
	marker_add(list, base + EL2_RODATA_AT, "EL2 ", "rodata");
	marker_add(list, base + EL2_DATA_AT, "EL2 ", "data");
	marker_add(list, base + EL2_SHARED_AT, "EL2 ", "shared with the host");
	marker_add(list, base + EL2_TABLES_AT, "EL2 ", "tables");
	marker_add(list, base + EL2_STACKS_AT, "EL2 ", "stacks");
}

void dump_hyp(const struct kernel *kernel, enum hyp_map map)
{
	const struct space *space = hyp_space(kernel, map);
	struct marker_list markers = { 0 };

	if (!space) {
		print("ptdump: no hypervisor runs: there is no %s\n", hyp_map_str(map));
		return;
	}
	if (map == HYP_MAP_SELF)
		markers_add_hyp(&markers, kernel->hyp);
	dump_space(space, hyp_map_title(map), &markers);
}

void dump_el0(const struct kernel *kernel)
{
	struct marker_list markers = { 0 };

	dump_space(&kernel->el0_space, "upper half at EL0", &markers);
}

/* What a map of a program's is called. */
struct program_name {
	char text[PROCESS_NAME_MAX + 24];
};

static struct program_name program_name(const struct process *process)
{
	struct program_name name = { { 0 } };

	format(name.text, sizeof(name.text), "%s[%u]'s map", process->name, process->number);
	return name;
}

void dump_program(const struct process *process)
{
	struct program_name name = program_name(process);
	struct marker_list markers = { 0 };

	dump_space(&process->space, name.text, &markers);
}

static void text_filtered(const struct space *space, const char *name,
			  const struct dump_filter *filter)
{
	vaddr_t va, end;
	bool more = dump_filter_range(filter, space, &va, &end);
	u64 shown = 0, bytes = 0;

	dump_head(space, name);
	while (more && !console_interrupted()) {
		struct pt_run run = pt_next_run(space, va, end);

		if (dump_filter_passes(filter, &run)) {
			dump_run(space, &run);
			shown++;
			bytes += vaddr_diff(run.end, run.start);
		}
		va = run.end;
		more = va.value != end.value;
	}
	print("%lu runs, %s\n", shown, shown != 0 ? size_text(bytes).text : "0B");
}

void dump_filtered(const struct kernel *kernel, const struct dump_filter *filter)
{
	if (filter->json) {
		dump_json_filtered(kernel, filter);
		return;
	}
	if (filter->kernel)
		text_filtered(&kernel->kernel_space, "kernel map", filter);
	if (filter->idmap)
		text_filtered(&kernel->idmap_space, "identity map", filter);
	if (filter->el0)
		text_filtered(&kernel->el0_space, "upper half at EL0", filter);
	for (unsigned map = 0; map < HYP_MAP_COUNT; map++) {
		const struct space *space = filter->hyp[map] ? hyp_space(kernel, map) : NULL;

		if (space)
			text_filtered(space, hyp_map_title(map), filter);
	}
	if (filter->program)
		text_filtered(&filter->program->space, program_name(filter->program).text, filter);
}
