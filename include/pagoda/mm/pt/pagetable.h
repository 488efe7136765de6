/* SPDX-License-Identifier: MIT */
/*
 * Translation tables: one builder, map_range(), and one reader, pt_descend(). Everything that
 * shows, checks or changes a map is a loop over these two.
 * Pure: builds with a host compiler, holds no instructions, no recursion, no callbacks, no state of
 * its own. Runs with the MMU off (tables reached at their physical address) and on (through a
 * mapping of them): phys_offset says which.
 */
#ifndef PAGODA_PAGETABLE_H
#define PAGODA_PAGETABLE_H

#include <pagoda/mm/pt/pool.h>
#include <pagoda/mm/pt/space.h>

enum map_result {
	MAP_OK,
	MAP_NO_TABLES, /* the pool is empty */
	MAP_BAD_RANGE, /* empty, unaligned, wraps, or outside the space */
	MAP_UNREACHABLE, /* the physical range ends above 2^pa_bits */
	MAP_CONFLICT, /* something is mapped there already: break before make is the caller's */
	MAP_NOT_MAPPED, /* a hole in the range */
	MAP_SPLIT, /* the range cuts a block or a contiguous run in two */
	MAP_LIVE, /* a change that must break the mapping first, of the memory it would write to */
	MAP_UNEVEN, /* pt_merge(): not all of it mapped alike, or nothing larger is possible */
};

const char *map_result_str(enum map_result result);

/* [start, end) of one space mapped to physical addresses from @pa on. end 0 means 2^64. */
struct map_request {
	vaddr_t start, end;
	paddr_t pa;
	struct map_attr attr;
};

/*
 * pt_space_create() - take a root table from the pool, with no descriptor valid.
 * Returns MAP_OK or MAP_NO_TABLES.
 */
enum map_result pt_space_create(struct space *space);

/*
 * pt_forget() - nothing of @space is mapped any more: each descriptor of its root is broken. The
 * caller invalidates the TLB, and only then takes the tables below back.
 */
void pt_forget(struct space *space);

/*
 * map_range() - map a range with the largest blocks that virtual and physical alignment allow, and
 * the contiguous hint on every whole aligned run. Writes each descriptor once, and only where none
 * was valid, so no TLB maintenance is due; the caller publishes: `dsb ishst; isb` with the MMU on,
 * caches_publish() when it is off. What it mapped before it failed stays: where the MMU is on and
 * life goes on after a failure, pt_map() is the one to call.
 * map_until() - the same. Says in @reached where what it mapped ends: all of [start, *reached), and
 * nothing else, is its work.
 */
enum map_result map_until(struct space *space, const struct map_request *request, vaddr_t *reached);

static inline enum map_result map_range(struct space *space, const struct map_request *request)
{
	vaddr_t reached;

	return map_until(space, request, &reached);
}

/* Where a walk ended. */
struct pt_entry {
	pte_t pte; /* the last descriptor that was read */
	enum pte_kind kind; /* of @pte */
	int level; /* at which @pte stands */
	paddr_t slot; /* the descriptor's own physical address */
	u64 table_bits; /* the OR of the table descriptors above it, without their addresses */
};

/*
 * pt_descend() - walk @space for @va, which must be in it (pt_contains()), through tables, down to
 * @level at most, the root's or below. The one descent: translation, dump, audit, fault reports,
 * changes are loops over it.
 */
struct pt_entry pt_descend(const struct space *space, vaddr_t va, int level);

/*
 * pt_descend_own() - the same, but not into shared tables (pagoda/mm/pt/shared.h): where one leads
 * there, the walk ends above @level with kind PTE_TABLE, and that stands for all that is below.
 * pt_find_own() - down to pages.
 */
struct pt_entry pt_descend_shared(const struct space *space, vaddr_t va, int level);

static inline struct pt_entry pt_descend_own(const struct space *space, vaddr_t va, int level)
{
	return KASAN ? pt_descend_shared(space, va, level) : pt_descend(space, va, level);
}

static inline struct pt_entry pt_find_own(const struct space *space, vaddr_t va)
{
	return KASAN ? pt_descend_shared(space, va, LEVEL_PAGE) : pt_descend(space, va, LEVEL_PAGE);
}

/* pt_find() - to where there is no table any more: kind is never PTE_TABLE. */
static inline struct pt_entry pt_find(const struct space *space, vaddr_t va)
{
	return pt_descend(space, va, LEVEL_PAGE);
}

/* pt_translate() - true and the physical address for @va where it is mapped. */
bool pt_translate(const struct space *space, vaddr_t va, paddr_t *pa);

/*
 * A maximal run of leaf descriptors equal in level, kind and attributes and contiguous in physical
 * address; or (kind PTE_INVALID) a maximal hole at one level. In the KASAN build also: links to one
 * shared table (kind PTE_TABLE, and info of the page that it all leads to), or leaves of that page.
 */
struct pt_run {
	vaddr_t start, end; /* end 0 means 2^64 */
	int level;
	enum pte_kind kind;
	pte_t pte; /* the first descriptor */
	struct pte_info info; /* of the first descriptor; zero for a hole */
};

/*
 * pt_next_run() - the run that begins at @from, cut off at @end. Call again with the run's end
 * until that equals @end. @from and @end are in the space, and granule-aligned.
 */
struct pt_run pt_next_run(const struct space *space, vaddr_t from, vaddr_t end);

/* What an audit found. */
struct pt_audit {
	u64 runs; /* leaf runs seen; links to shared tables, too */
	u64 mapped; /* bytes mapped; but not through shared tables */
	u64 writable_executable; /* runs that are both */
	vaddr_t first_offender; /* where the first of those begins */
};

/*
 * pt_audit_run() - count @run, and whether it breaks W^X: for those who look at each run anyway.
 * pt_audit_space() - the same for every run of @space.
 */
void pt_audit_run(struct pt_audit *audit, const struct pt_run *run);
struct pt_audit pt_audit_space(const struct space *space);

/*
 * pt_count() - count anew what is in each table below the root that translates part of [@start,
 * @end), not empty and in @space, where tables have counts: see struct table_pool.
 * pt_counts_agree() - whether all counts there are right.
 */
void pt_count(struct space *space, vaddr_t start, vaddr_t end);
bool pt_counts_agree(const struct space *space, vaddr_t start, vaddr_t end);

#endif /* PAGODA_PAGETABLE_H */
