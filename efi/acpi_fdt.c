// SPDX-License-Identifier: MIT
/*
 * A device tree from what ACPI's tables say.
 * Runs in the EFI stub before relocation, and on the host. May not use: absolute addresses, .bss,
 * unaligned accesses, instructions a host compiler cannot build.
 */
#include <pagoda/efi/acpi.h>
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/lib/format.h>

/* Of register frames: what the GIC architecture makes them. */
#define GICD_FRAME KIB(64)
#define GICD_FRAME_V2 KIB(4)
#define GICC_FRAME_V2 KIB(8)
#define UART_FRAME KIB(4)

#define PHANDLE_GIC 1
#define SERIAL_PATH_SIZE 32

/* "compatible" with a list of strings in one literal. */
#define write_compatible(writer, list) fdt_write_bytes(writer, "compatible", list, sizeof(list))

static void write_region(struct fdt_writer *writer, u64 start, u64 size)
{
	fdt_write_number(writer, start, 2);
	fdt_write_number(writer, size, 2);
}

static bool has_console(const struct acpi *acpi)
{
	return acpi->console == ACPI_CONSOLE_PL011 || acpi->console == ACPI_CONSOLE_SBSA;
}

static void write_chosen(const struct acpi *acpi, const struct fdt_edit *edit,
			 struct fdt_writer *writer)
{
	char path[SERIAL_PATH_SIZE];

	fdt_write_node(writer, "chosen");
	fdt_write_settings(writer, edit);
	if (has_console(acpi) && !fdt_edit_sets(edit, "stdout-path")) {
		format(path, sizeof(path), "/serial@%lx", acpi->uart);
		fdt_write_string(writer, "stdout-path", path);
	}
	if (!fdt_edit_sets(edit, CHOSEN_RSDP))
		fdt_write_u64(writer, CHOSEN_RSDP, acpi->rsdp);
	fdt_write_node_end(writer);
}

static void write_cpu(const struct acpi *acpi, u64 mpidr, struct fdt_writer *writer)
{
	fdt_write_node_at(writer, "cpu", mpidr);
	fdt_write_string(writer, "device_type", "cpu");
	fdt_write_string(writer, "compatible", "arm,armv8");
	fdt_write_u64(writer, "reg", mpidr);
	if (acpi->psci != PSCI_NONE)
		fdt_write_string(writer, "enable-method", "psci");
	fdt_write_node_end(writer);
}

static void write_cpus(const struct acpi *acpi, struct fdt_writer *writer)
{
	const u8 *entry = NULL;
	u64 mpidr;

	fdt_write_node(writer, "cpus");
	fdt_write_u32(writer, "#address-cells", 2);
	fdt_write_u32(writer, "#size-cells", 0);
	while (acpi_processor_next(acpi, &entry, &mpidr))
		write_cpu(acpi, mpidr, writer);
	fdt_write_node_end(writer);
}

static void write_psci(const struct acpi *acpi, struct fdt_writer *writer)
{
	if (acpi->psci == PSCI_NONE)
		return;
	fdt_write_node(writer, "psci");
	write_compatible(writer, "arm,psci-1.0\0arm,psci-0.2");
	fdt_write_string(writer, "method", acpi->psci == PSCI_HVC ? "hvc" : "smc");
	fdt_write_node_end(writer);
}

static void write_gic_v2(const struct acpi *acpi, struct fdt_writer *writer)
{
	fdt_write_string(writer, "compatible", "arm,cortex-a15-gic");
	fdt_write_list(writer, "reg");
	write_region(writer, acpi->gicd, GICD_FRAME_V2);
	write_region(writer, acpi->gicc, GICC_FRAME_V2);
	fdt_write_list_end(writer);
}

static void write_gic_v3(const struct acpi *acpi, struct fdt_writer *writer)
{
	const u8 *entry = NULL;
	u64 start, size;

	fdt_write_string(writer, "compatible", "arm,gic-v3");
	fdt_write_u32(writer, "#redistributor-regions", acpi->redistributors);
	fdt_write_list(writer, "reg");
	write_region(writer, acpi->gicd, GICD_FRAME);
	while (acpi_redistributor_next(acpi, &entry, &start, &size))
		write_region(writer, start, size);
	fdt_write_list_end(writer);
}

static void write_gic(const struct acpi *acpi, struct fdt_writer *writer)
{
	fdt_write_node_at(writer, "intc", acpi->gicd);
	if (acpi->gic_version == 2)
		write_gic_v2(acpi, writer);
	else
		write_gic_v3(acpi, writer);
	fdt_write_u32(writer, "#interrupt-cells", 3);
	fdt_write_bytes(writer, "interrupt-controller", NULL, 0);
	fdt_write_u32(writer, "phandle", PHANDLE_GIC);
	fdt_write_node_end(writer);
}

/*
 * The early runtime knows a PL011 by its name, and does nothing with one that an SBSA UART could
 * not do as well, but for looking whether it is turned on, at a register that reads as zero there.
 */
static void write_serial(const struct acpi *acpi, struct fdt_writer *writer)
{
	if (!has_console(acpi))
		return;
	fdt_write_node_at(writer, "serial", acpi->uart);
	if (acpi->console == ACPI_CONSOLE_SBSA)
		write_compatible(writer, "arm,sbsa-uart\0arm,pl011");
	else
		write_compatible(writer, "arm,pl011\0arm,primecell");
	fdt_write_list(writer, "reg");
	write_region(writer, acpi->uart, UART_FRAME);
	fdt_write_list_end(writer);
	fdt_write_node_end(writer);
}

enum fdt_write_status acpi_write_fdt(const struct acpi *acpi, const struct fdt_edit *edit,
				     void *buffer, size_t size, u32 *written)
{
	struct fdt_writer writer;

	fdt_write_begin(&writer, buffer, size);
	fdt_write_node(&writer, "");
	fdt_write_string(&writer, "compatible", "pagoda,acpi");
	fdt_write_u32(&writer, "#address-cells", 2);
	fdt_write_u32(&writer, "#size-cells", 2);
	fdt_write_u32(&writer, "interrupt-parent", PHANDLE_GIC);
	fdt_write_memory(&writer, edit, 2, 2);
	write_chosen(acpi, edit, &writer);
	write_cpus(acpi, &writer);
	write_psci(acpi, &writer);
	write_gic(acpi, &writer);
	write_serial(acpi, &writer);
	fdt_write_node_end(&writer);
	return fdt_write_finish(&writer, written);
}
