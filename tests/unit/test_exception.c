// SPDX-License-Identifier: MIT
/*
 * Exceptions on a machine made by hand: which are handled, which end a call, and what the report
 * says of the rest. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/kernel/trap/exception.h>

#include "support/console_capture.h"
#include "support/sample_kernel.h"

#define SYNC 0
#define IRQ 1
#define SERROR 3
#define SYNC_NESTED 4
#define SYNC_EL0 8
#define IRQ_EL0 9
#define SYNC_EL0_32 12

#define ESR_WRITE_L3 0x9600004f /* a data abort at the current level: write, permission, level 3 */
#define ESR_READ_L0 0x96000004
#define ESR_FETCH_L3 0x8600000f
#define ESR_FNV 0x96000410 /* external abort, FAR not valid */
#define ESR_SVC 0x56000000
#define ESR_BRK 0xf2000001
#define ESR_SERROR 0xbe000c11 /* asynchronous, AET: recoverable */
#define ESR_SERROR_IDS 0xbf000c11
#define ESR_UNKNOWN_CLASS 0xa8000000
#define PAN BIT(22)

static struct sample sample;
static struct cpu cpu;
static struct exception_frame frame;
static bool handles; /* interrupt_handle()'s answer */
static struct fault *waiting_in_handler;
static unsigned reboots, poweroffs;
static jmp_buf halt;
static struct stop halted;

/* ---- The machine ---- */

void *cpu_pointer(void)
{
	return &cpu;
}

u64 pan_get(void)
{
	return PAN;
}

void catch_resume(void)
{
}

/* What waits, and comes where it is let through: none is ESR 0. */
static u64 serrors[2];
static u64 deferred;
static unsigned unmasked;

u64 serror_deferred(void)
{
	return deferred;
}

bool interrupt_handle(void)
{
	waiting_in_handler = cpu.expected.fault;
	return handles;
}

void console_receive_by_interrupt(bool on)
{
	(void)on;
}

void psci_reboot(enum psci_conduit conduit)
{
	assert_int_equal(conduit, PSCI_HVC);
	reboots++;
}

void psci_poweroff(enum psci_conduit conduit)
{
	assert_int_equal(conduit, PSCI_HVC);
	poweroffs++;
}

void cpu_halt(u64 code, u64 value, u64 limit, u64 extra)
{
	halted = (struct stop){ code, value, limit, extra };
	longjmp(halt, 1);
}

/* Other CPUs: whether one of them reports, and whether they were told to stop. */
static bool stopping;
static unsigned stops;
static const struct exception_frame *stopped_at;

bool smp_stopping(void)
{
	return stopping;
}

void smp_stop_here(struct cpu *here, const struct exception_frame *at)
{
	assert_ptr_equal(here, &cpu);
	stopped_at = at;
	longjmp(halt, 1);
}

void smp_stop_others(struct cpu *here)
{
	assert_ptr_equal(here, &cpu);
	assert_string_equal(captured, "");
	stops++;
}

/* As catch.S has it: called, and the stack pointers noted. */
static bool faults;

bool catch_call(void (*function)(void *context), void *context, struct resume *resume)
{
	*resume = (struct resume){ 0x5ca1ab1e, 0x5ad0 };
	function(context);
	return faults;
}

bool guard_call(void (*function)(void *context), void *context, struct resume *resume)
{
	return catch_call(function, context, resume);
}

/* ---- What is done with it ---- */

static int begin(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	sample.handoff.plan.pan = true;
	cpu = (struct cpu){ .kernel = &sample.kernel };
	frame = (struct exception_frame){ .elr = 0xe1f, .far = 0xfa5, .sp = 0x59, .spsr = 0x60 };
	handles = faults = false;
	reboots = poweroffs = 0;
	serrors[0] = serrors[1] = deferred = 0;
	unmasked = stops = 0;
	stopping = false;
	stopped_at = NULL;
	capture_clear();
	return 0;
}

/* The exception is taken. True where that returned. */
static bool take(u64 vector, u64 esr)
{
	frame.esr = esr;
	if (setjmp(halt) != 0)
		return false;
	exception_handle(&frame, vector);
	return true;
}

void serror_unmask(void)
{
	unmasked++;
	for (unsigned i = 0; i < ARRAY_SIZE(serrors); i++)
		if (serrors[i] != 0 && !take(SERROR, serrors[i]))
			return;
}

