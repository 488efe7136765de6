// SPDX-License-Identifier: MIT
#include <libfdt.h>
#include <string.h>

#include "fake_fdt.h"

/* The first error sticks; libfdt's writer refuses everything after one. */
struct writer {
	void *blob;
	int error;
};

static void note(struct writer *writer, int error)
{
	if (writer->error == 0)
		writer->error = error;
}

static void begin(struct writer *writer, const char *name)
{
	note(writer, fdt_begin_node(writer->blob, name));
}

static void end(struct writer *writer)
{
	note(writer, fdt_end_node(writer->blob));
}

static void put_string(struct writer *writer, const char *name, const char *value)
{
	if (value)
		note(writer, fdt_property_string(writer->blob, name, value));
}

static void put_cells(struct writer *writer, const char *name, const uint32_t *cells, size_t count)
{
	fdt32_t value[4 * FAKE_FDT_RANGES_MAX];

	for (size_t i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	note(writer, fdt_property(writer->blob, name, value, (int)(count * sizeof(value[0]))));
}

static void put_cell_sizes(struct writer *writer, uint32_t address, uint32_t size)
{
	put_cells(writer, "#address-cells", &address, 1);
	put_cells(writer, "#size-cells", &size, 1);
}

/* (address, size) pairs of two cells each. */
static void put_ranges(struct writer *writer, const struct fake_fdt_range *range)
{
	uint32_t cells[4 * FAKE_FDT_RANGES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < FAKE_FDT_RANGES_MAX && range[i].size != 0; i++) {
		cells[count++] = (uint32_t)(range[i].start >> 32);
		cells[count++] = (uint32_t)range[i].start;
		cells[count++] = (uint32_t)(range[i].size >> 32);
		cells[count++] = (uint32_t)range[i].size;
	}
	put_cells(writer, "reg", cells, count);
}

static void put_padding(struct writer *writer, unsigned size)
{
	void *data;

	if (size == 0)
		return;
	note(writer, fdt_property_placeholder(writer->blob, "padding", (int)size, &data));
	if (writer->error == 0)
		memset(data, 0xee, size);
}

static void put_address(struct writer *writer, const char *name, uint64_t address)
{
	if (address >> 32 == 0)
		note(writer, fdt_property_u32(writer->blob, name, (uint32_t)address));
	else
		note(writer, fdt_property_u64(writer->blob, name, address));
}

static void put_chosen(struct writer *writer, const struct fake_fdt *fdt)
{
	if (fdt->no_chosen)
		return;
	begin(writer, "chosen");
	if (fdt->has_seed)
		note(writer, fdt_property_u64(writer->blob, "kaslr-seed", fdt->seed));
	put_string(writer, "bootargs", fdt->bootargs);
	put_string(writer, "stdout-path", fdt->stdout_path);
	if (fdt->initrd.size != 0) {
		put_address(writer, "linux,initrd-start", fdt->initrd.start);
		put_address(writer, "linux,initrd-end", fdt->initrd.start + fdt->initrd.size);
	}
	end(writer);
}

static void put_stray_chosen(struct writer *writer, const struct fake_fdt *fdt)
{
	if (fdt->stray_seed == 0)
		return;
	begin(writer, "chosen@1");
	note(writer,
	     fdt_property_u64(writer->blob, "kaslr-seed", fdt->stray_wiped ? 0 : fdt->stray_seed));
	end(writer);
}

static void put_memory(struct writer *writer, const struct fake_fdt *fdt)
{
	if (fdt->no_memory)
		return;
	begin(writer, "memory@0");
	put_ranges(writer, fdt->memory);
	put_string(writer, "device_type", "memory");
	end(writer);
	if (fdt->spare[0].size == 0)
		return;
	begin(writer, "memory@1");
	put_ranges(writer, fdt->spare);
	put_string(writer, "status", fdt->spare_status);
	put_string(writer, "device_type", "memory");
	end(writer);
}

static void put_reserved_memory(struct writer *writer, const struct fake_fdt *fdt)
{
	if (fdt->reserved_memory[0].size == 0 && fdt->no_map[0].size == 0)
		return;
	begin(writer, "reserved-memory");
	if (!fdt->no_reserved_cells)
		put_cell_sizes(writer, 2, 2);
	note(writer, fdt_property(writer->blob, "ranges", NULL, 0));
	begin(writer, "firmware@0");
	put_ranges(writer, fdt->reserved_memory);
	end(writer);
	begin(writer, "secure@0");
	put_string(writer, "device_type", "memory"); /* as some boards have it, and it is none */
	put_ranges(writer, fdt->no_map);
	note(writer, fdt_property(writer->blob, "no-map", NULL, 0));
	end(writer);
	end(writer);
}

static void put_psci(struct writer *writer, const struct fake_fdt *fdt)
{
	if (!fdt->psci_method)
		return;
	begin(writer, "psci");
	put_string(writer, "compatible", fdt->psci_compatible);
	put_string(writer, "method", fdt->psci_method);
	end(writer);
}

static void put_bridge(struct writer *writer, const char *name,
		       const struct fake_fdt_bridge *bridge)
{
	static const struct fake_fdt_range registers[FAKE_FDT_RANGES_MAX] = { { 0x4010000000,
										0x10000000 } };

	if (!bridge->compatible)
		return;
	begin(writer, name);
	put_cells(writer, "ranges", bridge->ranges, bridge->count);
	put_ranges(writer, registers);
	put_cell_sizes(writer, bridge->address_cells, 2);
	put_string(writer, "device_type", "pci");
	put_string(writer, "compatible", bridge->compatible);
	put_string(writer, "status", bridge->disabled ? "disabled" : NULL);
	end(writer);
}

static void put_serial(struct writer *writer, const struct fake_fdt_serial *serial)
{
	put_string(writer, "compatible", serial->compatible);
	if (serial->reg_shift)
		put_cells(writer, "reg-shift", &serial->reg_shift, 1);
	if (serial->reg_io_width)
		put_cells(writer, "reg-io-width", &serial->reg_io_width, 1);
	if (serial->reg_offset)
		put_cells(writer, "reg-offset", &serial->reg_offset, 1);
}

/* Every UART of @place. @cells: of an address there and of a size. */
static void put_uarts(struct writer *writer, const struct fake_fdt *fdt, enum fake_fdt_place place,
		      unsigned cells)
{
	static const char compatible[] = "arm,pl011\0arm,primecell";

	for (size_t i = 0; i < FAKE_FDT_UARTS_MAX && fdt->uart[i].name; i++) {
		const struct fake_fdt_uart *uart = &fdt->uart[i];
		uint32_t narrow[2] = { uart->address, 0x1000 };
		uint32_t wide[4] = { 0, uart->address, 0, 0x1000 };

		if (uart->place != place)
			continue;
		begin(writer, uart->name);
		put_cells(writer, "reg", cells == 1 ? narrow : wide, cells * 2);
		if (i == 0 && fdt->serial.compatible)
			put_serial(writer, &fdt->serial);
		else
			note(writer, fdt_property(writer->blob, "compatible", compatible,
						  sizeof(compatible)));
		put_string(writer, "status", uart->status);
		end(writer);
	}
}

/* Two buses, one in the other, and one that leads nowhere. */
static void put_buses(struct writer *writer, const struct fake_fdt *fdt)
{
	static const uint32_t outer[] = { 0x0, 0x0, 0x8000000, 0x1000000 };
	static const uint32_t inner[] = { 0xf0000000, 0xf0000000, 0x1000, 0x0, 0x100000, 0x100000 };

	begin(writer, "soc@8000000");
	put_string(writer, "status", fdt->bus_status);
	put_cell_sizes(writer, 1, 1);
	put_cells(writer, "ranges", outer, 4);
	begin(writer, "apb@100000");
	put_cell_sizes(writer, 1, 1);
	put_cells(writer, "ranges", inner, 6);
	put_uarts(writer, fdt, UART_ON_INNER_BUS, 1);
	end(writer);
	put_uarts(writer, fdt, UART_ON_BUS, 1);
	end(writer);
	begin(writer, "i2c");
	put_cell_sizes(writer, 1, 1);
	put_uarts(writer, fdt, UART_ON_CLOSED_BUS, 1);
	end(writer);
}

static void put_aliases(struct writer *writer, const struct fake_fdt *fdt)
{
	if (!fdt->serial0)
		return;
	begin(writer, "aliases");
	put_string(writer, "serial0", fdt->serial0);
	end(writer);
}

static void put_reservations(struct writer *writer, const struct fake_fdt *fdt)
{
	for (size_t i = 0; i < FAKE_FDT_RANGES_MAX && fdt->reserve[i].size != 0; i++)
		note(writer, fdt_add_reservemap_entry(writer->blob, fdt->reserve[i].start,
						      fdt->reserve[i].size));
	note(writer, fdt_finish_reservemap(writer->blob));
}

struct fake_fdt fake_fdt_default(void)
{
	return (struct fake_fdt){
		.has_seed = true,
		.seed = 0x0123456789abcdef,
		.stdout_path = "/pl011@9000000",
		.psci_compatible = "arm,psci-1.0",
		.psci_method = "hvc",
		.memory = { { 0x40000000, 0x20000000 } },
		.uart = { { "pl011@9000000", UART_AT_ROOT, 0x9000000, NULL } },
	};
}

size_t fake_fdt_build(const struct fake_fdt *fdt, void *blob, size_t size)
{
	struct writer writer = { .blob = blob };

	note(&writer, fdt_create(blob, (int)size));
	put_reservations(&writer, fdt);
	begin(&writer, "");
	put_cell_sizes(&writer, 2, 2);
	put_string(&writer, "compatible", "linux,dummy-virt");
	put_padding(&writer, fdt->padding);
	if (!fdt->chosen_last)
		put_chosen(&writer, fdt);
	put_stray_chosen(&writer, fdt);
	put_memory(&writer, fdt);
	put_reserved_memory(&writer, fdt);
	put_psci(&writer, fdt);
	put_bridge(&writer, "pcie@10000000", &fdt->bridge[0]);
	put_bridge(&writer, "pcie@20000000", &fdt->bridge[1]);
	put_uarts(&writer, fdt, UART_AT_ROOT, 2);
	put_buses(&writer, fdt);
	put_aliases(&writer, fdt);
	if (fdt->chosen_last)
		put_chosen(&writer, fdt);
	end(&writer);
	note(&writer, fdt_finish(blob));
	return writer.error == 0 ? fdt_totalsize(blob) : 0;
}
