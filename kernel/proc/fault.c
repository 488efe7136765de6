// SPDX-License-Identifier: MIT
/*
 * Programs that do what they must not: what that was, in a line; and they are no more.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/sysreg.h>

#include "parts.h"

#define FSC_ALIGNMENT 0x21

/* By what Linux would send. */
static int signal_of(u64 esr)
{
	u64 status = SYSREG_GET(ESR_EL1_FSC, esr);

	switch (SYSREG_GET(ESR_EL1_EC, esr)) {
	case ESR_EL1_EC_IABT_LOW:
	case ESR_EL1_EC_DABT_LOW:
		return status == FSC_ALIGNMENT || status == ESR_EL1_FSC_SEA ? LINUX_SIGBUS :
									      LINUX_SIGSEGV;
	case ESR_EL1_EC_PC_ALIGN:
	case ESR_EL1_EC_SP_ALIGN:
		return LINUX_SIGBUS;
	case ESR_EL1_EC_BRK64:
	case ESR_EL1_EC_SOFTSTP_LOW:
	case ESR_EL1_EC_BREAKPT_LOW:
	case ESR_EL1_EC_WATCHPT_LOW:
		return LINUX_SIGTRAP;
	}
	return LINUX_SIGILL;
}

static const char *signal_str(int number)
{
	switch (number) {
	case LINUX_SIGSEGV:
		return "SIGSEGV";
	case LINUX_SIGBUS:
		return "SIGBUS";
	case LINUX_SIGTRAP:
		return "SIGTRAP";
	}
	return "SIGILL";
}

static const char *words(enum sysreg_field_index index, u64 esr)
{
	const char *text = sysreg_value_text(&sysreg_fields[index], esr);

	return text ? text : "not a code Pagoda knows";
}

static void print_abort(const struct exception_frame *frame, bool data)
{
	const char *access = "fetch";

	if (data)
		access = SYSREG_GET(ESR_EL1_WNR, frame->esr) ? "write" : "read";
	print(": %s at 0x%016lx: %s", access, frame->far, words(ESR_EL1_FSC_INDEX, frame->esr));
}

void process_fault(struct process *process)
{
	const struct exception_frame *frame = &process->frame;
	u64 class = SYSREG_GET(ESR_EL1_EC, frame->esr);
	int number = signal_of(frame->esr);

	process_label(process);
	print("%s, %s", signal_str(number), words(ESR_EL1_EC_INDEX, frame->esr));
	if (class == ESR_EL1_EC_IABT_LOW || class == ESR_EL1_EC_DABT_LOW)
		print_abort(frame, class == ESR_EL1_EC_DABT_LOW);
	print(" (PC 0x%016lx, ESR 0x%lx)\n", frame->elr, frame->esr);
	process_end(process, LINUX_STATUS_SIGNAL + number);
}
