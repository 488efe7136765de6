// SPDX-License-Identifier: MIT
/*
 * UARTs that differ only in where their registers are and what the bits mean: one register tells
 * whether there is room and whether something has come, and one or two are written to. Rate and
 * line settings stay as firmware made them, and its interrupts are turned off; input is polled.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, state of its own, pointers in static data.
 * With each model stand its binding and the manual to look it up in, whose names the registers and
 * bits have. What they mean was taken from the drivers of Linux and U-Boot; but for Cadence's, none
 * was tried on a machine.
 */
#include "uart_io.h"

#define ALL ~0u
#define ENABLE_STEPS 3
#define SEND_STEPS 2

/*
 * In the register at .at: .clear goes, .set comes. Where all is cleared, what stood there does not
 * count, and it may be a register that cannot be read. No step: both are zero.
 */
struct step {
	u16 at;
	u32 clear, set;
};

/* Registers by their offset; where kinds differ in reg_shift, by number. */
struct model {
	u16 status, send, receive;
	u8 width; /* in bytes, of all registers but these two */
	u8 data_width; /* of these two; 0: serial_kind's io_width */
	u32 room_mask, room; /* what of the status then has which value */
	u32 received_mask, nothing; /* and another one than this */
	struct step enable[ENABLE_STEPS];
	struct step send_first[SEND_STEPS]; /* before each character */
	u16 lost_at; /* where .lost says that received characters were, and no more can be until */
	u32 lost;
	struct step lost_clear; /* this is done */
};

