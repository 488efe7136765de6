// SPDX-License-Identifier: MIT
/*
 * The areas of the vmalloc region as a search tree by address, of which each node also knows the
 * largest hole below it: a hole for a new area, and the area of an address, are found in as many
 * steps as the tree is deep.
 * Runs in the kernel, MMU on, and on the host.
 *
 * The tree is a treap: an area's priority is a hash of its address, and none has a higher one than
 * the area above it. So its form depends on the areas that there are and not on the order in which
 * they came, and is that of a tree built in random order: for 100,000 areas some 40 deep.
 *
 * The hole of an area is what can be used before it: the page behind the area before is a guard.
 * What follows the last area is the hole of vmalloc->end, an area of no bytes at the region's end
 * that is in the tree and not in the list.
 */
#include "areas.h"

static u64 priority(const struct vmalloc_area *area)
{
	u64 mixed = area->start.value * 0x9e3779b97f4a7c15;

	return (mixed ^ mixed >> 32) * 0xbf58476d1ce4e5b9;
}

static u64 hole_start(const struct vmalloc *vmalloc, const struct vmalloc_area *area)
{
	if (!area->previous)
		return vmalloc->region.start.value;
	return area->previous->end.value + regime_granule(&vmalloc->space->regime);
}

static u64 hole_size(const struct vmalloc *vmalloc, const struct vmalloc_area *area)
{
	u64 start = hole_start(vmalloc, area);

	return area->start.value > start ? area->start.value - start : 0;
}

static u64 largest(const struct vmalloc_area *area)
{
	u64 size = area->hole;

	if (area->left && area->left->largest > size)
		size = area->left->largest;
	if (area->right && area->right->largest > size)
		size = area->right->largest;
	return size;
}

/* What changed is @area's hole, or what is below it: above the first that stays, all do. */
static void update_above(struct vmalloc_area *area)
{
	for (; area; area = area->parent) {
		u64 size = largest(area);

		if (size == area->largest)
			break;
		area->largest = size;
	}
}

/* The same where @area's hole has grown, which needs no look at what else is below. */
static void raise_above(struct vmalloc_area *area)
{
	u64 size = area->hole;

	for (; area && area->largest < size; area = area->parent)
		area->largest = size;
}

/* What leads to @area. */
static struct vmalloc_area **link_to(struct vmalloc *vmalloc, const struct vmalloc_area *area)
{
	struct vmalloc_area *parent = area->parent;

	if (!parent)
		return &vmalloc->root;
	return parent->left == area ? &parent->left : &parent->right;
}

/* @area and the one above it change places; the order by address stays. */
static void rotate_up(struct vmalloc *vmalloc, struct vmalloc_area *area)
{
	struct vmalloc_area *parent = area->parent;
	bool left = parent->left == area;
	struct vmalloc_area *between = left ? area->right : area->left;

	*link_to(vmalloc, parent) = area;
	area->parent = parent->parent;
	parent->parent = area;
	*(left ? &parent->left : &parent->right) = between;
	*(left ? &area->right : &area->left) = parent;
	if (between)
		between->parent = parent;
	parent->largest = largest(parent);
	area->largest = largest(area);
}

void areas_init(struct vmalloc *vmalloc)
{
	struct vmalloc_area *end = &vmalloc->end;

	*end = (struct vmalloc_area){ .start = vmalloc->region.end, .end = vmalloc->region.end };
	end->hole = end->largest = hole_size(vmalloc, end);
	vmalloc->root = end;
	vmalloc->areas = NULL;
	areas_insert(vmalloc, &vmalloc->image, end);
}

/* The lowest in the tree at @area, in which there is one. */
static struct vmalloc_area *hole_in(struct vmalloc_area *area, u64 size)
{
	for (;;) {
		if (area->left && area->left->largest >= size)
			area = area->left;
		else if (area->hole >= size)
			return area;
		else
			area = area->right;
	}
}

