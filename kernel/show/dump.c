// SPDX-License-Identifier: MIT
/*
 * The live page tables on the console. Everything here is a loop over pt_next_run() or
 * pt_descend().
 * Runs in the kernel, MMU on, after relocation (it holds pointers in static data), and on the host.
 * dump_walk() also runs in exception handlers: it asserts nothing and trusts no table.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/lib/format.h>
#include <pagoda/kernel/show/report.h>

#define SIZE_TEXT_MAX 24

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

static void dump_run(const struct space *space, const struct pt_run *run)
{
	bool hole = run->kind == PTE_INVALID || run->kind == PTE_TABLE;
	char size[SIZE_TEXT_MAX];

	format_size(size, sizeof(size), run->end.value - run->start.value);
	print("0x%016lx-0x%016lx %8s L%d%s", run->start.value, run->end.value, size, run->level,
	      hole	     ? "\n" :
	      run->level < 0 ? "" :
			       " ");
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

	print("%s: %uK pages, %u-bit addresses, %d levels from level %d%s\n", name,
	      (unsigned)(regime_granule(regime) / KIB(1)), regime->va_bits, regime_levels(regime),
	      regime->root_level,
	      regime->format == DESC_LPA2 ? ", LPA2: inner shareable (from TCR)" : "");
	print("%-37s %8s %-3s %-18s %s\n", "start-end", "size", "", "physical", "attributes");
}

/* The whole of a map. Its audit is of the runs as they are shown: cut where a marker stands. */
static void dump_space(const struct space *space, const char *name,
		       const struct marker_list *markers)
{
	struct pt_audit audit;
	char size[SIZE_TEXT_MAX];

	dump_head(space, name);
	audit = dump_runs(space, markers);
	format_size(size, sizeof(size), audit.mapped);
	print("%s mapped in %lu runs; ", size, audit.runs);
	if (audit.writable_executable == 0)
		print("W^X holds: none is writable and executable\n");
	else
		print("W^X BROKEN: %lu writable and executable, the first at 0x%016lx\n",
		      audit.writable_executable, audit.first_offender.value);
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

static const char *share_str(enum shareability share)
{
	switch (share) {
	case SHARE_NON:
		return "non";
	case SHARE_RESERVED:
		return "reserved";
	case SHARE_OUTER:
		return "outer";
	case SHARE_INNER:
		return "inner";
	}
	return "unknown";
}

static void json_run(struct json *json, const struct pt_run *run)
{
	json_row(json, NULL);
	json_hex(json, "start", run->start.value);
	json_hex(json, "end", run->end.value);
	json_hex(json, "pa", run->info.pa.value);
	json_number(json, "size", run->end.value - run->start.value);
	json_number(json, "level", run->level);
	json_string(json, "kind", run->kind == PTE_PAGE ? "page" : "block");
	json_bool(json, "contiguous", run->info.contiguous);
	json_bool(json, "read", run->info.read);
	json_bool(json, "write", run->info.write);
	json_bool(json, "execute", run->info.execute);
	json_bool(json, "user", run->info.user);
	json_string(json, "type", mem_type_str(run->info.type));
	json_string(json, "shareability", share_str(run->info.share));
	json_hex(json, "raw", run->pte.bits);
	json_close(json);
}

static bool filter_passes(const struct dump_filter *filter, const struct pt_run *run)
{
	const struct pte_info *info = &run->info;

	if (!pte_is_leaf(run->kind) || (filter->has_level && run->level != filter->level))
		return false;
	if (filter->writable_executable && !(info->write && info->execute))
		return false;
	return !filter->has_permissions ||
	       (info->write == filter->write && info->execute == filter->execute);
}

/* The part of @space that @filter asks for; false where that is none of it. */
static bool filter_range(const struct dump_filter *filter, const struct space *space,
			 vaddr_t *start, vaddr_t *end)
{
	u64 first = pt_start(space).value, last = pt_end(space).value - 1;

	if (filter->has_range) {
		if (filter->start.value > first)
			first = filter->start.value;
		last = min_u64(last, filter->end.value - 1);
	}
	*start = vaddr(first);
	*end = vaddr(last + 1);
	return first <= last;
}

static void json_space(struct json *json, const struct space *space, const char *root,
		       const struct dump_filter *filter)
{
	vaddr_t va, end;
	bool more = filter_range(filter, space, &va, &end);

	json_object(json, NULL);
	json_string(json, "root", root);
	json_array(json, "entries");
	while (more && !console_interrupted()) {
		struct pt_run run = pt_next_run(space, va, end);

		if (filter_passes(filter, &run))
			json_run(json, &run);
		va = run.end;
		more = va.value != end.value;
	}
	json_close(json);
	json_close(json);
}

static void json_filtered(const struct kernel *kernel, const struct dump_filter *filter)
{
	struct json json;

	json_begin(&json);
	report_json_members(kernel, &json, "ptdump");
	json_array(&json, "tables");
	if (filter->kernel)
		json_space(&json, &kernel->kernel_space, "kernel", filter);
	if (filter->idmap)
		json_space(&json, &kernel->idmap_space, "idmap", filter);
	json_close(&json);
	json_end(&json);
}

void dump_json(const struct kernel *kernel)
{
	json_filtered(kernel, &(struct dump_filter){ .kernel = true, .idmap = true });
}

static void text_filtered(const struct space *space, const char *name,
			  const struct dump_filter *filter)
{
	vaddr_t va, end;
	bool more = filter_range(filter, space, &va, &end);
	u64 shown = 0, bytes = 0;
	char size[SIZE_TEXT_MAX];

	dump_head(space, name);
	while (more && !console_interrupted()) {
		struct pt_run run = pt_next_run(space, va, end);

		if (filter_passes(filter, &run)) {
			dump_run(space, &run);
			shown++;
			bytes += run.end.value - run.start.value;
		}
		va = run.end;
		more = va.value != end.value;
	}
	format_size(size, sizeof(size), bytes);
	print("%lu runs, %s\n", shown, shown != 0 ? size : "0B");
}

void dump_filtered(const struct kernel *kernel, const struct dump_filter *filter)
{
	if (filter->json) {
		json_filtered(kernel, filter);
		return;
	}
	if (filter->kernel)
		text_filtered(&kernel->kernel_space, "kernel map", filter);
	if (filter->idmap)
		text_filtered(&kernel->idmap_space, "identity map", filter);
}

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
	char size[SIZE_TEXT_MAX];

	format_size(size, sizeof(size), regime_span(regime, entry->level));
	print("  level %2d  index %4u  0x%016lx  ", entry->level,
	      regime_index(regime, entry->level, va), entry->pte.bits);
	switch (entry->kind) {
	case PTE_TABLE:
		print("table at 0x%016lx\n", address);
		break;
	case PTE_BLOCK:
		print("%s block at 0x%016lx\n", size, address);
		break;
	case PTE_PAGE:
		print("%s page at 0x%016lx\n", size, address);
		break;
	case PTE_INVALID:
		print("invalid\n");
		break;
	case PTE_RESERVED:
		print("reserved: no such descriptor at this level\n");
		break;
	}
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
	print("  translates to  0x%016lx\n", info.pa.value + offset);
	print("  permissions    %s, %s%s%s%s%s\n", info.write ? "read-write" : "read-only",
	      info.execute ? "executable" : "no-execute", info.guarded ? ", guarded (BTI)" : "",
	      info.user ? ", EL0 too" : "", info.uxn ? ", no-execute at EL0" : "",
	      info.accessed ? "" : ", access flag clear: faults");
	print("  memory         %s, shareability %s%s%s%s\n", mem_type_str(info.type),
	      share_str(info.share), regime->format == DESC_LPA2 ? " (from TCR)" : "",
	      info.contiguous ? ", contiguous" : "", info.global ? "" : ", not global");
}

