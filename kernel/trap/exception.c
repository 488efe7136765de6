// SPDX-License-Identifier: MIT
/*
 * Exceptions in the kernel. Interrupts go to their handlers; a fault that is expected ends the call
 * that caused it; any other is reported: registers, the syndrome in words, the walk of the address;
 * then panic=.
 * Runs with the MMU on, on a stack of its own.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/handoff/stop.h>

/* Null until exception_init(): then there is no panic= to go by. */
static const struct kernel *the_kernel;

/* Exceptions being reported: above one, the report itself has failed. */
static unsigned depth;

/* Asked for: the report is to fault. */
static bool fault_in_report;

/* The call that a fault may end: null for none; and how to go on after it. */
static struct fault *expected;
static u64 expected_sp, expected_pan;

void exception_init(const struct kernel *kernel)
{
	the_kernel = kernel;
}

void panic_stop(const struct kernel *kernel)
{
	switch (kernel->handoff->options.panic) {
	case PANIC_REBOOT:
		psci_reboot(kernel->handoff->facts.psci);
		break;
	case PANIC_POWEROFF:
		psci_poweroff(kernel->handoff->facts.psci);
		break;
	case PANIC_HALT:
		break;
	}
	print("pagoda: stopped\n");
	console_receive_by_interrupt(false); /* or a key would wake the CPU for ever */
	cpu_halt(STOP_NONE, 0, 0, 0);
}

static const char *vector_str(u64 vector)
{
	switch (vector % 4) {
	case 0:
		return "synchronous exception";
	case 1:
		return "IRQ";
	case 2:
		return "FIQ";
	}
	return "SError";
}

/* The vectors' four groups: the kernel's own level on either stack, and below it. */
static void print_origin(u64 vector)
{
	unsigned el = the_kernel->handoff->plan.el;

	print("\npagoda: %s from ", vector_str(vector));
	switch (vector / 4) {
	case 0:
		print("EL%u on SP_EL0\n", el);
		break;
	case 1:
		print("EL%u\n", el);
		break;
	default:
		print("EL0, %s\n", vector / 4 == 2 ? "AArch64" : "AArch32");
	}
}

static void print_field(const char *name, u64 esr)
{
	const struct sysreg_field *field = sysreg_find_field(SYSREG_ESR_EL1, name);
	const char *text = sysreg_value_text(field, esr);

	print("  %-4s 0x%02x  %s\n", name, sysreg_field_get(field, esr),
	      text != NULL ? text : "not a code Pagoda knows");
}

static bool is_abort(u64 esr)
{
	switch (SYSREG_GET(ESR_EL1_EC, esr)) {
	case ESR_EL1_EC_IABT_LOW:
	case ESR_EL1_EC_IABT_CUR:
	case ESR_EL1_EC_DABT_LOW:
	case ESR_EL1_EC_DABT_CUR:
		return true;
	}
	return false;
}

static bool is_data_abort(u64 esr)
{
	u64 class = SYSREG_GET(ESR_EL1_EC, esr);

	return class == ESR_EL1_EC_DABT_LOW || class == ESR_EL1_EC_DABT_CUR;
}

static void print_syndrome(const struct exception_frame *frame)
{
	u64 esr = frame->esr;

	print("ESR 0x%016lx\n", esr);
	print_field("ec", esr);
	if (!is_abort(esr)) {
		print("  iss  %#lx\n", SYSREG_GET(ESR_EL1_ISS, esr));
		return;
	}
	print_field("fsc", esr);
	if (is_data_abort(esr))
		print("  on a %s\n", SYSREG_GET(ESR_EL1_WNR, esr) ? "write" : "read");
	if (SYSREG_GET(ESR_EL1_FNV, esr))
		print("  FAR is not valid\n");
}

