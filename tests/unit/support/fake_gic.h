/* SPDX-License-Identifier: MIT */
/*
 * A GICv2 or GICv3 behind register accesses, as Arm IHI 0048B and IHI 0069 describe them: what is
 * enabled, routed to this CPU and pending is delivered, and a write out of turn is noted. Host
 * only. Offsets and bits are written down here again; the driver's are what is under test.
 */
#ifndef FAKE_GIC_H
#define FAKE_GIC_H

#include <setjmp.h>

#include <pagoda/types.h>

#define FAKE_GIC_DISTRIBUTOR 0x8000000
#define FAKE_GIC_CPU 0x8010000 /* version 2: the CPU interface */
#define FAKE_GIC_ROW 0x80a0000 /* version 3: the redistributors */
#define FAKE_GIC_LINES 96
#define FAKE_GIC_CPUS 6
#define FAKE_GIC_NOTHING 1023

/* One redistributor, or the distributor; of the latter the first 32 count in version 2 only. */
struct fake_gic_part {
	u32 group[32], enabled[32], pending[32], active[32];
	u8 priority[1024];
	unsigned busy; /* looks until RWP is clear */
	bool disabling; /* RWP is about enable bits being cleared */
};

/* What a CPU sees in the place of another's. */
struct fake_gic_bank {
	u32 group, enabled, pending, active; /* version 2: of the first 32 */
	u8 priority[32];
	u32 cpu_control, apr[4], mask;
	u8 cpu_bit;
	bool cpu_enabled;
};

struct fake_gic {
	unsigned version;
	u32 revision, interface_revision; /* what their ID registers say */
	bool nameless; /* the distributor has none, and may answer with an abort */
	/* The distributor. */
	struct fake_gic_part shared;
	u32 control;
	u32 config[64];
	u8 target[1024]; /* version 2 */
	u64 router[1024]; /* version 3 */
	/* Version 2. */
	u8 cpu_bit; /* in the targets, of the CPU that looks; 0 where it is alone */
	bool groups; /* there are two, and this world may choose */
	u32 cpu_control, apr[4];
	/* Version 3. */
	unsigned cpus;
	unsigned self; /* which of them looks */
	bool no_last, usable, stuck, sleeper;
	bool secure_waker; /* GICR_WAKER is the secure world's */
	bool ranges, cpu_ranges; /* RSS of GICD_TYPER, of ICC_CTLR_EL1 */
	bool says_two_frames; /* whatever there are */
	struct fake_gic_cpu {
		struct fake_gic_part part;
		u32 affinity, waker;
		unsigned frames;
	} cpu[FAKE_GIC_CPUS];
	bool cpu_enabled;
	/* Either. */
	struct fake_gic_bank bank[FAKE_GIC_CPUS]; /* but for that of the CPU that looks */
	unsigned reads; /* of redistributors */
	u32 mask;
	u8 line[FAKE_GIC_LINES]; /* a device holds on to it */
	unsigned ends;
	const char *wrong; /* the first thing done that must not be, if any */
};

/* fake_gic_make() - as out of reset. One at a time: the others are about it. */
void fake_gic_make(struct fake_gic *gic, unsigned version);

/* fake_gic_leave() - as somebody leaves it who used all of it, and went in the middle. */
void fake_gic_leave(struct fake_gic *gic);

/*
 * fake_gic_become() - CPU number @self of its CPUs is the one that looks from now on; the first is.
 * fake_gic_pending() - an interrupt of its own waits for CPU @number.
 */
void fake_gic_become(unsigned self);
bool fake_gic_pending(unsigned cpu, u32 number);

/* Accesses at @pa: an address where nobody is goes to fake_gic_nobody. */
u32 fake_gic_read(u64 pa);
void fake_gic_write(u64 pa, u32 value, unsigned size);
extern jmp_buf fake_gic_nobody;

/* fake_gic_raise() - an edge on @number. fake_gic_wants() - the CPU sees an interrupt. */
void fake_gic_raise(u32 number);
bool fake_gic_wants(void);

/* What of interrupt @number the CPU's controller holds. */
bool fake_gic_enabled(u32 number);
bool fake_gic_active(u32 number);

#endif /* FAKE_GIC_H */
