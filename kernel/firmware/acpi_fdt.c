// SPDX-License-Identifier: MIT
/*
 * A device tree from what ACPI's tables say.
 * Runs in the EFI stub before relocation, in the kernel as long as that has its init code, and on
 * the host. May not use: absolute addresses, .bss, unaligned accesses, instructions a host compiler
 * cannot build.
 */
#include <pagoda/kernel/firmware/acpi.h>
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/lib/format.h>

/* Of register frames: what the GIC architecture makes them. */
#define GICD_FRAME KIB(64)
#define GICD_FRAME_V2 KIB(4)
#define GICC_FRAME_V2 KIB(8)
#define UART_FRAME KIB(4)

/* Interrupts of the GIC, by number: each CPU's own, shared ones, and those that mean none. */
#define GIC_OWN 16
#define GIC_SHARED 32
#define GIC_SPECIAL 1020
#define GIC_TYPE_SHARED 0
#define GIC_TYPE_OWN 1
#define GIC_NOBODY 0xffff

/* How they are signalled, in the GIC's binding, and in the GTDT's flags. */
#define IRQ_RISING 1
#define IRQ_FALLING 2
#define IRQ_LEVEL_HIGH 4
#define IRQ_LEVEL_LOW 8
#define TIMER_EDGE BIT(0)
#define TIMER_ACTIVE_LOW BIT(1)

#define PHANDLE_GIC 1
#define SERIAL_PATH_SIZE 32

/* "compatible" with a list of strings in one literal. */
#define write_compatible(writer, list) fdt_write_bytes(writer, "compatible", list, sizeof(list))

static void write_region(struct fdt_writer *writer, u64 start, u64 size)
{
	fdt_write_number(writer, start, 2);
	fdt_write_number(writer, size, 2);
}

static void write_chosen(const struct acpi *acpi, const struct fdt_edit *edit,
			 struct fdt_writer *writer)
{
	char path[SERIAL_PATH_SIZE];

	fdt_write_node(writer, "chosen");
	fdt_write_settings(writer, edit);
	if (acpi_has_console(&acpi->uart) && !fdt_edit_sets(edit, "stdout-path")) {
		format(path, sizeof(path), "/serial@%lx", acpi->uart.address);
		fdt_write_string(writer, "stdout-path", path);
	}
	fdt_write_string(writer, CHOSEN_MADE_OF, CHOSEN_MADE_OF_ACPI);
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
	if (acpi->gicd == 0)
		return;
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

/* As the GIC's binding has them: shared ones and each CPU's own are counted from 0 each. */
static void write_interrupt(struct fdt_writer *writer, u32 number, u32 flags)
{
	bool shared = number >= GIC_SHARED;

	fdt_write_number(writer, shared ? GIC_TYPE_SHARED : GIC_TYPE_OWN, 1);
	fdt_write_number(writer, number - (shared ? GIC_SHARED : GIC_OWN), 1);
	fdt_write_number(writer, flags, 1);
}

static u32 timer_flags(u32 flags)
{
	bool low = flags & TIMER_ACTIVE_LOW;

	if (flags & TIMER_EDGE)
		return low ? IRQ_FALLING : IRQ_RISING;
	return low ? IRQ_LEVEL_LOW : IRQ_LEVEL_HIGH;
}

/* One that is not there, or not a CPU's own, gets a number past those: it keeps its place. */
static void write_timer(const struct acpi *acpi, struct fdt_writer *writer)
{
	if (!acpi->has_timers || acpi->gicd == 0)
		return;
	fdt_write_node(writer, "timer");
	fdt_write_string(writer, "compatible", "arm,armv8-timer");
	fdt_write_list(writer, "interrupts");
	for (u32 i = 0; i < ACPI_TIMERS; i++) {
		u32 number = acpi->timer[i].interrupt;
		bool own = number >= GIC_OWN && number < GIC_SHARED;

		fdt_write_number(writer, GIC_TYPE_OWN, 1);
		fdt_write_number(writer, own ? number - GIC_OWN : GIC_NOBODY, 1);
		fdt_write_number(writer, timer_flags(acpi->timer[i].flags), 1);
	}
	fdt_write_list_end(writer);
	fdt_write_node_end(writer);
}

/* An SBSA UART is not a PL011: it has fewer registers. */
static void write_kind(const struct acpi_uart *uart, struct fdt_writer *writer)
{
	switch (uart->console) {
	case ACPI_CONSOLE_PL011:
		write_compatible(writer, "arm,pl011\0arm,primecell");
		break;
	case ACPI_CONSOLE_SBSA:
		write_compatible(writer, "arm,sbsa-uart");
		break;
	case ACPI_CONSOLE_16550:
		write_compatible(writer, "ns16550a");
		fdt_write_u32(writer, "reg-shift", uart->shift);
		fdt_write_u32(writer, "reg-io-width", uart->width);
		break;
	case ACPI_CONSOLE_BCM2835:
		write_compatible(writer, "brcm,bcm2835-aux-uart");
		break;
	case ACPI_CONSOLE_MSM:
		write_compatible(writer, "qcom,msm-uartdm-v1.4\0qcom,msm-uartdm");
		break;
	case ACPI_CONSOLE_GENI:
		write_compatible(writer, "qcom,geni-debug-uart");
		break;
	case ACPI_CONSOLE_EXYNOS:
		write_compatible(writer, "samsung,exynos4210-uart");
		break;
	case ACPI_CONSOLE_IMX:
		write_compatible(writer, "fsl,imx6q-uart\0fsl,imx21-uart");
		break;
	case ACPI_CONSOLE_NONE:
	case ACPI_CONSOLE_UNKNOWN:
		break;
	}
}

/* Of level-sensitive interrupts, as the SPCR has them. */
static void write_serial(const struct acpi *acpi, struct fdt_writer *writer)
{
	const struct acpi_uart *uart = &acpi->uart;

	if (!acpi_has_console(uart))
		return;
	fdt_write_node_at(writer, "serial", uart->address);
	write_kind(uart, writer);
	fdt_write_list(writer, "reg");
	write_region(writer, uart->address, UART_FRAME);
	fdt_write_list_end(writer);
	if (uart->interrupt >= GIC_OWN && uart->interrupt < GIC_SPECIAL && acpi->gicd != 0) {
		fdt_write_list(writer, "interrupts");
		write_interrupt(writer, uart->interrupt, IRQ_LEVEL_HIGH);
		fdt_write_list_end(writer);
	}
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
	if (acpi->gicd != 0)
		fdt_write_u32(&writer, "interrupt-parent", PHANDLE_GIC);
	fdt_write_memory(&writer, edit, 2, 2);
	fdt_write_screen(&writer, edit, 2, 2);
	write_chosen(acpi, edit, &writer);
	write_cpus(acpi, &writer);
	write_psci(acpi, &writer);
	write_gic(acpi, &writer);
	write_timer(acpi, &writer);
	write_serial(acpi, &writer);
	fdt_write_node_end(&writer);
	return fdt_write_finish(&writer, written);
}
