/* SPDX-License-Identifier: MIT */
/*
 * The judge of the discipline: what its modules share. A host program that reads a stream of
 * executed instructions and holds it against rules that QEMU does not enforce: docs/discipline.md.
 * It knows nothing of the project's headers: all that is here is from DDI 0487.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define BIT(n) ((u64)1 << (n))
#define PAGE 4096ul
#define GRAINS 256 /* of 16 bytes, the smallest cache line there may be, in a page */
#define GRAIN 16ul

static inline u64 bits(u64 value, unsigned high, unsigned low)
{
	return value >> low & (~(u64)0 >> (63 - (high - low)));
}

static inline s64 sign_extend(u64 value, unsigned width)
{
	return (s64)(value << (64 - width)) >> (64 - width);
}

/* ---- rules and the report: report.c ---- */

#define EACH_RULE(_) \
	_(C1)        \
	_(C2)        \
	_(C3)        \
	_(C4)        \
	_(C5)        \
	_(C6)        \
	_(C7)        \
	_(I1)        \
	_(I2)        \
	_(S1)        \
	_(S2)        \
	_(S3)        \
	_(S4)        \
	_(S5)        \
	_(T1)        \
	_(T2)        \
	_(T3)        \
	_(T4)        \
	_(T5)        \
	_(T6)        \
	_(T7)        \
	_(T8)        \
	_(T9)        \
	_(T10)       \
	_(T11)       \
	_(M1)

enum rule {
#define RULE_ENUM(name) RULE_##name,
	EACH_RULE(RULE_ENUM)
#undef RULE_ENUM
	RULE_COUNT
};

/* The physical address of an instruction; 0: none of those in the stream. */
typedef u64 place_t;

struct image {
	u64 size; /* of the file, and */
	u64 whole; /* with what is beyond it */
	u8 *file;
};

struct report {
	u64 base; /* where the Image lies */
	u64 loaded; /* where firmware had put it, or the same */
	bool firmware; /* runs, as yet: what it does is not judged */
	struct image image;
	unsigned violations, rules_broken;
	u64 looked_at[RULE_COUNT];
	bool broken[RULE_COUNT];
	const char *failure; /* why nothing was judged to its end */
};

extern struct report report;

