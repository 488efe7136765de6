/* SPDX-License-Identifier: MIT */
/*
 * The UARTs that Pagoda drives. A driver is lib/DRIVER.c, with the functions below, and rows here:
 * enum serial_type, what device trees and command lines call it, and the way from serial.h to the
 * driver are made of the rows.
 */
#ifndef PAGODA_UART_H
#define PAGODA_UART_H

#include <pagoda/types.h>

/*
 * row(TYPE, DRIVER, NAME)
 *   TYPE         in enum serial_type. From SERIAL_GENI on, input is polled: such a driver has no
 *                interrupts. From SERIAL_IMX on, in the order of lib/simple_uart.c's models
 *   DRIVER       the name of its file, and what its functions begin with
 *   NAME         in reports; at most 11 characters
 */
/* clang-format off */
#define UARTS(row) \
	row(SERIAL_PL011, pl011, "PL011") \
	row(SERIAL_SBSA, sbsa_uart, "SBSA UART") \
	row(SERIAL_8250, uart8250, "16550") \
	row(SERIAL_GENI, geni_uart, "GENI UART") \
	row(SERIAL_SEMIHOST, semihost, "semihosting") \
	row(SERIAL_BUFFER, text_buffer, "text buffer") \
	row(SERIAL_IMX, simple_uart, "i.MX UART") \
	row(SERIAL_LPUART, simple_uart, "LPUART") \
	row(SERIAL_MESON, simple_uart, "Meson UART") \
	row(SERIAL_CADENCE, simple_uart, "Cadence") \
	row(SERIAL_UARTDM, simple_uart, "UARTDM") \
	row(SERIAL_SCIF, simple_uart, "SCIF") \
	row(SERIAL_HSCIF, simple_uart, "HSCIF") \
	row(SERIAL_EXYNOS, simple_uart, "Exynos UART") \
	row(SERIAL_APPLE, simple_uart, "Apple UART") \
	row(SERIAL_A3700, simple_uart, "A3700 UART")

/*
 * What device trees call them. A relative that names one of these after its own name needs no row.
 *
 * row(NAME, TYPE, REG_SHIFT, IO_WIDTH, OFFSET)
 *   NAME         at most 24 characters
 *   REG_SHIFT, IO_WIDTH
 *                of struct serial_kind, where the node has no properties of these names
 *   OFFSET       of the registers from the node's address
 */
#define UART_COMPATIBLES(row) \
	row("arm,pl011", SERIAL_PL011, 0, 0, 0) \
	row("arm,sbsa-uart", SERIAL_SBSA, 0, 0, 0) \
	row("ns8250", SERIAL_8250, 0, 1, 0) \
	row("ns16450", SERIAL_8250, 0, 1, 0) \
	row("ns16550", SERIAL_8250, 0, 1, 0) \
	row("ns16550a", SERIAL_8250, 0, 1, 0) \
	row("ns16850", SERIAL_8250, 0, 1, 0) \
	row("snps,dw-apb-uart", SERIAL_8250, 2, 4, 0) \
	row("brcm,bcm2835-aux-uart", SERIAL_8250, 2, 4, 0) \
	row("brcm,bcm7271-uart", SERIAL_8250, 2, 4, 0) \
	row("intel,xscale-uart", SERIAL_8250, 2, 4, 0) \
	row("marvell,armada-38x-uart", SERIAL_8250, 2, 4, 0) \
	row("mediatek,mt6577-uart", SERIAL_8250, 2, 4, 0) \
	row("mrvl,mmp-uart", SERIAL_8250, 2, 4, 0) \
	row("nuvoton,npcm750-uart", SERIAL_8250, 2, 4, 0) \
	row("nvidia,tegra20-uart", SERIAL_8250, 2, 4, 0) \
	row("ti,am654-uart", SERIAL_8250, 2, 4, 0) \
	row("ti,dra742-uart", SERIAL_8250, 2, 4, 0) \
	row("ti,omap4-uart", SERIAL_8250, 2, 4, 0) \
	row("qcom,geni-debug-uart", SERIAL_GENI, 0, 0, 0) \
	row("qcom,geni-uart", SERIAL_GENI, 0, 0, 0) \
	row("fsl,imx21-uart", SERIAL_IMX, 0, 0, 0) \
	row("fsl,imx6q-uart", SERIAL_IMX, 0, 0, 0) \
	row("fsl,ls1021a-lpuart", SERIAL_LPUART, 0, SERIAL_BIG_ENDIAN, 0) \
	row("fsl,ls1028a-lpuart", SERIAL_LPUART, 0, 0, 0) \
	row("fsl,imx7ulp-lpuart", SERIAL_LPUART, 0, 0, 0x10) \
	row("fsl,imx8qxp-lpuart", SERIAL_LPUART, 0, 0, 0x10) \
	row("amlogic,meson-uart", SERIAL_MESON, 0, 0, 0) \
	row("amlogic,meson-ao-uart", SERIAL_MESON, 0, 0, 0) \
	row("amlogic,meson-gx-uart", SERIAL_MESON, 0, 0, 0) \
	row("amlogic,meson-s4-uart", SERIAL_MESON, 0, 0, 0) \
	row("xlnx,xuartps", SERIAL_CADENCE, 0, 0, 0) \
	row("cdns,uart-r1p8", SERIAL_CADENCE, 0, 0, 0) \
	row("cdns,uart-r1p12", SERIAL_CADENCE, 0, 0, 0) \
	row("qcom,msm-uartdm-v1.4", SERIAL_UARTDM, 0, 0, 0) \
	row("renesas,scif", SERIAL_SCIF, 2, 0, 0) \
	row("renesas,scif-r9a07g044", SERIAL_SCIF, 1, 0, 0) \
	row("renesas,scif-r9a09g057", SERIAL_SCIF, 1, 0, 0) \
	row("renesas,hscif", SERIAL_HSCIF, 2, 0, 0) \
	row("samsung,exynos4210-uart", SERIAL_EXYNOS, 0, 1, 0) \
	row("samsung,exynos5433-uart", SERIAL_EXYNOS, 0, 1, 0) \
	row("samsung,exynos850-uart", SERIAL_EXYNOS, 0, 1, 0) \
	row("samsung,exynos8895-uart", SERIAL_EXYNOS, 0, 4, 0) \
	row("axis,artpec8-uart", SERIAL_EXYNOS, 0, 1, 0) \
	row("google,gs101-uart", SERIAL_EXYNOS, 0, 4, 0) \
	row("apple,s5l-uart", SERIAL_APPLE, 0, 4, 0) \
	row("marvell,armada-3700-uart", SERIAL_A3700, 0, 0, 0)