static void print_registers(const struct exception_frame *frame)
{
	const struct boot_handoff *handoff = the_kernel->handoff;

	print("ELR 0x%016lx  SPSR 0x%016lx\nFAR 0x%016lx  SP   0x%016lx\n", frame->elr, frame->spsr,
	      frame->far, frame->sp);
	/* With this an address can be looked up in pagoda.elf. */
	print("ELR is at 0x%016lx in pagoda.elf\n",
	      frame->elr - handoff->plan.image_va.value + handoff->facts.image.link_va);
	for (unsigned i = 0; i < 31; i++)
		print("x%-2u 0x%016lx%s", i, frame->x[i], i % 3 == 2 || i == 30 ? "\n" : "  ");
}

static void print_calls(const struct exception_frame *frame)
{
	struct place place = { .pc = frame->elr, .lr = frame->x[30], .frame = frame->x[29] };

	if (is_abort(frame->esr) && frame->far >= the_kernel->guard.start &&
	    frame->far < the_kernel->guard.end)
		print("STACK OVERFLOW: FAR is in the gap below the stack\n");
	print("KASLR offset 0x%016lx; calls, the latest first:\n",
	      the_kernel->handoff->plan.kaslr_offset);
	backtrace_print(&the_kernel->symbols, the_kernel->stack, &place,
			the_kernel->kernel_space.regime.va_bits);
}

void exception_fault_in_report(void)
{
	fault_in_report = true;
	__builtin_trap();
}

static void __attribute__((noreturn))
exception_report(const struct exception_frame *frame, u64 vector)
{
	if (the_kernel == NULL || depth > 1)
		cpu_halt(STOP_EXCEPTION, frame->esr, frame->elr, frame->far);
	console_watch_end();
	if (depth++ > 0) {
		print("\npagoda: another exception while reporting one: ESR %#lx ELR %#lx FAR "
		      "%#lx\n",
		      frame->esr, frame->elr, frame->far);
		print_syndrome(frame);
		print_registers(frame);
		panic_stop(the_kernel);
	}
	print_origin(vector);
	print_syndrome(frame);
	print_registers(frame);
	if (fault_in_report)
		__builtin_trap();
	print_calls(frame);
	if (vector % 4 == 0 && is_abort(frame->esr) && !SYSREG_GET(ESR_EL1_FNV, frame->esr))
		dump_walk(the_kernel, vaddr(frame->far), false);
	panic_stop(the_kernel);
}

/* Vectors of exceptions from the kernel itself, and from EL0. */
#define VECTOR_SYNC 4
#define VECTOR_IRQ 5
#define VECTOR_SYNC_EL0 8

/* PSTATE in the kernel: its own level, SP of that level, everything masked. */
#define PSTATE_MASKED 0x3c0
#define PSTATE_EL_SHIFT 2
#define PSTATE_SP_ELX 1

bool fault_catch(void (*function)(void *context), void *context, struct fault *fault)
{
	bool caught;

	expected_pan = the_kernel->handoff->plan.pan ? pan_get() : 0;
	expected = fault;
	caught = catch_call(function, context, &expected_sp);
	expected = NULL;
	return caught;
}

/* Back into catch_call(), as if the function it called had returned. */
static void catch_fault(struct exception_frame *frame)
{
	const struct boot_plan *plan = &the_kernel->handoff->plan;

	*expected = (struct fault){ .esr = frame->esr,
				    .far = frame->far,
				    .elr = frame->elr,
				    .pan = plan->pan && pan_get() != 0 };
	expected = NULL;
	frame->x[0] = true;
	frame->sp = expected_sp;
	frame->elr = (u64)(uintptr_t)catch_resume;
	frame->spsr = PSTATE_MASKED | (u64)plan->el << PSTATE_EL_SHIFT | PSTATE_SP_ELX |
		      expected_pan;
}

/* Whoever handles an interrupt is not who waits for a fault. */
static bool handle_interrupt(void)
{
	struct fault *waiting = expected;
	bool handled;

	expected = NULL;
	handled = interrupt_handle();
	expected = waiting;
	return handled;
}

void exception_handle(struct exception_frame *frame, u64 vector)
{
	if (vector == VECTOR_IRQ && handle_interrupt())
		return;
	if ((vector == VECTOR_SYNC || vector == VECTOR_SYNC_EL0) && expected != NULL)
		catch_fault(frame);
	else
		exception_report(frame, vector);
}