static void assert_printed(const char *text)
{
	if (!strstr(captured, text))
		fail_msg("not printed: %s\nbut:\n%s", text, captured);
}

static void assert_not_printed(const char *text)
{
	if (strstr(captured, text))
		fail_msg("printed: %s\nin:\n%s", text, captured);
}

/* ---- Interrupts ---- */

static void an_interrupt_that_somebody_handles_returns_with_all_as_it_was(void **state)
{
	struct exception_frame before = frame;

	(void)state;
	handles = true;
	assert_true(take(IRQ, 0));
	assert_true(take(IRQ_EL0, 0));
	assert_memory_equal(&frame, &before, sizeof(frame));
	assert_string_equal(captured, "");
}

static void an_interrupt_that_nobody_handles_is_reported(void **state)
{
	(void)state;
	assert_false(take(IRQ, 0));
	assert_printed("\npagoda: IRQ from EL1\n");
	assert_not_printed("walk");
}

static void the_handler_of_an_interrupt_is_not_who_waits_for_a_fault(void **state)
{
	struct fault fault;

	(void)state;
	handles = true;
	cpu.expected.fault = &fault;
	waiting_in_handler = &fault;
	assert_true(take(IRQ, 0));
	assert_null(waiting_in_handler);
	assert_ptr_equal(cpu.expected.fault, &fault);
}

static void where_another_cpu_reports_an_interrupt_stops_this_one(void **state)
{
	u64 vectors[] = { IRQ, IRQ_EL0 };

	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		begin(state);
		handles = stopping = true;
		assert_false(take(vectors[i], 0));
		assert_ptr_equal(stopped_at, &frame);
		assert_string_equal(captured, "");
	}
}

/* Before a word is printed, or theirs would be in the middle of it. */
static void who_reports_stops_the_others_first(void **state)
{
	(void)state;
	assert_false(take(SYNC, ESR_READ_L0));
	assert_int_equal(stops, 1);
	assert_not_printed("on CPU");
}

static void where_there_are_other_cpus_the_report_says_which_it_is(void **state)
{
	struct smp_cpu cpus[3] = { { .cpu = &cpu } };
	struct smp smp = { .count = 3, .running = 3, .cpu = cpus };

	(void)state;
	sample.kernel.smp = &smp;
	cpu.number = 2;
	assert_false(take(SYNC, ESR_READ_L0));
	assert_printed("synchronous exception from EL1, on CPU 2\n");
}

static void registers_of_the_others_are_shown_where_that_is_asked_for(void **state)
{
	static const char words[] = "panic_print=0x41 quiet";
	struct exception_frame there = { .elr = 0x7e1, .sp = 0x75 };
	struct cpu stopped = { .kernel = &sample.kernel, .stopped = true, .stopped_frame = &there };
	struct cpu busy = { .kernel = &sample.kernel };
	struct smp_cpu cpus[3] = { { .cpu = &cpu, .state = CPU_STATE_RUNNING },
				   { .cpu = &stopped, .state = CPU_STATE_RUNNING },
				   { .cpu = &busy, .state = CPU_STATE_RUNNING } };
	struct smp smp = { .count = 3, .running = 3, .cpu = cpus };
	static struct boot_lists lists;

	(void)state;
	sample.kernel.smp = &smp;
	assert_false(take(SYNC, ESR_READ_L0));
	assert_not_printed("was here");
	begin(state);
	sample.kernel.smp = &smp;
	memcpy(lists.command_line, words, sizeof(words));
	sample.handoff.facts.command_line_length = sizeof(words) - 1;
	sample.handoff.facts.lists = paddr((uintptr_t)&lists);
	sample.kernel.kernel_space.phys_offset = 0;
	assert_false(take(SYNC, ESR_READ_L0));
	assert_printed("\nCPU 1 was here:\nELR 0x00000000000007e1");
	assert_printed("\nCPU 2 has not stopped\n");
	assert_not_printed("CPU 0 ");
}

/* ---- Faults that are waited for ---- */

static void fault_now(void *context)
{
	assert_true(take(*(u64 *)context, ESR_WRITE_L3));
	faults = true;
}

static void nothing(void *context)
{
	(void)context;
}

