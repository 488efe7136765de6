// SPDX-License-Identifier: MIT
/*
 * An exception that nobody expected: registers, the syndrome in words, who called whom, the walk of
 * the address; then panic=.
 * Runs with the MMU on, on the exceptions' own stack; also on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/kernel/handoff/stop.h>
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/mm/check/kasan.h>

#include "kasan.h"

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

/* The vectors' four groups: the kernel's own level, exceptions in it, and below it. */
static void print_origin(const struct cpu *cpu, u64 vector)
{
	const struct smp *smp = cpu->kernel->smp;

	print("\npagoda: %s from ", vector_str(vector));
	if (vector / 4 < 2)
		print("EL%u", cpu->kernel->handoff->plan.el);
	else
		print("EL0, %s", vector / 4 == 2 ? "AArch64" : "AArch32");
	if (smp != NULL && smp->count > 1)
		print(", on CPU %u", cpu->number);
	print("\n");
}

/* The exception level that the exception is from, in SPSR. */
#define PSTATE_EL 0xc

/* Where the kernel's own return addresses are is nobody's business: it would lead to them. */
static bool hides(const struct boot_handoff *handoff, unsigned x, u64 spsr)
{
	return x == 18 && (spsr & PSTATE_EL) != 0 &&
	       handoff_return_addresses(handoff) == RETURN_SHADOW;
}

static void print_registers(const struct cpu *cpu, const struct exception_frame *frame)
{
	const struct boot_handoff *handoff = cpu->kernel->handoff;

	print("ELR 0x%016lx  SPSR 0x%016lx\nFAR 0x%016lx  SP   0x%016lx\n", frame->elr, frame->spsr,
	      frame->far, frame->sp);
	/* With this an address can be looked up in pagoda.elf. */
	print("ELR is at 0x%016lx in pagoda.elf\n",
	      frame->elr - handoff->plan.image_va.value + handoff->facts.image.link_va);
	for (unsigned i = 0; i < 31; i++) {
		const char *end = i % 3 == 2 || i == 30 ? "\n" : "  ";

		if (hides(handoff, i, frame->spsr))
			print("x%-2u %-18s%s", i, "(shadow)", end);
		else
			print("x%-2u 0x%016lx%s", i, frame->x[i], end);
	}
}

/* What is not mapped behind a shadow call stack is as long as that, at least. */
static void print_overflow(const struct cpu *cpu, const struct exception_frame *frame)
{
	const struct stack *guard = &cpu->guard, *shadow = &cpu->shadow;

	if (!syndrome_is_abort(frame->esr))
		return;
	if (frame->far >= guard->start && frame->far < guard->end)
		print("STACK OVERFLOW: FAR is in the gap below the stack\n");
	if (handoff_return_addresses(cpu->kernel->handoff) == RETURN_SHADOW &&
	    frame->far - shadow->end < shadow->end - shadow->start)
		print("SHADOW STACK OVERFLOW: FAR is in the gap above the shadow call stack\n");
}

static void print_calls(const struct cpu *cpu, const struct exception_frame *frame)
{
	const struct kernel *kernel = cpu->kernel;
	struct place place = { .pc = frame->elr, .lr = frame->x[30], .frame = frame->x[29] };

	print_overflow(cpu, frame);
	print("KASLR offset 0x%016lx; calls, the latest first:\n",
	      kernel->handoff->plan.kaslr_offset);
	backtrace_print(&kernel->symbols, cpu->stack, &place, kernel->kernel_space.regime.va_bits);
}

/* Those that stopped, where they were; one that did not says so. */
static void print_others(const struct cpu *reporter)
{
	const struct smp *smp = reporter->kernel->smp;

	for (u32 i = 0; i < smp->count; i++) {
		const struct cpu *cpu = smp->cpu[i].cpu;

		if (smp->cpu[i].state != CPU_STATE_RUNNING || cpu == reporter)
			continue;
		print("\nCPU %u %s\n", i, cpu->stopped ? "was here:" : "has not stopped");
		if (!cpu->stopped || !cpu->stopped_frame)
			continue;
		print_registers(cpu, cpu->stopped_frame);
		print_calls(cpu, cpu->stopped_frame);
	}
}

void exception_fault_in_report(void)
{
	cpu_this()->fault_in_report = true;
	__builtin_trap();
}

void exception_report(struct cpu *cpu, const struct exception_frame *frame, u64 vector)
{
	if (cpu->kernel == NULL || cpu->reports > 1)
		cpu_halt(STOP_EXCEPTION, frame->esr, frame->elr, frame->far);
	/* An exception within one runs on a stack with the marks of frames that are gone. */
	if (KASAN)
		(void)kasan_end();
	console_watch_end();
	if (cpu->reports++ > 0) {
		print("\npagoda: another exception while reporting one: ESR %#lx ELR %#lx FAR "
		      "%#lx\n",
		      frame->esr, frame->elr, frame->far);
		syndrome_print(frame->esr);
		print_registers(cpu, frame);
		panic_stop(cpu->kernel);
	}
	smp_stop_others(cpu);
	if (KASAN && kasan_found(frame)) {
		kasan_report_begin(cpu, frame);
		print_calls(cpu, frame);
		kasan_report_end(cpu, frame);
		panic_stop(cpu->kernel);
	}
	print_origin(cpu, vector);
	syndrome_print(frame->esr);
	print_registers(cpu, frame);
	if (cpu->fault_in_report)
		__builtin_trap();
	print_calls(cpu, frame);
	if (vector % 4 == 0 && syndrome_is_abort(frame->esr) &&
	    !SYSREG_GET(ESR_EL1_FNV, frame->esr)) {
		dump_refused(cpu->kernel, frame->esr, frame->far);
		dump_walk(cpu->kernel, vaddr(frame->far), false);
	}
	if (panic_print(cpu->kernel) & PANIC_PRINT_CPUS)
		print_others(cpu);
	panic_stop(cpu->kernel);
}