static const struct model models[] = {
	/* NXP IMX8MMRM, chapter UART; binding fsl-imx-uart. */
	/* NOLINTNEXTLINE(misc-redundant-expression): as in the others */
	[SERIAL_IMX - SERIAL_IMX] = {
		.status = 0xb4, /* UTS */
		.send = 0x40, /* UTXD */
		.receive = 0x00, /* URXD */
		.width = 4,
		.data_width = 4,
		.room_mask = BIT(4), /* TXFULL */
		.received_mask = BIT(5), /* RXEMPTY */
		.nothing = BIT(5),
		.enable = {
			{ 0x80, 0xb36c, BIT(0) }, /* UCR1: interrupts, DMA; UARTEN */
			{ 0x84, 0x8018, 0x7 }, /* UCR2: ESCI, ATEN, RTSEN; TXEN, RXEN, no reset */
			{ 0x8c, 0x4f, 0 }, /* UCR4: IDDMAEN, TCEN, BKEN, OREN, DREN */
		},
	},
	/* NXP LS1028ARM, i.MX 8ULP and i.MX 93 manuals, chapter LPUART; binding fsl-lpuart. */
	[SERIAL_LPUART - SERIAL_IMX] = {
		.status = 0x04, /* STAT */
		.send = 0x0c, /* DATA */
		.receive = 0x0c,
		.width = 4,
		.data_width = 4,
		.room_mask = BIT(23), /* TDRE */
		.room = BIT(23),
		.received_mask = BIT(21), /* RDRF */
		.enable = {
			{ 0x08, 0x0ff00000, BIT(19) | BIT(18) }, /* CTRL: interrupts; TE, RE */
		},
		.lost_at = 0x04,
		.lost = BIT(19), /* OR: nothing is received until it is written */
		.lost_clear = { 0x04, 0xc01fc000, BIT(19) }, /* but no other flag is */
	},
	/* Amlogic S905 data sheet, chapter UART; binding amlogic,meson-uart. */
	[SERIAL_MESON - SERIAL_IMX] = {
		.status = 0x0c, /* STATUS */
		.send = 0x00, /* WFIFO */
		.receive = 0x04, /* RFIFO */
		.width = 4,
		.data_width = 4,
		.room_mask = BIT(21), /* transmit FIFO full */
		.received_mask = BIT(20), /* receive FIFO empty */
		.nothing = BIT(20),
		.enable = {
			/* CONTROL: interrupts (28, 27), resets (24 to 22); both directions on */
			{ 0x08, 0x19c00000, BIT(13) | BIT(12) },
		},
	},
	/* AMD UG1087, module UART; binding cdns,uart. */
	[SERIAL_CADENCE - SERIAL_IMX] = {
		.status = 0x2c, /* Channel_sts_reg0 */
		.send = 0x30, /* TX_RX_FIFO0 */
		.receive = 0x30,
		.width = 4,
		.data_width = 4,
		.room_mask = BIT(4), /* TFUL */
		.received_mask = BIT(1), /* REMPTY */
		.nothing = BIT(1),
		.enable = {
			{ 0x0c, ALL, 0x1fff }, /* Intrpt_dis_reg0 */
			{ 0x00, BIT(5) | BIT(3), BIT(4) | BIT(2) }, /* TXDIS, RXDIS; TXEN, RXEN */
		},
	},
	/* Qualcomm APQ8016E manual, section 6.2.5; binding qcom,msm-uartdm. */
	[SERIAL_UARTDM - SERIAL_IMX] = {
		.status = 0xa4, /* SR */
		.send = 0x100, /* TF */
		.receive = 0x140, /* RF */
		.width = 4,
		.data_width = 4,
		.room_mask = BIT(3), /* TXEMT: and nothing is left of the last transfer */
		.room = BIT(3),
		.received_mask = BIT(0), /* RXRDY */
		.enable = {
			{ 0xb0, ALL, 0 }, /* IMR */
			{ 0x3c, 0x1f, BIT(5) }, /* DMEN: no DMA; a word received is a character */
			{ 0xa8, ALL, BIT(2) | BIT(0) }, /* CR: transmitter and receiver on */
		},
		.send_first = {
			{ 0xa8, ALL, 0x300 }, /* CR: forget that the last transfer is done */
			{ 0x40, ALL, 1 }, /* NCF_TX: the next one is of one character */
		},
		.lost_at = 0xa4,
		.lost = BIT(4), /* OVERRUN */
		.lost_clear = { 0xa8, ALL, 0x30 }, /* CR: reset error status */
	},
	/* Renesas R-Car Gen3 and RZ/G2L hardware manuals, SCIF; binding renesas,scif. */
	[SERIAL_SCIF - SERIAL_IMX] = {
		.status = 7, /* SCFDR: how many wait to be sent, and to be read */
		.send = 3, /* SCFTDR */
		.receive = 5, /* SCFRDR */
		.width = 2,
		.data_width = 1,
		.room_mask = BIT(12), /* of T[4:0], which is 16 at most */
		.received_mask = 0x1f, /* R[4:0] */
		.enable = { { 2, 0xcc, BIT(5) | BIT(4) } }, /* SCSCR: interrupts; TE, RE */
		.lost_at = 9, /* SCLSR */
		.lost = BIT(0), /* ORER */
		.lost_clear = { 9, BIT(0), 0 },
	},
	/* The same with more room; binding renesas,hscif. */
	[SERIAL_HSCIF - SERIAL_IMX] = {
		.status = 7, /* HSFDR */
		.send = 3,
		.receive = 5,
		.width = 2,
		.data_width = 1,
		.room_mask = BIT(15), /* of T[7:0], which is 128 at most */
		.received_mask = 0xff, /* R[7:0] */
		.enable = { { 2, 0xcc, BIT(5) | BIT(4) } },
		.lost_at = 9,
		.lost = BIT(0),
		.lost_clear = { 9, BIT(0), 0 },
	},
	/* Samsung Exynos 5 Dual user's manual, chapter UART; binding samsung_uart. */
	[SERIAL_EXYNOS - SERIAL_IMX] = {
		.status = 0x18, /* UFSTAT */
		.send = 0x20, /* UTXH */
		.receive = 0x24, /* URXH */
		.width = 4,
		.room_mask = BIT(24), /* transmit FIFO full */
		.received_mask = 0x1ff, /* receive FIFO full, and how many are in it */
		.enable = {
			{ 0x38, 0, 0xf }, /* UINTM */
			{ 0x08, 0, BIT(0) }, /* UFCON: FIFOs on, or UFSTAT says nothing */
			{ 0x04, 0xf, 0x5 }, /* UCON: both directions on, and no DMA */
		},
	},
	/* Apple's relative of it; bits as in U-Boot's and Linux's drivers; binding samsung_uart. */
	[SERIAL_APPLE - SERIAL_IMX] = {
		.status = 0x18,
		.send = 0x20,
		.receive = 0x24,
		.width = 4,
		.room_mask = BIT(9),
		.received_mask = 0x10f,
		.enable = {
			{ 0x08, 0, BIT(0) },
			{ 0x04, 0x3a0f, 0x5 }, /* UCON: interrupts are here, too */
		},
	},
	/* Marvell Armada 37xx functional specification; binding marvell,armada-3700-uart. */
	[SERIAL_A3700 - SERIAL_IMX] = {
		.status = 0x0c, /* STAT */
		.send = 0x04, /* TSH */
		.receive = 0x00, /* RBR */
		.width = 4,
		.data_width = 4,
		.room_mask = BIT(11), /* TX_FIFO_FUL */
		.received_mask = BIT(4), /* RX_RDY */
		.enable = { { 0x08, 0xc1ff, 0 } }, /* CTRL: interrupts, resets of the FIFOs */
	},
};

