// SPDX-License-Identifier: MIT
/*
 * The console as ACPI names it: in the SPCR, or else in the DBG2, which is for debuggers.
 * Runs in the EFI stub before relocation, in the kernel as long as that has its init code, and on
 * the host. May not use: absolute addresses, .bss, unaligned accesses, instructions a host compiler
 * cannot build.
 */
#include <pagoda/kernel/firmware/acpi_table.h>

/* Byte offsets (SPCR revision 4; DBG2; ACPI 6.5, 5.2.3.2 for the generic address structure). */
enum console_field {
	SPCR_INTERFACE = 36,
	SPCR_GAS = 40,
	SPCR_INTERRUPT_TYPE = 52,
	SPCR_INTERRUPT = 54,
	DBG2_DEVICES = 36, /* where the first is */
	DBG2_COUNT = 40,
	DEVICE_LENGTH = 1,
	DEVICE_PORT_TYPE = 12,
	DEVICE_PORT_SUBTYPE = 14,
	DEVICE_GAS = 18, /* where it is in the device */
	DEVICE_SIZE = 22,
	GAS_SPACE = 0,
	GAS_BITS = 1,
	GAS_ACCESS = 3,
	GAS_ADDRESS = 4,
	GAS_SIZE = 12,
};

#define DBG2_PORT_SERIAL 0x8000
#define INTERRUPT_GIC BIT(3)
#define SPACE_MEMORY 0

/* Serial port subtypes (DBG2 specification, table 3), which are the SPCR's interface types. */
enum uart_type {
	UART_16550 = 0x00,
	UART_16550_SUBSET = 0x01,
	UART_PL011 = 0x03,
	UART_MSM8X60 = 0x04,
	UART_NVIDIA = 0x05,
	UART_MSM8974 = 0x09,
	UART_SAM5250 = 0x0a,
	UART_IMX6 = 0x0c,
	UART_SBSA_32BIT = 0x0d,
	UART_SBSA = 0x0e,
	UART_BCM2835 = 0x10,
	UART_SDM845_SLOW = 0x11, /* its clock runs at 1.8 MHz, */
	UART_16550_GAS = 0x12,
	UART_SDM845 = 0x13, /* at 7.4 MHz */
};

static enum acpi_console console_of(u32 type)
{
	switch (type) {
	case UART_16550:
	case UART_16550_SUBSET:
	case UART_NVIDIA:
	case UART_16550_GAS:
		return ACPI_CONSOLE_16550;
	case UART_PL011:
		return ACPI_CONSOLE_PL011;
	case UART_SBSA:
	case UART_SBSA_32BIT:
		return ACPI_CONSOLE_SBSA;
	case UART_MSM8X60:
	case UART_MSM8974:
		return ACPI_CONSOLE_MSM;
	case UART_SDM845:
	case UART_SDM845_SLOW:
		return ACPI_CONSOLE_GENI;
	case UART_SAM5250:
		return ACPI_CONSOLE_EXYNOS;
	case UART_IMX6:
		return ACPI_CONSOLE_IMX;
	case UART_BCM2835:
		return ACPI_CONSOLE_BCM2835;
	}
	return ACPI_CONSOLE_UNKNOWN;
}

/* Bytes in an access: as the access size says, or else as wide as a register is. */
static u8 access_bytes(u8 access, u8 bits)
{
	if (access == 0)
		return bits == 16 || bits == 32 ? bits / 8 : 1;
	return access <= 3 ? (u8)(1 << (access - 1)) : 4;
}

/*
 * Of 16550s: registers stand as far apart as the wider of access and register is. All of Tegra's
 * are of 32 bits, whatever tables say.
 */
static void read_width(struct acpi_uart *uart, u8 access, u8 bits)
{
	u8 apart;

	uart->width = uart->type == UART_NVIDIA ? 4 : access_bytes(access, bits);
	apart = access_bytes(0, bits);
	if (apart < uart->width)
		apart = uart->width;
	uart->shift = apart == 4 ? 2 : apart / 2;
}

/* An address of 0 is how firmware says that there is no console. */
static void uart_read(struct acpi_uart *uart, u32 type, const u8 *gas)
{
	*uart = (struct acpi_uart){ .type = type,
				    .space = gas[GAS_SPACE],
				    .address = number64(gas + GAS_ADDRESS) };
	if (uart->address == 0)
		return;
	uart->console = uart->space == SPACE_MEMORY ? console_of(type) : ACPI_CONSOLE_UNKNOWN;
	read_width(uart, gas[GAS_ACCESS], gas[GAS_BITS]);
}

void acpi_spcr_read(struct acpi *acpi, const u8 *spcr)
{
	uart_read(&acpi->uart, spcr[SPCR_INTERFACE], spcr + SPCR_GAS);
	if (spcr[SPCR_INTERRUPT_TYPE] & INTERRUPT_GIC)
		acpi->uart.interrupt = number32(spcr + SPCR_INTERRUPT);
}

/* One device, whose first @length bytes are there. */
static void device_read(struct acpi *acpi, const u8 *device, u32 length)
{
	u32 gas = (u32)number(device + DEVICE_GAS, sizeof(u16));
	struct acpi_uart uart;

	if (number(device + DEVICE_PORT_TYPE, sizeof(u16)) != DBG2_PORT_SERIAL || gas > length ||
	    length - gas < GAS_SIZE)
		return;
	uart_read(&uart, (u32)number(device + DEVICE_PORT_SUBTYPE, sizeof(u16)), device + gas);
	if (acpi_has_console(&uart) || acpi->uart.console == ACPI_CONSOLE_NONE)
		acpi->uart = uart;
}

enum acpi_status acpi_dbg2_read(struct acpi *acpi, const u8 *dbg2, u32 length)
{
	u32 at = number32(dbg2 + DBG2_DEVICES), count = number32(dbg2 + DBG2_COUNT);

	for (; count > 0 && !acpi_has_console(&acpi->uart); count--) {
		u32 size;

		if (at > length || length - at < DEVICE_SIZE)
			return ACPI_BAD_ENTRY;
		size = (u32)number(dbg2 + at + DEVICE_LENGTH, sizeof(u16));
		if (size < DEVICE_SIZE || size > length - at)
			return ACPI_BAD_ENTRY;
		device_read(acpi, dbg2 + at, size);
		at += size;
	}
	return ACPI_OK;
}
