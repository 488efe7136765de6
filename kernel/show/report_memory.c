// SPDX-License-Identifier: MIT
/*
 * What is where, in the reports: the address space by region, physical memory, the linear map.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/format.h>

#include "parts.h"

/*
 * For columns: four digits at most and a unit, six characters, with '~' in front where that is not
 * exact: "   64M", "~2048T".
 */
static struct size_text size_rounded(u64 bytes)
{
	const char *units = "BKMGTPE";
	struct size_text size = { "" };
	bool exact = true;

	while (bytes >= 10000 || (bytes >= 1024 && bytes % 1024 == 0)) {
		exact = exact && bytes % 1024 == 0;
		bytes = (bytes + 512) / 1024;
		units++;
	}
	format(size.text, sizeof(size.text), "%c%4lu%c", exact ? ' ' : '~', bytes, *units);
	return size;
}

static void print_range(u64 start, u64 end, const char *name)
{
	print("0x%016lx-0x%016lx %s  %s\n", start, end, size_rounded(end - start).text, name);
}

void report_layout(const struct kernel *kernel)
{
	const struct boot_handoff *handoff = kernel->handoff;
	u64 image = handoff->plan.image_va.value;

	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		const struct layout_region *region = &handoff->plan.layout.region[i];

		report_label(i == 0 ? "layout" : "");
		print_range(region->start.value, region->end.value, layout_region_str(i));
		if (i != LAYOUT_VMALLOC)
			continue;
		report_label("");
		print_range(image, image + handoff->facts.image.size, "  image");
	}
}

static void print_linear(const struct kernel *kernel)
{
	const struct linear *linear = &kernel->linear;

	report_label("linear map");
	print("%s of RAM at PA + 0x%016lx", size_text(memory_total(kernel->memory)).text,
	      linear->offset);
	if (linear->random != 0)
		print(", 0x%lx of that random", linear->random);
	print("\n");
}

/* Of each kind as many as somebody reads; `report json` has them all. */
#define RANGES_SHOWN 32

static void print_kind(const struct memory_map *memory, enum memory_kind kind)
{
	u32 first = memory->first[kind], end = memory->first[kind + 1];
	u32 shown = first + (u32)min_u64(end - first, RANGES_SHOWN);

	for (u32 i = first; i < shown; i++) {
		const struct memory_range *range = &memory->range[i];

		report_label(i == 0 ? "memory" : "");
		print_range(range->start.value, range->end.value, memory_kind_str(kind));
	}
	if (shown == end)
		return;
	report_label("");
	print("and %u more of %s\n", end - shown, memory_kind_str(kind));
}

void report_memory(const struct kernel *kernel)
{
	for (unsigned kind = MEMORY_RAM; kind < MEMORY_KIND_COUNT; kind++)
		print_kind(kernel->memory, kind);
	print_linear(kernel);
}

static void json_region(struct json *json, const char *name, u64 start, u64 end)
{
	json_row(json, NULL);
	json_string(json, "name", name);
	json_hex(json, "start", start);
	json_hex(json, "end", end);
	json_close(json);
}

static void json_layout(struct json *json, const struct kernel *kernel)
{
	const struct boot_handoff *handoff = kernel->handoff;
	u64 image = handoff->plan.image_va.value;

	json_array(json, "layout");
	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		const struct layout_region *region = &handoff->plan.layout.region[i];

		json_region(json, layout_region_str(i), region->start.value, region->end.value);
	}
	json_region(json, "image", image, image + handoff->facts.image.size);
	json_close(json);
}

static void json_memory(struct json *json, const struct kernel *kernel)
{
	const struct memory_map *memory = kernel->memory;

	json_array(json, "memory");
	for (u32 i = 0; i < memory->count; i++) {
		const struct memory_range *range = &memory->range[i];

		json_row(json, NULL);
		json_hex(json, "start", range->start.value);
		json_hex(json, "end", range->end.value);
		json_string(json, "kind", memory_kind_str(range->kind));
		json_close(json);
	}
	json_close(json);
}

static void json_linear(struct json *json, const struct kernel *kernel)
{
	json_row(json, "linear");
	json_hex(json, "offset", kernel->linear.offset);
	json_hex(json, "random", kernel->linear.random);
	json_hex(json, "start", kernel->linear.start.value);
	json_hex(json, "end", kernel->linear.end.value);
	json_close(json);
}

void report_json_memory(const struct kernel *kernel, struct json *json)
{
	json_layout(json, kernel);
	json_memory(json, kernel);
	json_linear(json, kernel);
}
