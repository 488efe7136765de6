// SPDX-License-Identifier: MIT
/*
 * Whether the console receives by interrupt or is polled: when it begins, and when it has to end.
 * Runs in the kernel, MMU on, and on the host; handle() with interrupts masked, on the exception
 * stack.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/irq/gic.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/lib/serial.h>
#include "parts.h"

#define IN_VAIN_MAX 100 /* interrupts one after another without a byte */
#define MISSED_MAX 3 /* times that there were bytes without one */

enum reception {
	RECEIVE_NOT_YET, /* nobody has asked for it */
	RECEIVE_BY_INTERRUPT,
	RECEIVE_NO_INTERRUPTS, /* none at all, or not this one: an interrupt_result says why */
	RECEIVE_NO_DRIVER, /* for the UART's */
	RECEIVE_NO_DEVICE, /* no node of a UART that there is a driver for has its address */
	RECEIVE_NO_LINE, /* that node has no interrupt of the GIC's */
	RECEIVE_IN_VAIN, /* the UART's came over and over, and never for a byte */
	RECEIVE_MISSED, /* there were bytes, and never an interrupt for them */
};

static struct {
	enum reception reception;
	enum interrupt_result why; /* RECEIVE_NO_INTERRUPTS */
	u32 number;
	unsigned in_vain, missed;
} state;

static const char *reception_str(void)
{
	switch (state.reception) {
	case RECEIVE_NOT_YET:
		return "until the prompt";
	case RECEIVE_BY_INTERRUPT:
		return "ok";
	case RECEIVE_NO_INTERRUPTS:
		return interrupt_result_str(state.why);
	case RECEIVE_NO_DRIVER:
		return "the driver of this UART has no interrupts";
	case RECEIVE_NO_DEVICE:
		return "no UART that Pagoda drives is described at its address";
	case RECEIVE_NO_LINE:
		return "no interrupt of the GIC's is described for it";
	case RECEIVE_IN_VAIN:
		return "its interrupt never ends";
	case RECEIVE_MISSED:
		return "its interrupt does not come";
	}
	return "unknown reception";
}

bool console_receives(u32 *number, const char **why_not)
{
	*number = state.number;
	*why_not = reception_str();
	return state.reception == RECEIVE_BY_INTERRUPT;
}

/* From now on it is polled. */
static void stop(enum reception why)
{
	interrupt_unregister(state.number);
	console_receive_by_interrupt(false);
	state.reception = why;
}

/* An interrupt that is always there and never for a byte is another device's. */
static void handle(void *context)
{
	(void)context;
	state.missed = 0;
	state.in_vain = console_receive() ? 0 : state.in_vain + 1;
	if (state.in_vain == IN_VAIN_MAX)
		stop(RECEIVE_IN_VAIN);
}

/*
 * What is pending is taken before the UART is looked at: a byte that is still there then has no
 * interrupt, or not yet: some UARTs interrupt only when nothing follows, and one may come just now.
 */
void console_sleep(void)
{
	interrupt_sleep();
	if (console_receive() && ++state.missed == MISSED_MAX)
		stop(RECEIVE_MISSED);
}

/* The UART interrupts last: until then what it is said to have is another's, if anybody's. */
static enum reception start(const struct kernel *kernel)
{
	const struct devices *devices = kernel_devices(kernel);
	struct interrupt interrupt = { devices->console.number, devices->console.flags, handle,
				       NULL };

	if (serial_is_polled(kernel->console.kind))
		return RECEIVE_NO_DRIVER;
	state.why = INTERRUPT_NO_CONTROLLER;
	if (devices->gic.version == 0)
		return RECEIVE_NO_INTERRUPTS;
	if (!devices->has_console)
		return RECEIVE_NO_DEVICE;
	if (interrupt.number < GIC_SPI_FIRST)
		return RECEIVE_NO_LINE;
	state.why = interrupt_timer_try(kernel);
	if (state.why != INTERRUPT_OK)
		return RECEIVE_NO_INTERRUPTS;
	state.number = interrupt.number;
	state.why = interrupt_register(&interrupt);
	if (state.why != INTERRUPT_OK)
		return state.why == INTERRUPT_NO_LINE ? RECEIVE_NO_LINE : RECEIVE_NO_INTERRUPTS;
	console_receive_by_interrupt(true);
	return RECEIVE_BY_INTERRUPT;
}

void console_receive_start(const struct kernel *kernel)
{
	bool serial = kernel->console.source != CONSOLE_NONE && kernel->fallback == FALLBACK_NONE;

	state.reception = serial ? start(kernel) : RECEIVE_NO_LINE;
	if (state.reception == RECEIVE_BY_INTERRUPT)
		interrupts_mask(false);
}