static void a_fault_that_is_waited_for_ends_the_call_and_says_what_it_was(void **state)
{
	u64 vectors[] = { SYNC, SYNC_EL0 };

	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct fault fault = { 0 };

		begin(state);
		assert_true(fault_catch(fault_now, &vectors[i], &fault));
		assert_int_equal(fault.esr, ESR_WRITE_L3);
		assert_int_equal(fault.elr, 0xe1f);
		assert_int_equal(fault.far, 0xfa5);
		assert_int_equal(fault.sp, 0x59);
		assert_true(fault.pan);
		assert_int_equal(frame.x[0], 1);
		assert_int_equal(frame.elr, (uintptr_t)catch_resume);
		assert_int_equal(frame.sp, 0x5ca1ab1e);
		assert_int_equal(frame.x[18], 0x5ad0);
		assert_int_equal(frame.spsr, 0x3c0 | 1 << 2 | PAN);
		assert_null(cpu.expected.fault);
		assert_string_equal(captured, "");
	}
}

/* Within another call that waits for a fault. */
static void fault_inside(void *context)
{
	static u64 vector = SYNC;

	assert_true(fault_catch(fault_now, &vector, context));
	faults = false;
}

static void a_fault_within_is_the_inner_calls_and_the_outer_one_waits_on(void **state)
{
	struct fault outer = { .esr = 0x77 }, inner = { 0 };

	(void)state;
	assert_false(fault_guard(fault_inside, &inner, &outer));
	assert_int_equal(inner.esr, ESR_WRITE_L3);
	assert_int_equal(outer.esr, 0x77);
	assert_null(cpu.expected.fault);
}

static void interrupt_now(void *context)
{
	(void)context;
	handles = cpu.give_up = true;
	assert_true(take(IRQ, ESR_WRITE_L3));
	faults = true;
}

static void wait_inside(void *context)
{
	(void)fault_catch(interrupt_now, NULL, context);
}

static void what_is_given_up_ends_the_outermost_call(void **state)
{
	struct fault outer = { .esr = 0x77 }, inner = { .esr = 0x88 };

	(void)state;
	(void)fault_guard(wait_inside, &inner, &outer);
	assert_int_equal(outer.esr, 0);
	assert_int_equal(outer.elr, 0xe1f);
	assert_int_equal(inner.esr, 0x88);
	assert_false(cpu.give_up);
	assert_int_equal(frame.elr, (uintptr_t)catch_resume);
	assert_null(cpu.expected.fault);
}

static void the_call_goes_on_at_the_level_of_the_kernel(void **state)
{
	struct fault fault;
	u64 vector = SYNC;

	(void)state;
	sample.handoff.plan.el = 2;
	sample.handoff.plan.pan = false;
	assert_true(fault_catch(fault_now, &vector, &fault));
	assert_int_equal(frame.spsr, 0x3c0 | 2 << 2);
	assert_false(fault.pan);
}

static void a_program_comes_back_to_who_let_it_run_with_all_its_registers(void **state)
{
	u64 vectors[] = { SYNC_EL0, IRQ_EL0 };

	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct exception_frame program = { 0 }, before;

		begin(state);
		cpu.user.frame = &program;
		cpu.user.resume = (struct resume){ 0xca11e5, 0x5ad1 };
		frame.esr = ESR_SVC;
		for (unsigned r = 0; r < ARRAY_SIZE(frame.x); r++)
			frame.x[r] = 100 + r;
		before = frame;
		assert_true(take(vectors[i], ESR_SVC));
		assert_memory_equal(&program, &before, sizeof(before));
		assert_int_equal(frame.x[0], vectors[i] == IRQ_EL0);
		assert_int_equal(frame.elr, (uintptr_t)user_resume);
		assert_int_equal(frame.sp, 0xca11e5);
		assert_int_equal(frame.x[18], 0x5ad1);
		assert_int_equal(frame.spsr, 0x3c0 | 1 << 2 | PAN);
		assert_null(cpu.user.frame);
		assert_string_equal(captured, "");
	}
}

static void what_comes_from_the_kernel_is_no_programs(void **state)
{
	struct exception_frame program = { 0 };

	(void)state;
	handles = true;
	cpu.user.frame = &program;
	assert_true(take(IRQ, 0));
	assert_ptr_equal(cpu.user.frame, &program);
	assert_false(take(SYNC, ESR_WRITE_L3));
	assert_int_equal(program.elr, 0);
}