struct vmalloc_area *areas_hole(const struct vmalloc *vmalloc, struct vmalloc_area *last, u64 size)
{
	if (!last)
		return vmalloc->root->largest >= size ? hole_in(vmalloc->root, size) : NULL;
	if (last->right && last->right->largest >= size)
		return hole_in(last->right, size);
	for (; last->parent; last = last->parent) {
		struct vmalloc_area *parent = last->parent;

		if (parent->right == last)
			continue;
		if (parent->hole >= size)
			return parent;
		if (parent->right && parent->right->largest >= size)
			return hole_in(parent->right, size);
	}
	return NULL;
}

static void list_insert(struct vmalloc *vmalloc, struct vmalloc_area *area,
			struct vmalloc_area *after)
{
	area->previous = after->previous;
	area->next = after != &vmalloc->end ? after : NULL;
	*(area->previous ? &area->previous->next : &vmalloc->areas) = area;
	after->previous = area;
}

void areas_insert(struct vmalloc *vmalloc, struct vmalloc_area *area, struct vmalloc_area *after)
{
	list_insert(vmalloc, area, after);
	area->left = area->right = NULL;
	/* What is before @after in order is its left, or the last of all that is there. */
	area->parent = after->left ? area->previous : after;
	*(after->left ? &area->previous->right : &after->left) = area;
	area->hole = area->largest = hole_size(vmalloc, area);
	after->hole = hole_size(vmalloc, after);
	update_above(area->parent);
	update_above(after);
	while (area->parent && priority(area->parent) < priority(area))
		rotate_up(vmalloc, area);
}

/* The one to go up when @area goes down; a null pointer where @area is the last of its branch. */
static struct vmalloc_area *child(const struct vmalloc_area *area)
{
	if (!area->left || !area->right)
		return area->left ? area->left : area->right;
	return priority(area->left) > priority(area->right) ? area->left : area->right;
}

void areas_remove(struct vmalloc *vmalloc, struct vmalloc_area *area)
{
	struct vmalloc_area *after = area->next ? area->next : &vmalloc->end, *above;

	while ((above = child(area)) != NULL)
		rotate_up(vmalloc, above);
	*link_to(vmalloc, area) = NULL;
	*(area->previous ? &area->previous->next : &vmalloc->areas) = area->next;
	after->previous = area->previous;
	after->hole = hole_size(vmalloc, after);
	update_above(area->parent);
	raise_above(after);
}

struct vmalloc_area *areas_find(const struct vmalloc *vmalloc, vaddr_t address)
{
	struct vmalloc_area *area = vmalloc->root;

	while (area && (address.value < area->start.value || address.value >= area->end.value))
		area = address.value < area->start.value ? area->left : area->right;
	return area;
}

struct vmalloc_area *areas_next(const struct vmalloc *vmalloc, vaddr_t address)
{
	struct vmalloc_area *area = vmalloc->root, *above = (struct vmalloc_area *)&vmalloc->end;

	while (area) {
		bool ends_above = area->end.value > address.value;

		if (ends_above)
			above = area;
		area = ends_above ? area->left : area->right;
	}
	return above;
}

static bool node_audit(const struct vmalloc *vmalloc, const struct vmalloc_area *area)
{
	return area->hole == hole_size(vmalloc, area) && area->largest == largest(area) &&
	       (area->parent ? priority(area->parent) >= priority(area) : vmalloc->root == area) &&
	       (!area->left || area->left->parent == area) &&
	       (!area->right || area->right->parent == area);
}

bool areas_audit(const struct vmalloc *vmalloc)
{
	const struct vmalloc_area *last = NULL;

	for (const struct vmalloc_area *area = vmalloc->areas; area; area = area->next) {
		if (area->previous != last || areas_find(vmalloc, area->start) != area ||
		    !node_audit(vmalloc, area))
			return false;
		last = area;
	}
	return vmalloc->end.previous == last && node_audit(vmalloc, &vmalloc->end);
}
