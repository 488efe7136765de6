/* SPDX-License-Identifier: MIT */
/*
 * A writer of flattened device trees into a caller's buffer, front to back, and copies of a tree
 * with another /memory and another /chosen. What does not fit or is out of order is an error that
 * sticks: whoever writes need look only at what fdt_write_finish() says. Pure; no state but the
 * caller's. Source: Devicetree Specification 0.4, chapter 5.
 *
 *	fdt_write_begin(&writer, buffer, size);
 *	fdt_write_reserve(&writer, start, bytes);	all of them before the first node
 *	fdt_write_node(&writer, "");			the root
 *	fdt_write_u32(&writer, "#address-cells", 2);	properties before subnodes
 *	fdt_write_node(&writer, "chosen");
 *	fdt_write_node_end(&writer);
 *	fdt_write_node_end(&writer);
 *	status = fdt_write_finish(&writer, &bytes);	the blob is buffer[0 .. bytes)
 */
#ifndef PAGODA_FDT_WRITE_H
#define PAGODA_FDT_WRITE_H

#include <pagoda/lib/fdt.h>
#include <pagoda/mm/layout/memory_map.h>

enum fdt_write_status {
	FDT_WRITE_OK,
	FDT_WRITE_MISALIGNED, /* the buffer does not start at a multiple of 8 */
	FDT_WRITE_NO_ROOM, /* a larger buffer is needed, or the blob would pass FDT_SIZE_MAX */
	FDT_WRITE_MISPLACED, /* property outside a node or after a subnode; nodes unbalanced */
	FDT_WRITE_TOO_DEEP,
	FDT_WRITE_BAD_NAME, /* a root with a name; a name too long for its unit address */
	FDT_WRITE_BAD_SOURCE, /* the tree to copy is not well formed */
	FDT_WRITE_CELLS, /* memory that the cells of the root cannot express */
};

/* The reason in words, without a full stop. */
const char *fdt_write_status_str(enum fdt_write_status status);

/*
 * The structure block grows up behind the header and the reservations; the strings block grows down
 * from the end of the buffer, and is moved up to the structure block at the end.
 */
struct fdt_writer {
	u8 *blob;
	u32 struct_start; /* 0: reservations may still be added */
	u32 at; /* where the next token goes */
	u32 strings; /* where the strings block starts */
	u32 size; /* of the buffer */
	u32 boot_cpu; /* the header's boot_cpuid_phys */
	u32 value; /* where the value of the property that is open starts */
	int depth; /* nodes open */
	bool done; /* the root has ended */
	bool properties; /* the open node has no subnode yet */
	enum fdt_write_status status; /* the first error */
};

/*
 * fdt_write_begin() - start a blob in the @size bytes at @buffer, which is a multiple of 8. Of a
 * @size above FDT_SIZE_MAX no more is used.
 */
void fdt_write_begin(struct fdt_writer *writer, void *buffer, size_t size);

/* fdt_write_reserve() - one entry of the memory reservation block. Nothing where @size is 0. */
void fdt_write_reserve(struct fdt_writer *writer, u64 start, u64 size);

/* Begin and end a node. The first is the root, whose name is "". */
void fdt_write_node(struct fdt_writer *writer, const char *name);
void fdt_write_node_end(struct fdt_writer *writer);

/* fdt_write_node_at() - begin the node "@name@@address", the address in hexadecimal. */
void fdt_write_node_at(struct fdt_writer *writer, const char *name, u64 address);

/* Properties of the open node: bytes as they are, numbers big-endian, text with its NUL. */
void fdt_write_bytes(struct fdt_writer *writer, const char *name, const void *data, u32 size);
void fdt_write_string(struct fdt_writer *writer, const char *name, const char *text);
void fdt_write_u32(struct fdt_writer *writer, const char *name, u32 number);
void fdt_write_u64(struct fdt_writer *writer, const char *name, u64 number);

/*
 * A property of numbers, one after the other, each in one or two cells. Between the first and the
 * last call no other property.
 */
void fdt_write_list(struct fdt_writer *writer, const char *name);
void fdt_write_number(struct fdt_writer *writer, u64 number, u32 cells);
void fdt_write_list_end(struct fdt_writer *writer);