static void a_call_without_a_fault_leaves_nobody_waiting(void **state)
{
	struct fault fault;

	(void)state;
	assert_false(fault_catch(nothing, NULL, &fault));
	assert_false(take(SYNC, ESR_WRITE_L3));
	assert_printed("synchronous exception from EL1\n");
}

static void neither_an_error_nor_an_exception_within_one_ends_a_call(void **state)
{
	u64 vectors[] = { SERROR, SYNC_NESTED };
	struct fault fault;

	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		begin(state);
		cpu.expected.fault = &fault;
		assert_false(take(vectors[i], ESR_WRITE_L3));
		assert_printed(i == 0 ? "\npagoda: SError from EL1\n" :
					"\npagoda: synchronous exception from EL1\n");
	}
}

/* ---- SErrors ---- */

static void an_serror_that_was_pending_at_entry_is_noted_and_no_other(void **state)
{
	struct kernel kernel = sample.kernel;
	struct exception_frame before;

	(void)state;
	sample.handoff.facts.entry.serror = true;
	serrors[0] = frame.esr = ESR_SERROR;
	before = frame;
	serror_init(&kernel);
	assert_int_equal(unmasked, 1);
	assert_int_equal(kernel.inherited.esr, ESR_SERROR);
	assert_memory_equal(&frame, &before, sizeof(frame));
	assert_string_equal(captured, "");
	assert_false(take(SERROR, ESR_SERROR));
	assert_printed("\npagoda: SError from EL1\n");
}

static void the_second_of_two_serrors_is_reported(void **state)
{
	struct kernel kernel = sample.kernel;

	(void)state;
	sample.handoff.facts.entry.serror = true;
	serrors[0] = ESR_SERROR_IDS;
	serrors[1] = ESR_SERROR;
	serror_init(&kernel);
	assert_int_equal(kernel.inherited.esr, ESR_SERROR_IDS);
	assert_printed("\npagoda: SError from EL1\nESR 0x00000000be000c11\n");
}

static void an_serror_that_was_not_pending_at_entry_is_nobodys_but_ours(void **state)
{
	struct kernel kernel = sample.kernel;

	(void)state;
	serrors[0] = ESR_SERROR;
	serror_init(&kernel);
	assert_int_equal(kernel.inherited.esr, 0);
	assert_printed("\npagoda: SError from EL1\n");
}

static void what_firmware_has_deferred_is_asked_for_where_there_is_ras(void **state)
{
	u64 *pfr0 = &sample.handoff.facts.id[SYSREG_ID_AA64PFR0_EL1];
	struct kernel kernel = sample.kernel;

	(void)state;
	deferred = BIT(31) | 0xc11;
	*pfr0 &= ~(u64)ID_AA64PFR0_EL1_RAS_MASK;
	serror_init(&kernel);
	assert_int_equal(kernel.inherited.disr, 0);
	*pfr0 |= SYSREG_PUT(ID_AA64PFR0_EL1_RAS, 1);
	serror_init(&kernel);
	assert_int_equal(kernel.inherited.disr, deferred);
}

