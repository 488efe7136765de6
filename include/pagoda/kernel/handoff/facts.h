/* SPDX-License-Identifier: MIT */
/*
 * Facts: what there is, before anybody decides. Collected once, from the entry registers, the ID
 * registers, the linker's symbols and the FDT; never changed afterwards. What the plan needs, the
 * early runtime collects; the rest of the FDT, the kernel, right after the flip. What is chosen
 * later, or used up, stands beside them in the handoff.
 */
#ifndef PAGODA_FACTS_H
#define PAGODA_FACTS_H

#include <pagoda/lib/fdt.h>
#include <pagoda/mm/layout/image.h>
#include <pagoda/mm/layout/memory_map.h>
#include <pagoda/lib/serial.h>
#include <pagoda/kernel/handoff/cpu_list.h>
#include <pagoda/kernel/handoff/stop.h>
#include <pagoda/kernel/handoff/tree_nodes.h>
#include <pagoda/lib/sysreg.h>

#define COMMAND_LINE_MAX 4096
#define CONSOLES_SEEN_MAX TREE_UARTS_MAX

/* How the boot loader entered the Image. */
struct entry_state {
	u64 fdt; /* x0: the physical address of the FDT, as passed */
	u64 el; /* exception level, 1 to 3 */
	u64 sctlr; /* SCTLR of that level */
	u64 hcr; /* HCR_EL2, where entered at EL2: after E2H was cleared, unless it is stuck at 1 */
	u64 counter; /* CNTVCT_EL0 at the first instructions */
	bool serror; /* an SError was pending: nothing of ours can have caused it */
};

/* What the FDT says about the ways out of the kernel. */
enum psci_conduit {
	PSCI_NONE,
	PSCI_HVC,
	PSCI_SMC,
	PSCI_OLD, /* version 0.1: it knows of CPUs, and of no way out */
};

const char *psci_conduit_str(enum psci_conduit conduit);

enum console_source {
	CONSOLE_NONE,
	CONSOLE_STDOUT_PATH,
	CONSOLE_FIRST_UART, /* no usable stdout-path: the first UART we know in the FDT */
	CONSOLE_EARLYCON, /* named on the command line */
	CONSOLE_NO_UART, /* no UART works: what else the FDT has to print on */
};

const char *console_source_str(enum console_source source);

/* A UART, and who named it. */
struct console_choice {
	paddr_t address; /* of its registers; 0 for none */
	struct serial_kind kind;
	enum console_source source;
};

/* console_exists() - that is one: without an address there is none but by semihosting. */
static inline bool console_exists(const struct console_choice *console)
{
	return console->address.value != 0 || !serial_has_registers(console->kind);
}

/* What the EFI stub found out, by /chosen, ours or Linux's. All zero where there was none. */
struct efi_facts {
	u64 system_table;
	u64 rsdp; /* of ACPI; 0 where there is none */
	u64 map_start; /* the memory map's physical address */
	u32 map_size, descriptor_size, descriptor_version;
	bool stub; /* it was ours: memory nodes are those of the map, RAM alone */
	bool seed; /* the KASLR seed is from EFI_RNG_PROTOCOL */
	bool acpi; /* the FDT was made of ACPI's tables: nobody but the stub has seen it */
};

/* The I/O range of an ECAM host bridge: ports [port, port + size) of PCI are at [pa, pa + size). */
struct pci_io {
	bool found; /* of several, the first */
	paddr_t pa;
	u64 port, size;
};

/* What there was of a kaslr-seed in the FDT. It is wiped, whatever it was and wherever it was. */
enum fdt_seed {
	FDT_SEED_NONE,
	FDT_SEED_TAKEN, /* the first one in /chosen that is good */
	FDT_SEED_ZERO, /* eight bytes of zeroes: what firmware writes that has no entropy */
	FDT_SEED_SIZE, /* not eight bytes */
	FDT_SEED_DISABLED, /* in a /chosen whose status is so */
};

/* A clause: "the FDT has no kaslr-seed". */
const char *fdt_seed_str(enum fdt_seed seed);

#define SOURCE_TEXT_MAX 120

struct source_text {
	char text[SOURCE_TEXT_MAX];
};

/*
 * source_text() - the clause @words, which may speak of "the FDT", for a machine that is described
 * by one; or for @acpi, where it is ACPI that has this or has it not. Longer ones are cut.
 */
struct source_text source_text(bool acpi, const char *words);

struct boot_facts {
	struct entry_state entry;
	u64 id[SYSREG_FACT_COUNT]; /* by enum sysreg, as the CPU has them */
	struct image image;
	struct {
		struct fdt tree; /* not cut; @blob is where the early runtime had it */
		u32 chosen; /* offset of /chosen in it; 0 where there is none */
		bool has_chosen; /* one that may be used */
		bool has_stdout_path; /* the kernel's, like all after this but command_line_... */
		enum fdt_seed seed;
	} fdt;
	struct console_choice console; /* the FDT's */
	enum psci_conduit psci;
	u32 consoles; /* that the FDT has beside that one */
	struct pci_io pci_io;
	struct efi_facts efi;
	paddr_t lists; /* of a struct boot_lists */
	u32 command_line_length; /* cut at COMMAND_LINE_MAX - 1 */
	bool command_line_cut;
};

/* What can be long: outside .bss, or clearing it would be slow. What is in use of it counts. */
struct boot_lists {
	struct memory_map memory;
	struct tree_nodes nodes;
	struct cpu_list cpus;
	struct {
		u64 start, end; /* end 0: all */
	} usable; /* the RAM that /chosen leaves to this kernel; another's may lie around it */
	char command_line[COMMAND_LINE_MAX]; /* with a NUL; none where it is empty */
	struct console_choice console[CONSOLES_SEEN_MAX]; /* the FDT's others */
};

/* facts_lists() - the lists, where @phys_offset turns physical addresses into pointers. */
static inline struct boot_lists *facts_lists(const struct boot_facts *facts, u64 phys_offset)
{
	return (struct boot_lists *)(uintptr_t)(facts->lists.value + phys_offset);
}

/* facts_command_line() - the command line, empty where there is none. */
static inline const char *facts_command_line(const struct boot_facts *facts, u64 phys_offset)
{
	return facts->command_line_length != 0 ? facts_lists(facts, phys_offset)->command_line : "";
}

#endif /* PAGODA_FACTS_H */
