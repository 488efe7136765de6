// SPDX-License-Identifier: MIT
/*
 * The device tree reader on any bytes: it stays inside the blob, ends, and its two ways through the
 * structure block, event by event and node by node, find the same. What the kernel looks for in it
 * is as it says. Host only.
 */
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/tree/tree.h>
#include <pagoda/kernel/tree/fallback.h>

#include "fuzz.h"

#define WANTED 4

/* Names that share a hash, one the prefix of another, and an empty one. */
static const char wanted[WANTED][FDT_NAME_SIZE] = { "reg", "ranges", "compatible", "" };

static struct fdt_event *events;
static u32 event_count;

static void check_inside(const struct fdt *fdt, const void *data, u64 size)
{
	u64 start = (u64)((const u8 *)data - fdt->blob);

	FUZZ_CHECK(start <= fdt->total_size && size <= fdt->total_size - start,
		   "%#lx bytes at %#lx are not in the blob", size, start);
}

static void check_event(const struct fdt *fdt, const struct fdt_event *event)
{
	FUZZ_CHECK(event->depth >= 0 && event->depth < FDT_DEPTH_MAX, "depth %d", event->depth);
	if (event->token == FDT_END_NODE)
		return;
	check_inside(fdt, event->name, strlen(event->name) + 1);
	if (event->token == FDT_BEGIN_NODE) {
		FUZZ_CHECK(event->name_length == strlen(event->name), "length of a name");
		return;
	}
	check_inside(fdt, event->data, event->size);
	if (fdt_is_string(event->data, event->size))
		FUZZ_CHECK(fdt_has_string(event->data, event->size, (const char *)event->data),
			   "a string is not in the list of itself");
	fdt_name_is(event->name, "reg");
}

/* All events. Each takes at least one token, which bounds their number. */
static enum fdt_status read_events(const struct fdt *fdt)
{
	struct fdt_cursor cursor = fdt_begin(fdt);
	u32 limit = (fdt->struct_end - fdt->struct_start) / 4;
	enum fdt_status status;

	events = calloc(limit + 1, sizeof(*events));
	for (event_count = 0; event_count <= limit; event_count++) {
		status = fdt_next(&cursor, &events[event_count]);
		if (status != FDT_OK)
			return status;
		check_event(fdt, &events[event_count]);
	}
	FUZZ_CHECK(false, "more events than tokens");
	return FDT_OK;
}

/* The property @name of the node that begins at event @at: the last of those before a subnode. */
static struct fdt_value find_property(u32 at, const char *name)
{
	struct fdt_value value = { NULL, 0 };

	for (at++; at < event_count && events[at].token == FDT_PROP; at++)
		if (strcmp(events[at].name, name) == 0)
			value = (struct fdt_value){ events[at].data, events[at].size };
	return value;
}

static void check_node(const struct fdt_walk *walk, u32 at)
{
	const struct fdt_node *node = walk->reached;

	FUZZ_CHECK(node == &walk->node[walk->depth], "the node reached is not at its depth");
	FUZZ_CHECK(walk->depth == events[at].depth && node->offset == events[at].offset &&
			   node->name == events[at].name,
		   "the walk is at %#x, the events at %#x", node->offset, events[at].offset);
	for (u32 i = 0; i < WANTED; i++) {
		struct fdt_value value = fdt_value(node, i);
		struct fdt_value found = find_property(at, wanted[i]);

		FUZZ_CHECK(value.data == found.data && value.size == found.size,
			   "node at %#x: \"%s\"", node->offset, wanted[i]);
	}
}

static u32 next_node(u32 at)
{
	while (at < event_count && events[at].token != FDT_BEGIN_NODE)
		at++;
	return at;
}

/* A node whose properties are bad is an event, but not one of the walk's nodes. */
static void check_walk(const struct fdt *fdt, enum fdt_status expected)
{
	static struct fdt_walk walk;
	enum fdt_status status;
	u32 at = next_node(0);

	memset(&walk, 0xa5, sizeof(walk));
	fdt_walk_begin(&walk, fdt, wanted, WANTED);
	while ((status = fdt_walk_next(&walk)) == FDT_OK) {
		FUZZ_CHECK(at < event_count, "the walk has more nodes");
		check_node(&walk, at);
		at = next_node(at + 1);
	}
	FUZZ_CHECK(status == expected, "the walk says: %s; the events: %s", fdt_status_str(status),
		   fdt_status_str(expected));
	FUZZ_CHECK(at == event_count || (expected != FDT_END && next_node(at + 1) == event_count),
		   "the walk has left out nodes");
}

static void check_reservations(const struct fdt *fdt)
{
	u64 start, size;
	unsigned count = 0;

	while (fdt_reserve(fdt, count, &start, &size))
		count++;
	FUZZ_CHECK(count <= fdt->total_size / 16, "%u reservations", count);
}

#define CONSOLE 0x9000000 /* as in QEMU's tree, which is one of the seeds */

static void check_line(struct device_line line)
{
	FUZZ_CHECK(line.number == 0 || (line.number >= 16 && line.number < 1020), "interrupt %u",
		   line.number);
}