/*
 * What Linux's earlycon= calls them: as above, without an offset, since the address is that of the
 * registers; at most 15 characters.
 */
#define UART_EARLYCONS(row) \
	row("pl011", SERIAL_PL011, 0, 0) \
	row("uart8250", SERIAL_8250, 0, 1) \
	row("uart", SERIAL_8250, 0, 1) \
	row("ns16550", SERIAL_8250, 0, 1) \
	row("ns16550a", SERIAL_8250, 0, 1) \
	row("bcm2835aux", SERIAL_8250, 2, 4) \
	row("mtk8250", SERIAL_8250, 2, 4) \
	row("omap8250", SERIAL_8250, 2, 4) \
	row("qcom_geni", SERIAL_GENI, 0, 0) \
	row("ec_imx21", SERIAL_IMX, 0, 0) \
	row("ec_imx6q", SERIAL_IMX, 0, 0) \
	row("lpuart32", SERIAL_LPUART, 0, SERIAL_BIG_ENDIAN) \
	row("meson", SERIAL_MESON, 0, 0) \
	row("cdns", SERIAL_CADENCE, 0, 0) \
	row("msm_serial_dm", SERIAL_UARTDM, 0, 0) \
	row("scif", SERIAL_SCIF, 2, 0) \
	row("hscif", SERIAL_HSCIF, 2, 0) \
	row("exynos4210", SERIAL_EXYNOS, 0, 1) \
	row("gs101", SERIAL_EXYNOS, 0, 4) \
	row("s5l", SERIAL_APPLE, 0, 4) \
	row("ar3700_uart", SERIAL_A3700, 0, 0) \
	row("semihost", SERIAL_SEMIHOST, 0, 0) \
	row("smh", SERIAL_SEMIHOST, 0, 0) \
	row("buffer", SERIAL_BUFFER, 0, 0)
/* clang-format on */

#define UART_TYPE(type, ...) type,

enum serial_type {
	UARTS(UART_TYPE)
};

/* All zero is a PL011. */
struct serial_kind {
	u8 type; /* enum serial_type */
	u8 reg_shift; /* 8250, SCIF: registers are 2^this bytes apart; a buffer has 2^this */
	u8 io_width; /* 8250, Exynos: bytes in an access, 1, 2 or 4; or with SERIAL_BIG_ENDIAN */
};

/* A buffer's size, as a power of 2; and its first word, "-pag". */
#define TEXT_BUFFER_SHIFT_LEAST 12
#define TEXT_BUFFER_SHIFT_MOST 16
#define TEXT_BUFFER_MAGIC 0x6761702d

/* Registers of more than a byte have their most significant byte first. 8250, LPUART. */
#define SERIAL_BIG_ENDIAN 0x80

/* A register: how far it is from the first, and how wide an access of it must be, in bytes. */
struct serial_register {
	u32 offset, width;
};

/*
 * What serial.h says of serial_status(), serial_enable() and so on, for one driver. It runs in the
 * early runtime with the MMU off, in the kernel, and in exception handlers: no state of its own, no
 * wait without a bound, registers through mmio.h.
 */
#define UART_FUNCTIONS(type, driver, ...)                                                      \
	struct serial_register driver##_status(struct serial_kind kind);                       \
	void driver##_enable(struct serial_kind kind, volatile void *registers);               \
	unsigned driver##_fifo_enable(struct serial_kind kind, volatile void *registers);      \
	bool driver##_write(struct serial_kind kind, volatile void *registers, unsigned depth, \
			    const char *text, size_t length);                                  \
	int driver##_read(struct serial_kind kind, volatile void *registers);                  \
	void driver##_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on);

UARTS(UART_FUNCTIONS)

#endif /* PAGODA_UART_H */