/* violation() - @rule is broken by the instruction at hand, at @address, because of @cause. */
void violation(enum rule rule, u64 address, place_t cause, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* looked_at() - @rule had something to say about what was executed, whatever it said. */
static inline void looked_at(enum rule rule)
{
	report.looked_at[rule]++;
}
/* cannot_judge() - the stream has something that the judge does not understand: the end. */
void cannot_judge(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
int report_end(u64 executed);

/* ---- the stream: stream.c ---- */

#define CPUS_MOST 8

struct step {
	u64 pc, x[31], sp;
	u32 pstate;
	u32 word;
	u8 cpu;
	bool has_word;
	bool interrupted; /* an exception was taken since the step before */
};

struct exception {
	u64 pc, elr; /* where to, and where from */
	unsigned number;
	u8 cpu;
	bool is_return, is_call, has_target;
};

enum event {
	EVENT_STEP,
	EVENT_EXCEPTION,
	EVENT_END
};

struct stream {
	int file;
	char *buffer;
	size_t start, end, size;
	u64 asm_address;
	u32 asm_word;
	bool has_asm, ended;
	u8 cpu; /* whose step is next */
	struct step step;
	struct exception exception;
	u64 lines;
};

void stream_open(struct stream *stream, int file);
enum event stream_next(struct stream *stream);

static inline unsigned step_level(const struct step *step)
{
	return step->pstate >> 2 & 3;
}

/* Register @n as an operand; 31: zero, or with @sp the stack pointer. */
static inline u64 step_register(const struct step *step, unsigned n, bool sp)
{
	return n < 31 ? step->x[n] : sp ? step->sp : 0;
}

/* ---- instructions: decode.c ---- */

enum kind {
	KIND_OTHER, /* nothing but registers changes */
	KIND_BRANCH,
	KIND_CALL_OUT, /* SVC, HVC, SMC */
	KIND_ERET,
	KIND_MEMORY,
	KIND_BARRIER,
	KIND_MSR,
	KIND_MRS,
	KIND_SYS,
	KIND_WAIT,
	KIND_EVENT, /* SEV */
	KIND_UNKNOWN,
};

enum access {
	ACCESS_LOAD = 1,
	ACCESS_STORE = 2,
	ACCESS_RELEASE = 4,
	ACCESS_EXCLUSIVE = 8, /* with a store: only where Rs is 0 afterwards */
	ACCESS_VECTOR = 16, /* registers that the stream does not show */
	ACCESS_ATOMIC = 32, /* a store of what is computed from what was loaded */
	ACCESS_COMPARE = 64, /* CAS */
	ACCESS_USER = 128,
	ACCESS_ACQUIRE = 256,
};

enum barrier_kind {
	BARRIER_DSB,
	BARRIER_DMB,
	BARRIER_ISB
};

struct insn {
	enum kind kind;
	unsigned access; /* of enum access */
	unsigned bytes; /* of each register; @count of them */
	unsigned count;
	u64 address;
	unsigned rt, rt2, rs;
	unsigned operation; /* of an atomic one */
	enum barrier_kind barrier;
	unsigned domain, types; /* of a barrier: CRm's two halves */
	u32 sysreg; /* of MSR, MRS, SYS: op0 op1 CRn CRm op2 as in SYSREG() */
	bool is_link; /* a branch that is a call */
};

#define SYSREG(op0, op1, crn, crm, op2) \
	((u32)(op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

void decode(const struct step *step, u32 word, struct insn *insn);

/* ---- memory: memory.c ---- */

struct table;

struct page {
	u64 pa;
	u8 data[PAGE];
	u8 known[PAGE / 8];
	u16 state[GRAINS]; /* cache.c */
	u8 stale[PAGE / 8]; /* a bit for each byte of which caches may hold an older one */
	u32 written[GRAINS]; /* when */
	u32 cleaned[GRAINS];
	place_t writer[GRAINS];
	u8 by[GRAINS]; /* the CPU that wrote it */
	u32 reached[GRAINS]; /* when a cleaning of it was complete */
	u32 fetched[GRAINS]; /* when an IC for it alone was complete */
	u8 share[GRAINS]; /* of the last cached access, plus 1 */
	u32 stored; /* when there was the last store, and */
	place_t storer; /* whose, */
	u8 stored_by; /* and on which CPU */
	struct table *table; /* that lies here, and may be walked */
};

struct memory {
	u64 start, end; /* RAM */
	struct page **pages;
	u64 count;
};

extern struct memory memory;

void memory_init(u64 start, u64 size);
static inline bool memory_has(u64 pa)
{
	return pa >= memory.start && pa < memory.end;
}
struct page *memory_page(u64 pa);
void memory_write(u64 pa, unsigned size, u64 value, bool known);
bool memory_read(u64 pa, unsigned size, u64 *value);
void memory_fill(u64 pa, const u8 *data, u64 size);

/* cache_new_page() - what caches may hold of a page at entry: see cache.c. */
void cache_new_page(struct page *page);

/* ---- time, and CPUs ---- */

/* When a CPU has last executed one of these. */
struct order {
	u32 dsb_stores, dsb_full, barrier_full, barrier_stores, isb;
	u32 stored; /* anything, in RAM */
	u32 saw[CPUS_MOST]; /* the last store of each other one that a load has shown it */
};

struct now {
	u32 time; /* instructions so far, of all CPUs; 1 is the first */
	place_t place; /* of the one at hand */
	unsigned level; /* exception level */
	unsigned cpu; /* whose it is */
	u32 running; /* CPUs that execute, a bit each */
	u32 outside; /* of those, the ones that have not come to the Image yet */
	struct order orders[CPUS_MOST];
};

extern struct now now;

static inline struct order *order(void)
{
	return &now.orders[now.cpu];
}

static inline u32 cpu_bit(void)
{
	return 1u << now.cpu;
}

static inline u32 later(u32 a, u32 b)
{
	return a > b ? a : b;
}

/* ---- caches: cache.c ---- */

struct cache {
	u64 line; /* of data caches, in bytes */
	bool unified; /* CTR_EL0.IDC: data need no cleaning for fetches */
	bool coherent; /* CTR_EL0.DIC: nor instructions invalidation */
	bool has_ctr;
};

extern struct cache cache;

enum dc {
	DC_IVAC,
	DC_CVAC,
	DC_CVAU,
	DC_CIVAC
};

void cache_ctr(u64 ctr);
/* How memory is accessed: through caches or past them, by a mapping or with the MMU off. */
struct way {
	bool cached, mapped;
	u8 share; /* where it is cached */
};

void cache_load(u64 pa, unsigned size, struct way way);
void cache_store(u64 pa, unsigned size, struct way way);
void cache_dead(u64 pa, unsigned size);
void cache_fetch(u64 pa, struct way way);
void cache_walk(u64 pa, unsigned size, bool cached);
void cache_instructions_on(void);
/* cache_event() - others are woken, by SEV or an interrupt. */
void cache_event(void);
/* cache_owed() - what another CPU has read past the caches, and nobody cleans. */
void cache_owed(void);
/* cache_cpu() - the CPU at hand begins, with an instruction cache of which nothing is known. */
void cache_cpu(void);
void cache_end(void);
void cache_dc(enum dc operation, u64 pa);
void cache_ic_all(bool shared);
void cache_ic(u64 pa);
void cache_barrier(const struct insn *insn);
void cache_sync(void);

/* ---- translation: walk.c ---- */

#define LEVELS 5

/* Stage 2 of EL1 and EL0, where a regime is numbered by its level. */
#define STAGE2 3
#define REGIMES 4

/* One half of a translation regime, as TCR and TTBR say. */
struct half {
	bool on; /* is walked */
	bool upper;
	bool ds, lpa, byte_ignored, walk_cached;
	bool sets_flag; /* hardware sets access flags, and writes tables for that */
	u8 share; /* with DS, of all leaves */
	unsigned el; /* whose: 1, 2, or STAGE2 */
	unsigned granule_shift, va_bits, pa_bits;
	int root_level;
	unsigned asid;
	u64 root, mair;
};

enum walk_result {
	WALK_OK,
	WALK_FAULT,
	WALK_UNKNOWN
};

struct walk {
	enum walk_result result;
	u64 pa;
	u64 leaf; /* the descriptor */
	u64 slots[LEVELS]; /* physical addresses of descriptors */
	unsigned count;
	int level;
};

void walk_address(const struct half *half, u64 va, struct walk *walk);
unsigned half_shift(const struct half *half, int level);
unsigned half_entries(const struct half *half, int level);
bool half_is_table(u64 pte, int level);
bool half_is_leaf(const struct half *half, u64 pte, int level);
u64 half_output(const struct half *half, u64 pte, int level);
bool half_fits(const struct half *half, u64 pa);
/* half_stands() - a TLB may keep what a walk finds here: it does not fault. */
bool half_stands(const struct half *half, u64 pte, int level);
/* half_attributes() - the byte of MAIR; of stage 2 MemAttr. */
u8 half_attributes(const struct half *half, u64 leaf);
unsigned half_contiguous(const struct half *half, int level);

/* Whether a byte of MAIR is memory that caches hold, inner and outer. */
static inline bool attributes_cached(u8 mair)
{
	return (mair & 0xf0) != 0 && mair != 0x44 && (mair & 0xf0) != 0x40 && (mair & 0xf) != 4;
}

/* ---- TLB and tables: tlb.c ---- */

void tlb_roots(const struct half *halves, unsigned count);
void tlb_store(u64 pa, u64 old, u64 value, bool release);
void tlb_use(const struct walk *walk, u64 va);
/* tlb_remembers() - @va may still be reached by what another CPU has taken away: as @walk says. */
bool tlb_remembers(const struct half *half, u64 va, struct walk *walk);
bool tlb_hardware_wrote(u64 pa, u64 old, u64 value);
bool tlb_has_news(void);
void tlb_barrier(const struct insn *insn);
void tlb_sync(void);
/* @vmid: of VTTBR_EL2. */
void tlb_invalidate(u32 operation, u64 operand, bool host, unsigned vmid);
/* tlb_promise_el2() - EL1 goes on: nothing of EL2's, or of stage 2, may be left. */
void tlb_promise_el2(void);
/* tlb_promise() - nothing of what the CPU at hand has changed is left; @stage2: nor of stage 2. */
void tlb_promise(const char *whose, bool stage2);
void tlb_promise_roots(const char *whose);
/* tlb_reaches() - some table or leaf in use at @el lies at or above 2^@pa_bits. */
bool tlb_reaches(unsigned el, unsigned pa_bits);

/* tlb_types() - the indices of MAIR, a bit each, that leaves in use at @el have. */
unsigned tlb_types(unsigned el);
void tlb_mmu_on(unsigned el);
void tlb_before(unsigned el);
void tlb_registers_changed(unsigned el);
/* tlb_cpu() - the CPU at hand begins, with a TLB of which nothing is known. */
void tlb_cpu(void);
void tlb_end(void);

/* ---- locks: lock.c ---- */

/*
 * lock_store() - @value goes over @old, 4 bytes at @pa. lock_load() - a load-acquire of 4 bytes has
 * shown @value. lock_table_new() - a table is linked. lock_table() - a descriptor is stored, at
 * @slot, in the table at @pa, which @walkers use, a bit for each CPU.
 */
void lock_store(u64 pa, u64 old, u64 value, unsigned access);
void lock_load(u64 pa, u64 value);
void lock_table_new(u64 pa);
void lock_table(u64 pa, u64 slot, u32 walkers);

/* ---- the machine: machine.c ---- */

/*
 * machine_init() - the first CPU begins, at @level. machine_select() - @cpu is at hand.
 * machine_fresh() - that one begins, or begins again, with nothing known of its registers.
 */
void machine_init(unsigned level);
void machine_select(unsigned cpu);
void machine_fresh(unsigned level);
/* machine_preset() - a register as it was before the stream; machine_begin() - after the last. */
void machine_preset(const char *name, u64 value);
void machine_begin(void);
/* What a data access or a fetch at @va reaches, or that it faults. */
struct reach {
	bool ok;
	u64 pa;
	struct way way;
};
void machine_reach(u64 va, bool fetch, struct reach *reach);
void machine_write(u32 sysreg, u64 value);
void machine_read(u32 sysreg, u64 value);
void machine_sync(void);
void machine_system(u32 operation, u64 operand);
void machine_return(unsigned from, unsigned to);
bool machine_pending(void);
void machine_flush(void);

/* ---- another project's trace: casemate.c ---- */

void casemate_open(const char *path);
void casemate_write(u64 pa, u64 value, bool release);
void casemate_table(u64 pa, u64 size, u64 root);
void casemate_barrier(const struct insn *insn);
void casemate_tlbi(u32 operation, u64 operand);
void casemate_register(const char *name, u64 value);
void casemate_close(void);

#endif /* JUDGE_H */
