// SPDX-License-Identifier: MIT
/*
 * Devices in the FDT: who interrupts, and by which line of the GIC's.
 * Runs in the kernel, MMU on, and on the host.
 *
 * Nothing here loops without a bound: a tree may be as wrong as it likes. A look for a node by its
 * phandle goes through the tree once more; most trees need none, since all they ask for is the GIC.
 */
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/kernel.h>
#include <pagoda/lib/string.h>

#define HOPS_MAX 4 /* from a device to the GIC */
#define SEEKS_MAX 8 /* parents that an interrupt-map names, but for the one before and the GIC */
#define CELL sizeof(u32)
#define NOT_NAMED (~0u) /* in place of an index */

/* An interrupt in a GIC's cells: what kind, which, and flags; more may follow. */
#define GIC_CELLS_MIN 3
#define KIND_SHARED 0
#define KIND_PER_CPU 1
#define SHARED_FIRST 32
#define SHARED_COUNT 988
#define PER_CPU_FIRST 16
#define PER_CPU_COUNT 16

/*
 * Where the timers' interrupts stand that have no names. Here and below: characters, not pointers,
 * each of which would be relocated in every boot.
 */
static const struct {
	char name[12];
	u32 index;
} timers[DEVICE_TIMER_COUNT] = {
	[DEVICE_TIMER_VIRTUAL] = { "virt", 2 },
	[DEVICE_TIMER_HYPERVISOR] = { "hyp-phys", 3 },
};

enum property {
	PROPERTY_PARENT,
	PROPERTY_CONTROLLER,
	PROPERTY_MAP,
	PROPERTY_COUNT,
};

static const char property_names[PROPERTY_COUNT][FDT_NAME_SIZE] = {
	[PROPERTY_PARENT] = "interrupt-parent",
	[PROPERTY_CONTROLLER] = "interrupt-controller",
	[PROPERTY_MAP] = "interrupt-map",
};

#define TAKERS (BIT(PROPERTY_CONTROLLER) | BIT(PROPERTY_MAP)) /* of interrupts */

/* What is looked through, and whose interrupts count. */
struct search {
	const struct fdt *fdt;
	struct tree_node gic;
	u32 gic_phandle; /* 0: it has none */
};

/* An interrupt on its way: at a controller or an interrupt-map, as the cells there have it. */
struct route {
	struct tree_node at;
	struct fdt_value unit; /* the address that it comes from */
	struct fdt_value cells;
};

static struct fdt_value property(const struct search *search, u32 offset, const char *name)
{
	struct fdt_cursor cursor = fdt_properties(search->fdt, offset);
	struct fdt_event event;

	while (fdt_next_property(&cursor, &event))
		if (strcmp(event.name, name) == 0)
			return (struct fdt_value){ event.data, event.size };
	return (struct fdt_value){ NULL, 0 };
}

static u32 cell(const struct search *search, u32 offset, const char *name, u32 missing)
{
	struct fdt_value value = property(search, offset, name);

	return value.size == CELL ? (u32)fdt_cells(value.data, 1) : missing;
}

/* Bytes that so many cells have; more than there can be for more than there can be. */
static u32 cells_size(const struct search *search, u32 offset, const char *name)
{
	return (u32)min_u64((u64)cell(search, offset, name, 0) * CELL, FDT_SIZE_MAX);
}

/* Whom the walk has reached is @from's parent. Only who can be one is asked for its phandle. */
static bool is_parent(const struct search *search, const struct fdt_node *node,
		      const struct tree_node *from)
{
	if (!(node->found & TAKERS))
		return false;
	if (from->parent == 0)
		return node->offset == from->nexus;
	return cell(search, node->offset, "phandle", 0) == from->parent;
}

static bool find_parent(const struct search *search, const struct tree_node *from,
			struct tree_node *parent)
{
	struct fdt_walk walk;

	if (from->parent != 0 && from->parent == search->gic_phandle) {
		*parent = search->gic;
		return true;
	}
	if (from->parent == 0 && from->nexus == 0)
		return false;
	fdt_walk_begin(&walk, search->fdt, property_names, PROPERTY_COUNT);
	walk.only = TAKERS;
	while (fdt_walk_next(&walk) == FDT_OK) {
		if (!is_parent(search, walk.reached, from))
			continue;
		*parent = tree_place(&walk, PROPERTY_PARENT, TAKERS);
		return true;
	}
	return false;
}

/* The first @size bytes of what is left of @value, which loses them. */
static bool take(struct fdt_value *value, u32 size, struct fdt_value *taken)
{
	if (size > value->size)
		return false;
	*taken = (struct fdt_value){ value->data, size };
	if (size != 0) /* there may be no value to point into */
		value->data += size;
	value->size -= size;
	return true;
}

