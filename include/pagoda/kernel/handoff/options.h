/* SPDX-License-Identifier: MIT */
/*
 * The command line: what it asks of the boot, and what became of every override on it.
 * Same words as Linux where Linux has them; docs/design.md lists all.
 */
#ifndef PAGODA_OPTIONS_H
#define PAGODA_OPTIONS_H

#include <pagoda/lib/serial.h>
#include <pagoda/lib/sysreg.h>

#define OVERRIDES_MAX 32
#define RUN_COMMANDS_MAX 1024
#define CPU_OVERRIDES_MAX 8

enum override_status {
	OVERRIDE_APPLIED,
	OVERRIDE_REFUSED, /* understood, but not allowed or not possible */
	OVERRIDE_MALFORMED, /* not understood */
};

/* "applied", "refused", "malformed". */
const char *override_status_str(enum override_status status);

enum override_reason {
	REASON_NONE,
	REASON_RAISES, /* the value is above what the CPU has; overrides only lower */
	REASON_NOT_A_DIGIT, /* a value is one hex digit, with or without 0x */
	REASON_TOO_WIDE, /* the digit does not fit the field */
	REASON_NO_VALUE,
	REASON_UNKNOWN_OPTION, /* in a name space of ours, but no such word */
	REASON_UNKNOWN_FIELD,
	REASON_TOO_LONG, /* a token above TOKEN_MAX characters, skipped whole */
	REASON_BAD_CHOICE, /* none of the values the option has */
	REASON_BAD_NUMBER,
	REASON_BAD_QUOTE, /* a quotation mark that is not closed */
	REASON_NO_SUCH_CONSOLE,
	REASON_E2H_STUCK, /* VHE cannot be left: the CPU lacks FEAT_E2H0 */
	REASON_CUT, /* the value was longer than there is room for */
	REASON_NO_CPU, /* nobody has started the CPU that it is about; so far, for a new record */
	REASON_ALL_CPUS, /* CPU 0 decides for all, and no CPU has software features for itself */
	REASON_NO_ROOM, /* more of these than are kept */
	REASON_NOT_GLOBAL, /* the core may not have mappings that are not global */
};

const char *override_reason_str(enum override_reason reason);

/* One word of the command line that is an override, and its fate. Text is cut to fit. */
struct override_record {
	char option[40] __attribute__((aligned(8))); /* as typed, without the value; copied fast */
	char field[32]; /* "id_aa64mmfr2.varange"; the option again where there is no register */
	char value[24];
	enum override_status status;
	enum override_reason reason;
};

/* An override for one CPU, until that CPU is there to be held against. */
struct cpu_override {
	u16 cpu; /* its number */
	u16 field; /* enum sysreg_field_index */
	u8 reg; /* enum sysreg */
	u8 content;
	u8 record; /* which one says what came of it; OVERRIDES_MAX: there was no room */
};

/* The longest word that is looked at, but for pagoda.run="...". */
#define TOKEN_MAX 255

enum panic_action {
	PANIC_HALT,
	PANIC_REBOOT,
	PANIC_POWEROFF,
};

const char *panic_action_str(enum panic_action action);

/*
 * Whether EL0 finds the kernel's mappings: if not, TTBR1 has another root while programs run, and
 * all of the kernel's leaves are of one ASID each. kpti= asks for it, or leaves it to the plan.
 */
enum kpti {
	KPTI_AUTO, /* kpti=auto, or no word about it: no plan has this */
	KPTI_OFF, /* kpti=off */
	KPTI_NO_NEED, /* EL0 cannot learn from them what is where (E0PD), nor what it is (CSV3) */
	KPTI_NEVER, /* off, whatever is needed: errata_not_global() */
	KPTI_ON, /* kpti=on */
	KPTI_LATE, /* kpti=late: on, once all else is up, as if that had been found out then */
	KPTI_HIDES_PLACE, /* on: KASLR, and no E0PD */
	KPTI_HIDES_CONTENT, /* on: no CSV3, and no core known to need none */
};

/* Why it is on, or off: "kpti=on", "not needed" and so on. */
const char *kpti_str(enum kpti kpti);

static inline bool kpti_is_on(enum kpti kpti)
{
	return kpti >= KPTI_ON;
}

struct boot_options {
	u8 granule_shift; /* arm64.pagesize=; 0: not asked for */
	u8 va_bits; /* pagoda.va_bits=; 0: not asked for */
	bool nolva; /* the last word about varange says 0: no 52 bits, but what later words name */
	bool quiet; /* at boot, only what is wrong is printed */
	u8 kpti; /* kpti=: enum kpti, of which KPTI_AUTO */
	enum panic_action panic;
	u64 memory_limit; /* mem=; 0: not asked for */
	bool has_earlycon;
	bool cpus_parallel; /* pagoda.cpus=: further CPUs are started all at once */
	u8 cpu_override_count;
	u32 cpus_max; /* maxcpus=, nosmp: how many run, that which boots included; 0: all */
	paddr_t earlycon; /* earlycon=TYPE,ADDRESS; 0: as the FDT says, or by semihosting */
	struct serial_kind earlycon_kind;
	u32 record_count;
	u32 records_dropped; /* there was no room for more */
	char run[RUN_COMMANDS_MAX]; /* pagoda.run= */
	struct override_record record[OVERRIDES_MAX];
	struct cpu_override cpu_override[CPU_OVERRIDES_MAX];
};

/*
 * options_parse() - read the @length characters at @text. @options is zero. @id holds the CPU's ID
 * registers, by enum sysreg, and is lowered in place by the overrides that apply; the software
 * features in id[SYSREG_ARM64_SW] are set. Never fails: what is wrong with a word is in its record.
 * MMU off; .bss clear. Pure.
 */
void options_parse(struct boot_options *options, u64 id[SYSREG_FACT_COUNT], const char *text,
		   u32 length);

#endif /* PAGODA_OPTIONS_H */