/* DDI 0487 D19.2.37, "ISS encoding for an SError interrupt". */
static void an_serror_is_put_into_words(void **state)
{
	static const struct {
		u64 esr;
		const char *words;
	} rows[] = {
		{ ESR_SERROR, "\n  iss  0xc11\n  recoverable\n" },
		{ 0xbe000011, "\n  iss  0x11\n  uncontainable\n" },
		{ 0xbe000411, "\n  unrecoverable\n" },
		{ 0xbe000811, "\n  restartable\n" },
		{ 0xbe001811, "\n  corrected\n" },
		{ 0xbe001411, "\n  of a severity Pagoda does not know\n" },
		{ 0xbe000000, "\n  of no category\n" },
		{ ESR_SERROR_IDS, "\n  in a code of the CPU's own\n" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(state);
		assert_false(take(SERROR, rows[i].esr));
		assert_printed("  ec   0x2f  SError\n");
		assert_printed(rows[i].words);
	}
}

/* ---- Reports ---- */

static void a_report_says_who_was_where_with_what_in_every_register(void **state)
{
	char line[64];

	(void)state;
	for (unsigned i = 0; i < 31; i++)
		frame.x[i] = 0xabcd000000000000 + i;
	frame.elr = sample.handoff.plan.image_va.value + 0x1234;
	sample.handoff.facts.image.link_va = 0xffff800080000000;
	assert_false(take(SYNC, ESR_WRITE_L3));
	assert_printed("\npagoda: synchronous exception from EL1\nESR 0x000000009600004f\n");
	assert_printed(
		"  SPSR 0x0000000000000060\nFAR 0x0000000000000fa5  SP   0x0000000000000059\n");
	assert_printed("ELR is at 0xffff800080001234 in pagoda.elf\n");
	for (unsigned i = 0; i < 31; i++) {
		snprintf(line, sizeof(line), "x%-2u 0xabcd0000000000%02x", i, i);
		assert_printed(line);
	}
	assert_printed("walk 0x0000000000000fa5: ");
	assert_printed("pagoda: stopped\n");
	assert_int_equal(halted.code, STOP_NONE);
}

static void the_syndrome_is_told_in_words(void **state)
{
	static const struct {
		u64 esr;
		const char *text;
	} cases[] = {
		{ ESR_WRITE_L3, "  ec   0x25  data abort at the current EL\n"
				"  fsc  0x0f  permission fault, level 3\n  on a write\n" },
		{ ESR_READ_L0, "  fsc  0x04  translation fault, level 0\n  on a read\n" },
		{ ESR_FETCH_L3, "  ec   0x21  instruction abort at the current EL\n"
				"  fsc  0x0f  permission fault, level 3\n" },
		{ ESR_FNV, "  on a read\n  FAR is not valid\n" },
		{ ESR_BRK, "  ec   0x3c  BRK instruction\n  iss  0x1\n" },
		{ ESR_UNKNOWN_CLASS, "  ec   0x2a  not a code Pagoda knows\n  iss  0\n" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		capture_clear();
		syndrome_print(cases[i].esr);
		assert_printed(cases[i].text);
	}
	assert_true(syndrome_is_abort(ESR_FETCH_L3));
	assert_false(syndrome_is_abort(ESR_SVC));
}

static void only_an_abort_with_an_address_is_walked(void **state)
{
	static const u64 without[] = { ESR_FNV, ESR_BRK };

	for (unsigned i = 0; i < ARRAY_SIZE(without); i++) {
		begin(state);
		assert_false(take(SYNC, without[i]));
		assert_not_printed("walk 0x");
	}
}

static void what_came_from_el0_is_told_apart(void **state)
{
	(void)state;
	assert_false(take(SYNC_EL0, ESR_SVC));
	assert_printed("synchronous exception from EL0, AArch64\n");
	begin(state);
	assert_false(take(SYNC_EL0_32, ESR_SVC));
	assert_printed("synchronous exception from EL0, AArch32\n");
}

static void an_abort_in_the_gap_below_the_stack_is_called_an_overflow(void **state)
{
	static const struct {
		u64 far;
		bool overflow;
	} cases[] = { { 0xfff, false }, { 0x1000, true }, { 0x1fff, true }, { 0x2000, false } };

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(state);
		cpu.guard = (struct stack){ 0x1000, 0x2000 };
		frame.far = cases[i].far;
		assert_false(take(SYNC, ESR_WRITE_L3));
		assert_int_equal(strstr(captured, "STACK OVERFLOW") != NULL, cases[i].overflow);
	}
}

static void a_second_exception_is_reported_in_short_and_a_third_halts(void **state)
{
	(void)state;
	assert_false(take(SYNC, ESR_BRK));
	assert_int_equal(cpu.reports, 1);
	capture_clear();
	assert_false(take(SYNC_NESTED, ESR_READ_L0));
	assert_int_equal(cpu.reports, 2);
	assert_printed(
		"\npagoda: another exception while reporting one: ESR 0x96000004 ELR 0xe1f FAR "
		"0xfa5\nESR 0x0000000096000004\n");
	assert_printed("x30 0x");
	assert_not_printed("calls, the latest first");
	assert_not_printed("walk 0x");
	assert_printed("pagoda: stopped\n");
	capture_clear();
	assert_false(take(SYNC_NESTED, ESR_READ_L0));
	assert_string_equal(captured, "");
	assert_int_equal(halted.code, STOP_EXCEPTION);
	assert_int_equal(halted.x1, ESR_READ_L0);
	assert_int_equal(halted.x2, 0xe1f);
	assert_int_equal(halted.x3, 0xfa5);
}

static void before_there_is_a_kernel_to_ask_an_exception_only_halts(void **state)
{
	(void)state;
	cpu.kernel = NULL;
	assert_false(take(SYNC, ESR_BRK));
	assert_string_equal(captured, "");
	assert_int_equal(halted.code, STOP_EXCEPTION);
	assert_int_equal(halted.x1, ESR_BRK);
	exception_init(&sample.kernel);
	assert_false(take(SYNC, ESR_BRK));
	assert_printed("BRK instruction");
}

static void the_end_is_as_panic_says(void **state)
{
	(void)state;
	sample.handoff.options.panic = PANIC_REBOOT;
	assert_false(take(SYNC, ESR_BRK));
	assert_int_equal(reboots, 1);
	begin(state);
	sample.handoff.options.panic = PANIC_POWEROFF;
	assert_false(take(SYNC, ESR_BRK));
	assert_int_equal(poweroffs, 1);
	assert_printed("pagoda: stopped\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			an_interrupt_that_somebody_handles_returns_with_all_as_it_was, begin),
		cmocka_unit_test_setup(an_interrupt_that_nobody_handles_is_reported, begin),
		cmocka_unit_test_setup(where_another_cpu_reports_an_interrupt_stops_this_one,
				       begin),
		cmocka_unit_test_setup(who_reports_stops_the_others_first, begin),
		cmocka_unit_test_setup(where_there_are_other_cpus_the_report_says_which_it_is,
				       begin),
		cmocka_unit_test_setup(registers_of_the_others_are_shown_where_that_is_asked_for,
				       begin),
		cmocka_unit_test_setup(the_handler_of_an_interrupt_is_not_who_waits_for_a_fault,
				       begin),
		cmocka_unit_test_setup(
			a_fault_that_is_waited_for_ends_the_call_and_says_what_it_was, begin),
		cmocka_unit_test_setup(a_fault_within_is_the_inner_calls_and_the_outer_one_waits_on,
				       begin),
		cmocka_unit_test_setup(what_is_given_up_ends_the_outermost_call, begin),
		cmocka_unit_test_setup(the_call_goes_on_at_the_level_of_the_kernel, begin),
		cmocka_unit_test_setup(
			a_program_comes_back_to_who_let_it_run_with_all_its_registers, begin),
		cmocka_unit_test_setup(what_comes_from_the_kernel_is_no_programs, begin),
		cmocka_unit_test_setup(a_call_without_a_fault_leaves_nobody_waiting, begin),
		cmocka_unit_test_setup(neither_an_error_nor_an_exception_within_one_ends_a_call,
				       begin),
		cmocka_unit_test_setup(an_serror_that_was_pending_at_entry_is_noted_and_no_other,
				       begin),
		cmocka_unit_test_setup(the_second_of_two_serrors_is_reported, begin),
		cmocka_unit_test_setup(an_serror_that_was_not_pending_at_entry_is_nobodys_but_ours,
				       begin),
		cmocka_unit_test_setup(what_firmware_has_deferred_is_asked_for_where_there_is_ras,
				       begin),
		cmocka_unit_test_setup(an_serror_is_put_into_words, begin),
		cmocka_unit_test_setup(a_report_says_who_was_where_with_what_in_every_register,
				       begin),
		cmocka_unit_test_setup(the_syndrome_is_told_in_words, begin),
		cmocka_unit_test_setup(only_an_abort_with_an_address_is_walked, begin),
		cmocka_unit_test_setup(what_came_from_el0_is_told_apart, begin),
		cmocka_unit_test_setup(an_abort_in_the_gap_below_the_stack_is_called_an_overflow,
				       begin),
		cmocka_unit_test_setup(a_second_exception_is_reported_in_short_and_a_third_halts,
				       begin),
		cmocka_unit_test_setup(before_there_is_a_kernel_to_ask_an_exception_only_halts,
				       begin),
		cmocka_unit_test_setup(the_end_is_as_panic_says, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
