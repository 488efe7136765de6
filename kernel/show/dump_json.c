// SPDX-License-Identifier: MIT
/*
 * The live page tables as JSON, after the report: docs/report.schema.json.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/lib/format.h>
#include <pagoda/mm/pt/shared.h>

#include "parts.h"

/* Of what is shared, all is the one page at "pa". */
static const char *kind_str(const struct space *space, const struct pt_run *run)
{
	if (KASAN && pt_run_is_shared(space, run))
		return "shared";
	return run->kind == PTE_PAGE ? "page" : "block";
}

static void json_run(struct json *json, const struct space *space, const struct pt_run *run)
{
	json_row(json, NULL);
	json_hex(json, "start", run->start.value);
	json_hex(json, "end", run->end.value);
	json_hex(json, "pa", run->info.pa.value);
	json_number(json, "size", vaddr_diff(run->end, run->start));
	json_number(json, "level", run->level);
	json_string(json, "kind", kind_str(space, run));
	json_bool(json, "contiguous", run->info.contiguous);
	json_bool(json, "read", run->info.read);
	json_bool(json, "write", run->info.write);
	json_bool(json, "execute", pte_executes(&run->info));
	json_bool(json, "user", run->info.user);
	json_string(json, "type", mem_type_str(run->info.type));
	json_string(json, "shareability", share_str(run->info.share));
	/* What the rest is of: that of the page, and no table's. */
	if (KASAN && run->kind == PTE_TABLE)
		json_hex(json, "raw", pt_find(space, run->start).pte.bits);
	else
		json_hex(json, "raw", run->pte.bits);
	json_close(json);
}

static void json_space(struct json *json, const struct space *space, const char *root,
		       const struct dump_filter *filter)
{
	vaddr_t va, end;
	bool more = dump_filter_range(filter, space, &va, &end);

	json_object(json, NULL);
	json_string(json, "root", root);
	json_array(json, "entries");
	while (more && !console_interrupted()) {
		struct pt_run run = pt_next_run(space, va, end);

		if (dump_filter_passes(filter, &run))
			json_run(json, space, &run);
		va = run.end;
		more = va.value != end.value;
	}
	json_close(json);
	json_close(json);
}

void dump_json_filtered(const struct kernel *kernel, const struct dump_filter *filter)
{
	struct json json;

	json_begin(&json, console_write);
	report_json_members(kernel, &json, "ptdump");
	json_array(&json, "tables");
	if (filter->kernel)
		json_space(&json, &kernel->kernel_space, "kernel", filter);
	if (filter->idmap)
		json_space(&json, &kernel->idmap_space, "idmap", filter);
	if (filter->el0)
		json_space(&json, &kernel->el0_space, "el0", filter);
	for (unsigned map = 0; map < HYP_MAP_COUNT; map++) {
		const struct space *space = filter->hyp[map] ? hyp_space(kernel, map) : NULL;

		if (space)
			json_space(&json, space, hyp_map_str(map), filter);
	}
	if (filter->program) {
		char number[16];

		format(number, sizeof(number), "%u", filter->program->number);
		json_space(&json, &filter->program->space, number, filter);
	}
	json_close(&json);
	json_end(&json);
}
