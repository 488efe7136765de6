// SPDX-License-Identifier: MIT
/*
 * From a kind of serial port to its driver, and to its names.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, function pointers: hence switches made of the rows.
 */
#include <pagoda/lib/fdt.h>
#include <pagoda/lib/serial.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

/* Characters, not pointers: the early runtime reads them unrelocated. */
#define NAME_SIZE 25
#define EARLYCON_SIZE 16

/* NOLINTNEXTLINE(bugprone-macro-parentheses): no array is made of a string in parentheses */
#define NAME(type, driver, name) [type] = name,

static const char names[][12] = { UARTS(NAME) };

const char *serial_type_str(enum serial_type type)
{
	return type < ARRAY_SIZE(names) ? names[type] : "unknown UART";
}

#define COMPATIBLE(name, type, reg_shift, io_width, offset) \
	{ name, sizeof(name) - 1, offset, { type, reg_shift, io_width } },

static const struct {
	char name[NAME_SIZE];
	u8 length, offset;
	struct serial_kind kind;
} compatibles[] = { UART_COMPATIBLES(COMPATIBLE) };

/*
 * A tree has thousands of names, of which a handful is here. Two numbers below 64 that a name of
 * @length characters has: few others have two that some name here has.
 */
static inline u64 mark(char c, size_t length)
{
	return BIT(((u8)c * 3 + length * 5) % 64);
}

static inline u64 mark_last(const char *name, size_t length)
{
	return mark(name[length - 1], length);
}

static inline u64 mark_before(const char *name, size_t length)
{
	return mark(name[length - 2], length);
}

#define MARK_LAST(name, ...) | mark_last(name, sizeof(name) - 1)
#define MARK_BEFORE(name, ...) | mark_before(name, sizeof(name) - 1)

static inline bool may_be_compatible(const char *name, size_t length)
{
	const u64 last = 0 UART_COMPATIBLES(MARK_LAST); /* constants to the compiler */
	const u64 before = 0 UART_COMPATIBLES(MARK_BEFORE);

	return length > 1 && (mark_last(name, length) & last) &&
	       (mark_before(name, length) & before);
}

/* Rare: kept out of the loop over names. */
static __attribute__((noinline)) bool compatible_find(const char *name, size_t length,
						      struct serial_kind *kind, u32 *offset)
{
	for (unsigned i = 0; i < ARRAY_SIZE(compatibles); i++) {
		if (compatibles[i].length != length ||
		    memcmp(compatibles[i].name, name, length) != 0)
			continue;
		*kind = compatibles[i].kind;
		*offset = compatibles[i].offset;
		return true;
	}
	return false;
}

bool serial_find(const char *compatible, u32 size, struct serial_kind *kind, u32 *offset)
{
	const char *end = compatible + size;

	while (compatible != end) {
		size_t length = strnlen(compatible, (size_t)(end - compatible));

		if (compatible + length == end) /* nothing ends it */
			return false;
		if (may_be_compatible(compatible, length) &&
		    compatible_find(compatible, length, kind, offset))
			return true;
		compatible += length + 1;
	}
	return false;
}

void serial_property(struct serial_properties *properties, const char *name, const u8 *data,
		     u32 size)
{
	if (strcmp(name, "big-endian") == 0)
		properties->big_endian = true;
	if (size != sizeof(u32))
		return;
	if (strcmp(name, "reg-shift") == 0) {
		properties->reg_shift = (u32)fdt_cells(data, 1);
		properties->has_reg_shift = true;
	} else if (strcmp(name, "reg-io-width") == 0) {
		properties->io_width = (u32)fdt_cells(data, 1);
		properties->has_io_width = true;
	} else if (strcmp(name, "reg-offset") == 0) {
		properties->reg_offset = (u32)fdt_cells(data, 1);
	}
}

/* Whoever says another distance than usual says the width, too, if it is not a byte. */
static bool describe_8250(struct serial_kind *kind, const struct serial_properties *properties)
{
	u32 shift = properties->has_reg_shift ? properties->reg_shift : kind->reg_shift;
	u32 width = shift == kind->reg_shift ? kind->io_width : 1;

	if (properties->has_io_width)
		width = properties->io_width;
	if (shift > 3 || (width != 1 && width != 2 && width != 4) || width > 1u << shift)
		return false;
	kind->reg_shift = (u8)shift;
	kind->io_width = (u8)(width | (properties->big_endian ? SERIAL_BIG_ENDIAN : 0));
	return true;
}