/* Both are as long as the mask, or a bit that it does not have counts. */
static bool is_same(struct fdt_value a, struct fdt_value b, struct fdt_value mask, u32 skip)
{
	for (u32 at = 0; at < a.size; at += CELL) {
		u64 bits = ~(u64)0;

		if (skip + at + CELL <= mask.size)
			bits = fdt_cells(mask.data + skip + at, 1);
		if ((fdt_cells(a.data + at, 1) ^ fdt_cells(b.data + at, 1)) & bits)
			return false;
	}
	return true;
}

/* An entry of an interrupt-map: from where to which parent's interrupt. */
struct map_entry {
	struct fdt_value unit, cells;
	struct route to;
};

/*
 * The next entry of @table, of the map at @route; @entry is the one before, or zero. How long it is
 * depends on its parent: where that cannot be found, nothing after it can be read.
 */
static bool next_entry(const struct search *search, const struct route *route,
		       struct fdt_value *table, struct map_entry *entry, u32 *seeks)
{
	u32 unit = cells_size(search, route->at.offset, "#address-cells"), before, phandle;
	struct tree_node named = { .parent = 0 };
	struct fdt_value parent;

	before = entry->to.at.offset != 0 ? cell(search, entry->to.at.offset, "phandle", 0) : 0;
	if (!take(table, unit, &entry->unit) || !take(table, route->cells.size, &entry->cells) ||
	    !take(table, CELL, &parent))
		return false;
	phandle = (u32)fdt_cells(parent.data, 1);
	named.parent = phandle;
	if ((phandle != before || before == 0) &&
	    ((phandle != search->gic_phandle && (*seeks)++ == SEEKS_MAX) ||
	     !find_parent(search, &named, &entry->to.at)))
		return false;
	return take(table, cells_size(search, entry->to.at.offset, "#address-cells"),
		    &entry->to.unit) &&
	       take(table, cells_size(search, entry->to.at.offset, "#interrupt-cells"),
		    &entry->to.cells);
}

static bool pass_map(const struct search *search, struct route *route)
{
	struct fdt_value table = property(search, route->at.offset, "interrupt-map");
	struct fdt_value mask = property(search, route->at.offset, "interrupt-map-mask");
	struct map_entry entry = { .to = { .at = { .offset = 0 } } };
	u32 seeks = 0;

	while (next_entry(search, route, &table, &entry, &seeks)) {
		if (entry.unit.size <= route->unit.size &&
		    is_same(entry.unit, route->unit, mask, 0) &&
		    is_same(entry.cells, route->cells, mask, entry.unit.size)) {
			*route = entry.to;
			return true;
		}
	}
	return false;
}

/*
 * Controllers whose bindings say that an interrupt has the GIC's cells and number there. One sets
 * polarities, the others mask what wakes the machine up; if any keeps an interrupt to itself, the
 * console finds that out and goes on without.
 */
static bool passes_on(const struct search *search, u32 offset)
{
	static const char names[][24] = { "mediatek,mt6577-sysirq", "nvidia,tegra20-ictlr",
					  "nvidia,tegra30-ictlr", "nvidia,tegra210-ictlr",
					  "fsl,imx8mq-gpc" };
	struct fdt_value compatible = property(search, offset, "compatible");

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (fdt_has_string(compatible.data, compatible.size, names[i]))
			return true;
	return false;
}

/* One step nearer to the GIC. */
static bool pass(const struct search *search, struct route *route)
{
	struct tree_node from = route->at;

	if (passes_on(search, from.offset))
		return find_parent(search, &from, &route->at);
	return property(search, from.offset, "interrupt-controller").data == NULL &&
	       pass_map(search, route);
}

/* A line in the GIC's own cells. */
static struct device_line read_line(struct fdt_value cells)
{
	struct device_line line = { 0, 0 };
	u32 kind, number;

	if (cells.size < GIC_CELLS_MIN * CELL)
		return line;
	kind = (u32)fdt_cells(cells.data, 1);
	number = (u32)fdt_cells(cells.data + CELL, 1);
	if (kind == KIND_SHARED && number < SHARED_COUNT)
		line.number = number + SHARED_FIRST;
	else if (kind == KIND_PER_CPU && number < PER_CPU_COUNT)
		line.number = number + PER_CPU_FIRST;
	line.flags = (u32)fdt_cells(cells.data + 2 * CELL, 1);
	return line;
}

static struct device_line follow(const struct search *search, struct route *route)
{
	for (unsigned i = 0; i < HOPS_MAX; i++) {
		if (route->at.offset == search->gic.offset)
			return read_line(route->cells);
		if (!pass(search, route))
			break;
	}
	return (struct device_line){ 0, 0 };
}

/*
 * Interrupt @index of those that @node has, at its parent. Of interrupts-extended each names its
 * own, which says how many cells there are.
 */