/* A bus without the device reads as ones; no status here does. */
static bool is_nobody(const struct model *model, u32 status)
{
	return status == ALL >> (32 - 8 * model->width);
}

static const struct model *model_of(struct serial_kind kind)
{
	return &models[kind.type - SERIAL_IMX];
}

static volatile void *place(struct serial_kind kind, volatile void *registers, unsigned at)
{
	return (volatile u8 *)registers + (at << kind.reg_shift);
}

static unsigned data_width(struct serial_kind kind)
{
	const struct model *model = model_of(kind);

	if (model->data_width == 0)
		return kind.io_width;
	return model->data_width | (kind.io_width & SERIAL_BIG_ENDIAN);
}

static unsigned width(struct serial_kind kind)
{
	return model_of(kind)->width | (kind.io_width & SERIAL_BIG_ENDIAN);
}

static u32 get(struct serial_kind kind, volatile void *registers, unsigned at)
{
	return uart_get(place(kind, registers, at), width(kind));
}

static void step_do(struct serial_kind kind, volatile void *registers, const struct step *step)
{
	u32 before, after = step->set;

	if (step->clear == 0 && step->set == 0)
		return;
	if (step->clear != ALL) {
		before = get(kind, registers, step->at);
		after |= before & ~step->clear;
		if (after == before) /* where nothing is missing, leave it alone */
			return;
	}
	uart_set(place(kind, registers, step->at), width(kind), after);
}

struct serial_register simple_uart_status(struct serial_kind kind)
{
	const struct model *model = model_of(kind);

	return (struct serial_register){ (u32)model->status << kind.reg_shift, model->width };
}

void simple_uart_enable(struct serial_kind kind, volatile void *registers)
{
	for (unsigned i = 0; i < ENABLE_STEPS; i++)
		step_do(kind, registers, &model_of(kind)->enable[i]);
}

/* They are on, or have none; how many characters they hold differs from board to board. */
unsigned simple_uart_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
	return 1;
}

static bool put(struct serial_kind kind, volatile void *registers, char c)
{
	const struct model *model = model_of(kind);

	for (unsigned polls = 0; polls < UART_POLLS_MAX; polls++) {
		u32 status = get(kind, registers, model->status);

		if (is_nobody(model, status))
			return false;
		if ((status & model->room_mask) != model->room)
			continue;
		for (unsigned i = 0; i < SEND_STEPS; i++)
			step_do(kind, registers, &model->send_first[i]);
		uart_set(place(kind, registers, model->send), data_width(kind), (u8)c);
		return true;
	}
	return false;
}

bool simple_uart_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		       const char *text, size_t length)
{
	(void)depth;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n' && !put(kind, registers, '\r'))
			return false;
		if (!put(kind, registers, text[i]))
			return false;
	}
	return true;
}

int simple_uart_read(struct serial_kind kind, volatile void *registers)
{
	const struct model *model = model_of(kind);
	u32 status = get(kind, registers, model->status);

	if (is_nobody(model, status))
		return -1;
	if (model->lost != 0 && (get(kind, registers, model->lost_at) & model->lost))
		step_do(kind, registers, &model->lost_clear);
	if ((status & model->received_mask) == model->nothing)
		return -1;
	return (u8)uart_get(place(kind, registers, model->receive), data_width(kind));
}

/* Input is polled. */
void simple_uart_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	(void)kind;
	(void)registers;
	(void)on;
}