bool serial_describe(struct serial_kind *kind, const struct serial_properties *properties)
{
	if (kind->type == SERIAL_8250)
		return describe_8250(kind, properties);
	if (kind->type == SERIAL_EXYNOS && properties->has_io_width) {
		kind->io_width = (u8)properties->io_width;
		return properties->io_width == 1 || properties->io_width == 4;
	}
	if (kind->type == SERIAL_LPUART && properties->big_endian)
		kind->io_width |= SERIAL_BIG_ENDIAN;
	return true;
}

#define EARLYCON(name, type, reg_shift, io_width) { name, { type, reg_shift, io_width } },

static const struct {
	char name[EARLYCON_SIZE];
	struct serial_kind kind;
} earlycons[] = { UART_EARLYCONS(EARLYCON) };

bool serial_named(const char *name, size_t length, struct serial_kind *kind)
{
	for (unsigned i = 0; i < ARRAY_SIZE(earlycons); i++) {
		if (!text_equal(name, length, earlycons[i].name))
			continue;
		*kind = earlycons[i].kind;
		return true;
	}
	return false;
}

/*
 * An 8250's registers then are side by side; an LPUART's byte order and the width of an Exynos
 * UART's data are told; all others have 32 bits or one width of their own.
 */
bool serial_access(const char *word, size_t length, struct serial_kind *kind)
{
	static const struct {
		char word[13];
		u8 reg_shift, io_width;
	} accesses[] = {
		{ "mmio", 0, 1 },
		{ "mmio16", 1, 2 },
		{ "mmio32", 2, 4 },
		{ "mmio32native", 2, 4 },
		{ "mmio32be", 2, 4 | SERIAL_BIG_ENDIAN },
	};
	unsigned i = 0;

	while (i < ARRAY_SIZE(accesses) && !text_equal(word, length, accesses[i].word))
		i++;
	if (i == ARRAY_SIZE(accesses))
		return false;
	switch (kind->type) {
	case SERIAL_8250:
		kind->reg_shift = accesses[i].reg_shift;
		kind->io_width = accesses[i].io_width;
		return true;
	case SERIAL_LPUART:
		kind->io_width = accesses[i].io_width & SERIAL_BIG_ENDIAN;
		return accesses[i].reg_shift == 2;
	case SERIAL_EXYNOS:
		kind->io_width = accesses[i].io_width;
		return kind->io_width == 1 || kind->io_width == 4;
	case SERIAL_BUFFER:
		return false;
	}
	return accesses[i].io_width == 4;
}

#define STATUS(type, driver, ...) \
	case type:                \
		return driver##_status(kind);

struct serial_register serial_status(struct serial_kind kind)
{
	switch ((enum serial_type)kind.type) {
		UARTS(STATUS) /* NOLINT(bugprone-branch-clone): one driver */
	}
	return (struct serial_register){ 0, sizeof(u32) };
}

#define ENABLE(type, driver, ...)                 \
	case type:                                \
		driver##_enable(kind, registers); \
		break;

void serial_enable(struct serial_kind kind, volatile void *registers)
{
	switch ((enum serial_type)kind.type) {
		UARTS(ENABLE) /* NOLINT(bugprone-branch-clone): one driver */
	}
}

#define FIFO_ENABLE(type, driver, ...) \
	case type:                     \
		return driver##_fifo_enable(kind, registers);

unsigned serial_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	switch ((enum serial_type)kind.type) {
		UARTS(FIFO_ENABLE) /* NOLINT(bugprone-branch-clone): one driver */
	}
	return 1;
}

#define WRITE(type, driver, ...) \
	case type:               \
		return driver##_write(kind, registers, depth, text, length);

bool serial_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		  const char *text, size_t length)
{
	switch ((enum serial_type)kind.type) {
		UARTS(WRITE) /* NOLINT(bugprone-branch-clone): one driver */
	}
	return false;
}

#define READ(type, driver, ...) \
	case type:              \
		return driver##_read(kind, registers);

int serial_read(struct serial_kind kind, volatile void *registers)
{
	switch ((enum serial_type)kind.type) {
		UARTS(READ) /* NOLINT(bugprone-branch-clone): one driver */
	}
	return -1;
}

#define RECEIVE_INTERRUPT(type, driver, ...)                     \
	case type:                                               \
		driver##_receive_interrupt(kind, registers, on); \
		break;

void serial_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	switch ((enum serial_type)kind.type) {
		UARTS(RECEIVE_INTERRUPT) /* NOLINT(bugprone-branch-clone): one driver */
	}
}