/* Each CPU once, with an MPIDR that there can be, and in order. */
static void check_cpus(const struct fdt *fdt, const struct cpu_list *list)
{
	FUZZ_CHECK(list->count >= 1 && list->count <= CPUS_MAX, "%u CPUs", list->count);
	for (u32 i = 0; i < list->count; i++) {
		const struct cpu_entry *cpu = &list->cpu[i];

		FUZZ_CHECK((cpu->mpidr & ~(u64)MPIDR_AFFINITY) == 0, "MPIDR %#lx", cpu->mpidr);
		FUZZ_CHECK(cpu_list_find(list, cpu->mpidr) == i, "CPU %u is not found", i);
		FUZZ_CHECK(i == 0 || list->cpu[list->order[i - 1]].mpidr <
					     list->cpu[list->order[i]].mpidr,
			   "CPUs %u and %u are not in order", list->order[i - 1], list->order[i]);
	}
	for (unsigned i = 0; i < CPU_LOSS_COUNT; i++)
		FUZZ_CHECK(list->lost[i].count == 0 || list->lost[i].node < fdt->struct_end,
			   "no node at %#x", list->lost[i].node);
}

/* The pass over the tree, as far as it can be read, and what is then read of what it has noted. */
static void check_devices(struct fdt *fdt)
{
	static struct boot_lists lists;
	static struct boot_facts facts;
	static struct scan scan;
	struct devices devices;
	struct fdt_value seed;
	struct fdt_cursor cursor;

	memset(&lists, 0xa5, sizeof(lists));
	memset(&facts, 0, sizeof(facts));
	memset(&devices, 0xa5, sizeof(devices));
	if (fdt_seek(fdt, "chosen", &cursor, &facts.fdt.chosen) != FDT_OK)
		facts.fdt.chosen = 0;
	tree_begin(&scan, fdt, &facts, &lists);
	while (tree_read(&scan, &seed)) {
		check_inside(fdt, seed.data, seed.size);
		memset((u8 *)(uintptr_t)seed.data, 0, seed.size);
	}
	check_cpus(fdt, &lists.cpus);
	devices_read(fdt, &lists.nodes, paddr(CONSOLE), &devices);
	check_line(devices.console);
	for (unsigned i = 0; i < DEVICE_TIMER_COUNT; i++)
		check_line(devices.timer[i]);
	FUZZ_CHECK(devices.gic.regions <= TREE_GIC_REGIONS_MAX &&
			   (devices.gic.rows == 0 || devices.gic.rows < devices.gic.regions),
		   "%u regions, %u rows", devices.gic.regions, devices.gic.rows);
	FUZZ_CHECK(devices.gic.version != 0 || devices.console.number == 0,
		   "an interrupt of no GIC's");
}

/* What is found can be used as it is. */
static void check_fallbacks(const struct fdt *fdt)
{
	struct fallbacks fallbacks;

	memset(&fallbacks, 0xa5, sizeof(fallbacks));
	fallbacks_find(fdt, &fallbacks);
	FUZZ_CHECK(fallbacks.count <= FALLBACKS_MAX, "%u fallbacks", fallbacks.count);
	for (u32 i = 0; i < fallbacks.count; i++) {
		const struct fallback *found = &fallbacks.list[i];

		FUZZ_CHECK(found->address.value != 0 && is_aligned(found->address.value, 4) &&
				   found->address.value + found->size > found->address.value,
			   "%#lx bytes at %#lx", found->size, found->address.value);
		FUZZ_CHECK(found->type == FALLBACK_VIRTIO ||
				   (screen_mode_size(&found->mode) != 0 &&
				    screen_mode_size(&found->mode) <= found->size),
			   "a frame buffer of no size");
	}
}

static void check_blob(const void *blob)
{
	enum fdt_status status;
	struct fdt fdt;

	status = fdt_open(&fdt, blob);
	FUZZ_CHECK(status != FDT_END, "open says end");
	if (status != FDT_OK)
		return;
	check_reservations(&fdt);
	status = read_events(&fdt);
	check_walk(&fdt, status);
	check_devices(&fdt);
	check_fallbacks(&fdt);
	free(events);
}

/* The blob has as many bytes as it claims: zeroes follow what the input has. */
/* As a damaged tree: nothing is believed, and all that is found is inside. */
static void check_rescue(const u8 *blob, u32 size, bool by_header)
{
	static struct fdt_walk walk;
	struct fdt_rescue rescue;
	struct fdt fdt;

	if (!fdt_rescue(&fdt, blob, size, by_header))
		return;
	fdt_walk_begin(&walk, &fdt, wanted, WANTED);
	fdt_rescue_begin(&rescue, &walk);
	while (fdt_rescue_next(&rescue, &walk)) {
		check_inside(&fdt, walk.reached->name, strlen(walk.reached->name) + 1);
		for (u32 i = 0; i < WANTED; i++) {
			struct fdt_value value = fdt_value(walk.reached, i);

			if (value.data != NULL)
				check_inside(&fdt, value.data, value.size);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size }, first = input;
	u64 header[FDT_HEADER_SIZE / sizeof(u64)];
	u32 total;
	void *blob;

	fuzz_take(&first, header, sizeof(header));
	if (fdt_size(header, &total) != FDT_OK)
		return 0;
	blob = malloc(total);
	fuzz_take(&input, blob, total);
	check_blob(blob);
	check_rescue(blob, total, true);
	check_rescue(blob, total, false);
	free(blob);
	return 0;
}