/* Tables come from the image's pool and, once there is a linear map, from RAM that is in it. */
static bool can_be_table(const struct kernel *kernel, paddr_t table)
{
	const struct table_pool *pool = &kernel->handoff->pool;
	struct memory_range piece;

	if (table.value >= pool->start.value && table.value < pool->end.value)
		return true;
	return kernel->memory != NULL && memory_next(kernel->memory, table.value, &piece) &&
	       piece.start.value == table.value && piece.kind != MEMORY_NOMAP;
}

void dump_walk(const struct kernel *kernel, vaddr_t va, bool fields)
{
	const struct space *space = walk_begin(kernel, va);
	struct pt_entry entry;
	paddr_t table;

	if (!space)
		return;
	table = space->root;
	for (int level = space->regime.root_level;; level++) {
		if (!can_be_table(kernel, table)) {
			print("  table 0x%016lx is not in RAM: not followed\n", table.value);
			return;
		}
		entry = pt_descend(space, va, level);
		walk_show_step(&space->regime, va, &entry);
		if (fields)
			dump_fields(&space->regime, entry.pte, entry.kind);
		if (entry.kind != PTE_TABLE) /* always so at level 3 */
			break;
		table = pte_address(&space->regime, entry.pte, entry.level);
	}
	walk_show_result(&space->regime, va, &entry);
}