/*
 * fdt_write_finish() - complete the blob; *@size is its totalsize. Returns the first error there
 * was; then *@size is 0 and the buffer's content undefined.
 */
enum fdt_write_status fdt_write_finish(struct fdt_writer *writer, u32 *size);

/* ---- a tree for the kernel: memory and /chosen as the caller knows them ------------------- */

/* A property of /chosen, put there in place of whatever has its name. */
struct fdt_setting {
	enum fdt_setting_kind {
		FDT_SETTING_STRING,
		FDT_SETTING_U32,
		FDT_SETTING_U64,
		FDT_SETTING_ABSENT, /* only taken out */
	} kind;
	const char *name;
	const char *text; /* FDT_SETTING_STRING */
	u64 number; /* FDT_SETTING_U32, FDT_SETTING_U64 */
};

#define FDT_SCREEN_FORMAT_SIZE 12

/* A frame buffer that firmware has set up. */
struct fdt_screen {
	u64 address, size; /* in bytes; 0: there is none */
	u32 width, height, stride; /* pixels, pixels, bytes */
	char format[FDT_SCREEN_FORMAT_SIZE]; /* as the binding of simple-framebuffer has it */
};

/* What differs from the source of a tree, an FDT or ACPI's tables. */
struct fdt_edit {
	const struct fdt_setting *chosen;
	u32 chosen_count;
	/* What becomes /memory; ranges of another kind than MEMORY_RAM are passed over. */
	const struct memory_range *memory;
	u32 memory_count;
	const struct fdt_screen *screen; /* null: none is added */
};

/*
 * A buffer of the source's totalsize and this, and 16 bytes for each range of memory, 64 for each
 * setting, and the settings' names and texts, is large enough for fdt_copy(). Of the memory, 16
 * more for each 2 GiB where the root has sizes of one cell.
 */
#define FDT_EDIT_ROOM 768

/*
 * fdt_copy() - write a tree that is @fdt with @edit: its memory nodes (device_type "memory", below
 * the root) left out and one /memory made; others that call themselves so, below /reserved-memory
 * for one, keep all but that word; the settings in /chosen, which is made where there is none; a
 * second /chosen left out. Cells of the new memory node are as @fdt's root says. Properties
 * that follow a subnode, which the specification forbids and fdt_walk_next() does not see, are left
 * out. From fdt_write_begin() on to fdt_write_finish(): @buffer, @size, *@written as there.
 */
enum fdt_write_status fdt_copy(const struct fdt *fdt, const struct fdt_edit *edit, void *buffer,
			       size_t size, u32 *written);

/*
 * What fdt_copy() needs of the writer. fdt_write_fail() - an error that sticks, where none has yet.
 * fdt_write_names() - a whole strings block, before the first property. fdt_write_named() - a
 * property of the open node whose name begins @distance bytes before that block's end.
 */
void fdt_write_fail(struct fdt_writer *writer, enum fdt_write_status status);
void fdt_write_names(struct fdt_writer *writer, const void *names, u32 size);
void fdt_write_named(struct fdt_writer *writer, u32 distance, const void *data, u32 size);

/* The pieces that fdt_copy() and acpi_write_fdt() share. Both write into the open node. */

/* fdt_write_memory() - the node /memory, with @address_cells and @size_cells as the root has. */
void fdt_write_memory(struct fdt_writer *writer, const struct fdt_edit *edit, u32 address_cells,
		      u32 size_cells);

/*
 * fdt_write_screen() - a node of simple-framebuffer, where @edit has one that those cells can
 * express. At the root: /chosen need not say how many cells its children have.
 */
void fdt_write_screen(struct fdt_writer *writer, const struct fdt_edit *edit, u32 address_cells,
		      u32 size_cells);

/* fdt_edit_sets() - @edit has a setting of this name. */
bool fdt_edit_sets(const struct fdt_edit *edit, const char *name);

/* fdt_write_settings() - the properties that @edit sets in /chosen, which is open. */
void fdt_write_settings(struct fdt_writer *writer, const struct fdt_edit *edit);

#endif /* PAGODA_FDT_WRITE_H */