static bool begin(const struct search *search, const struct tree_node *node, u32 index,
		  struct route *route)
{
	struct fdt_value left = property(search, node->offset, "interrupts-extended");
	bool extended = left.data != NULL;
	struct fdt_value phandle;

	if (!extended) {
		left = property(search, node->offset, "interrupts");
		if (!find_parent(search, node, &route->at))
			return false;
	}
	for (u32 i = 0; i <= index; i++) {
		struct tree_node named = { .parent = 0 };

		if (extended) {
			if (!take(&left, CELL, &phandle))
				return false;
			named.parent = (u32)fdt_cells(phandle.data, 1);
			if (!find_parent(search, &named, &route->at))
				return false;
		}
		if (!take(&left, cells_size(search, route->at.offset, "#interrupt-cells"),
			  &route->cells))
			return false;
	}
	route->unit = property(search, node->offset, "reg");
	return true;
}

static struct device_line line_of(const struct search *search, const struct tree_node *node,
				  u32 index)
{
	struct route route;

	if (node->offset == 0 || index == NOT_NAMED || !begin(search, node, index, &route))
		return (struct device_line){ 0, 0 };
	return follow(search, &route);
}

/* Which of the strings in @names is @word, or NOT_NAMED; @unnamed where there are none. */
static u32 index_of(struct fdt_value names, const char *word, u32 unnamed)
{
	u32 index = 0, length;

	if (names.data == NULL)
		return unnamed;
	for (u32 at = 0; at < names.size; at += length + 1, index++) {
		length = (u32)strnlen((const char *)names.data + at, names.size - at);
		if (length == strlen(word) && memcmp(names.data + at, word, length) == 0)
			return index;
	}
	return NOT_NAMED;
}

static void read_gic(const struct search *search, const struct tree_nodes *nodes,
		     struct device_gic *gic)
{
	struct fdt_value stride = property(search, nodes->gic.offset, "redistributor-stride");
	u32 rows = cell(search, nodes->gic.offset, "#redistributor-regions", 1);

	gic->version = nodes->gic_version;
	gic->regions = nodes->gic_regions;
	memcpy(gic->region, nodes->gic_region, gic->regions * sizeof(gic->region[0]));
	gic->rows = gic->regions != 0 ? (unsigned)min_u64(rows, gic->regions - 1) : 0;
	if (stride.size == CELL || stride.size == 2 * CELL)
		gic->stride = fdt_cells(stride.data, stride.size / CELL);
}

static void read_timers(const struct search *search, const struct tree_node *node,
			struct device_line *lines)
{
	struct fdt_value names;

	if (node->offset == 0)
		return;
	names = property(search, node->offset, "interrupt-names");
	for (unsigned i = 0; i < DEVICE_TIMER_COUNT; i++)
		lines[i] = line_of(search, node, index_of(names, timers[i].name, timers[i].index));
}

static void read_psci(const struct search *search, u32 offset, struct device_psci *psci)
{
	struct fdt_value method = property(search, offset, "method");

	if (fdt_has_string(method.data, method.size, "hvc"))
		psci->conduit = PSCI_HVC;
	else if (fdt_has_string(method.data, method.size, "smc"))
		psci->conduit = PSCI_SMC;
	else
		return;
	psci->cpu_on = cell(search, offset, "cpu_on", 0);
	psci->cpu_off = cell(search, offset, "cpu_off", 0);
}

/* The registers that are written to need not be the first: a node's may begin before them. */
static const struct tree_node *find_console(const struct tree_nodes *nodes, paddr_t console)
{
	for (u32 i = 0; i < nodes->uarts; i++) {
		u64 into = console.value - nodes->uart_region[i].start;

		if (into == 0 || into < nodes->uart_region[i].size)
			return &nodes->uart[i];
	}
	return NULL;
}

void devices_read(const struct fdt *fdt, const struct tree_nodes *nodes, paddr_t console,
		  struct devices *devices)
{
	const struct tree_node *uart = find_console(nodes, console);
	struct search search = { .fdt = fdt, .gic = nodes->gic };

	*devices = (struct devices){ .has_console = uart != NULL };
	if (nodes->psci_old != 0)
		read_psci(&search, nodes->psci_old, &devices->psci_old);
	if (nodes->gic.offset == 0)
		return;
	search.gic_phandle = cell(&search, nodes->gic.offset, "phandle", 0);
	read_gic(&search, nodes, &devices->gic);
	read_timers(&search, &nodes->timer, devices->timer);
	if (uart != NULL)
		devices->console = line_of(&search, uart, 0);
}

const struct devices *kernel_devices(const struct kernel *kernel)
{
	static struct devices devices;
	static bool looked;

	if (!looked && kernel->nodes != NULL)
		devices_read(&kernel->fdt, kernel->nodes, kernel->console.address, &devices);
	looked = true;
	return &devices;
}
