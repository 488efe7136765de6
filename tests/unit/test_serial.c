// SPDX-License-Identifier: MIT
/*
 * Host tests of lib/serial.c: what devices are called and what that means, and the way from a type
 * to its driver. What drivers do is tested in their own programs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pagoda/lib/serial.h>

/* What device trees in the field say, and what is to come of it. */
static const struct {
	const char *compatible; /* strings with a ';' between two */
	struct serial_kind kind;
	u32 offset;
} devices[] = {
	{ "arm,pl011;arm,primecell", { SERIAL_PL011, 0, 0 }, 0 },
	{ "arm,sbsa-uart;arm,pl011", { SERIAL_SBSA, 0, 0 }, 0 },
	{ "ns16550a", { SERIAL_8250, 0, 1 }, 0 },
	{ "fsl,ns16550;ns16550a", { SERIAL_8250, 0, 1 }, 0 },
	{ "ns8250", { SERIAL_8250, 0, 1 }, 0 },
	{ "rockchip,rk3399-uart;snps,dw-apb-uart", { SERIAL_8250, 2, 4 }, 0 },
	{ "brcm,bcm2835-aux-uart", { SERIAL_8250, 2, 4 }, 0 },
	{ "mediatek,mt8183-uart;mediatek,mt6577-uart", { SERIAL_8250, 2, 4 }, 0 },
	{ "ti,am64-uart;ti,am654-uart", { SERIAL_8250, 2, 4 }, 0 },
	{ "nvidia,tegra210-uart;nvidia,tegra20-uart", { SERIAL_8250, 2, 4 }, 0 },
	{ "nuvoton,npcm845-uart;nuvoton,npcm750-uart", { SERIAL_8250, 2, 4 }, 0 },
	{ "mrvl,mmp-uart;intel,xscale-uart", { SERIAL_8250, 2, 4 }, 0 },
	{ "qcom,geni-debug-uart", { SERIAL_GENI, 0, 0 }, 0 },
	{ "qcom,geni-uart", { SERIAL_GENI, 0, 0 }, 0 },
	{ "fsl,imx8mm-uart;fsl,imx6q-uart", { SERIAL_IMX, 0, 0 }, 0 },
	{ "fsl,imx53-uart;fsl,imx21-uart", { SERIAL_IMX, 0, 0 }, 0 },
	{ "fsl,ls1021a-lpuart", { SERIAL_LPUART, 0, SERIAL_BIG_ENDIAN }, 0 },
	{ "fsl,ls1028a-lpuart", { SERIAL_LPUART, 0, 0 }, 0 },
	{ "fsl,imx8qm-lpuart;fsl,imx8qxp-lpuart", { SERIAL_LPUART, 0, 0 }, 0x10 },
	{ "fsl,imx93-lpuart;fsl,imx8ulp-lpuart;fsl,imx7ulp-lpuart", { SERIAL_LPUART, 0, 0 }, 0x10 },
	{ "amlogic,meson-gx-uart;amlogic,meson-ao-uart", { SERIAL_MESON, 0, 0 }, 0 },
	{ "amlogic,meson-a1-uart;amlogic,meson-ao-uart", { SERIAL_MESON, 0, 0 }, 0 },
	{ "xlnx,zynqmp-uart;cdns,uart-r1p12", { SERIAL_CADENCE, 0, 0 }, 0 },
	{ "xlnx,xuartps;cdns,uart-r1p8", { SERIAL_CADENCE, 0, 0 }, 0 },
	{ "qcom,msm-uartdm-v1.4;qcom,msm-uartdm", { SERIAL_UARTDM, 0, 0 }, 0 },
	{ "renesas,scif-r8a7795;renesas,rcar-gen3-scif;renesas,scif", { SERIAL_SCIF, 2, 0 }, 0 },
	{ "renesas,scif-r9a07g043;renesas,scif-r9a07g044", { SERIAL_SCIF, 1, 0 }, 0 },
	{ "renesas,scif-r9a09g057", { SERIAL_SCIF, 1, 0 }, 0 },
	{ "renesas,hscif-r8a779f0;renesas,rcar-gen4-hscif;renesas,hscif",
	  { SERIAL_HSCIF, 2, 0 },
	  0 },
	{ "samsung,exynos7-uart;samsung,exynos4210-uart", { SERIAL_EXYNOS, 0, 1 }, 0 },
	{ "samsung,exynosautov9-uart;samsung,exynos850-uart", { SERIAL_EXYNOS, 0, 1 }, 0 },
	{ "google,gs101-uart", { SERIAL_EXYNOS, 0, 4 }, 0 },
	{ "apple,s5l-uart", { SERIAL_APPLE, 0, 4 }, 0 },
	{ "marvell,armada-3700-uart", { SERIAL_A3700, 0, 0 }, 0 },
};

#define COMPATIBLE_MAX 96

/* @list as the property has it: a NUL after each string. Returns its size. */
static u32 compatible_make(char property[static COMPATIBLE_MAX], const char *list)
{
	size_t size = strlen(list) + 1;

	assert_in_range(size, 1, COMPATIBLE_MAX);
	memcpy(property, list, size);
	for (size_t i = 0; i < size; i++)
		if (property[i] == ';')
			property[i] = '\0';
	return (u32)size;
}

static void assert_kind(struct serial_kind kind, struct serial_kind expected)
{
	assert_int_equal(kind.type, expected.type);
	assert_int_equal(kind.reg_shift, expected.reg_shift);
	assert_int_equal(kind.io_width, expected.io_width);
}

static void devices_are_known_by_what_they_are_compatible_with(void **state)
{
	char property[COMPATIBLE_MAX];
	struct serial_kind kind;
	u32 offset;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		u32 size = compatible_make(property, devices[i].compatible);

		assert_true(serial_find(property, size, &kind, &offset));
		assert_kind(kind, devices[i].kind);
		assert_int_equal(offset, devices[i].offset);
	}
}

static void nothing_else_is_a_uart_of_ours(void **state)
{
	static const char *const others[] = {
		"",
		";",
		"arm,pl01",
		"arm,pl0111",
		"arm,pl010",
		"arm,primecell",
		"ns16550b",
		"NS16550A",
		"qcom,msm-uartdm-v1.3;qcom,msm-uartdm",
		"marvell,armada-3700-uart-ext",
		"fsl,vf610-lpuart",
		"nvidia,tegra194-tcu",
		"simple-bus",
		"uart",
		"\xff\xff\xff",
	};
	char property[COMPATIBLE_MAX];
	struct serial_kind kind;
	u32 offset;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(serial_find(property, compatible_make(property, others[i]), &kind,
					 &offset));
	assert_false(serial_find(property, 0, &kind, &offset));
	/* The last string has no end, and the one before counts. */
	assert_false(serial_find("ns16550a", 8, &kind, &offset));
	assert_true(serial_find("ns16550a\0ns", 11, &kind, &offset));
}

/* Each name of the header is found, first in a list or after strangers. */
static void every_row_is_found(void **state)
{
#define ROW(name, type, shift, width, offset) { name, { type, shift, width }, offset },
	static const struct {
		const char *name;
		struct serial_kind kind;
		u32 offset;
	} rows[] = { UART_COMPATIBLES(ROW) };
#undef ROW
	struct serial_kind kind;
	u32 offset;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char list[COMPATIBLE_MAX] = "vendor,uart;;", property[COMPATIBLE_MAX];

		assert_in_range(strlen(rows[i].name), 1, 24);
		strcat(list, rows[i].name);
		assert_true(serial_find(property, compatible_make(property, list), &kind, &offset));
		assert_kind(kind, rows[i].kind);
		assert_int_equal(offset, rows[i].offset);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rows[i].name, rows[j].name);
	}
}

static void every_type_has_a_name_of_its_own(void **state)
{
	unsigned count = SERIAL_A3700 + 1;

	(void)state;
	for (unsigned i = 0; i < count; i++) {
		assert_in_range(strlen(serial_type_str(i)), 1, 11);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(serial_type_str(i), serial_type_str(j));
	}
	assert_string_equal(serial_type_str(count), "unknown UART");
}

static void a_word_of_earlycon_names_a_kind(void **state)
{
	static const struct {
		const char *word;
		struct serial_kind kind;
	} words[] = {
		{ "pl011", { SERIAL_PL011, 0, 0 } },
		{ "uart8250", { SERIAL_8250, 0, 1 } },
		{ "uart", { SERIAL_8250, 0, 1 } },
		{ "mtk8250", { SERIAL_8250, 2, 4 } },
		{ "omap8250", { SERIAL_8250, 2, 4 } },
		{ "qcom_geni", { SERIAL_GENI, 0, 0 } },
		{ "ec_imx21", { SERIAL_IMX, 0, 0 } },
		{ "ec_imx6q", { SERIAL_IMX, 0, 0 } },
		{ "lpuart32", { SERIAL_LPUART, 0, SERIAL_BIG_ENDIAN } },
		{ "meson", { SERIAL_MESON, 0, 0 } },
		{ "cdns", { SERIAL_CADENCE, 0, 0 } },
		{ "msm_serial_dm", { SERIAL_UARTDM, 0, 0 } },
		{ "scif", { SERIAL_SCIF, 2, 0 } },
		{ "hscif", { SERIAL_HSCIF, 2, 0 } },
		{ "exynos4210", { SERIAL_EXYNOS, 0, 1 } },
		{ "gs101", { SERIAL_EXYNOS, 0, 4 } },
		{ "s5l", { SERIAL_APPLE, 0, 4 } },
		{ "ar3700_uart", { SERIAL_A3700, 0, 0 } },
		{ "semihost", { SERIAL_SEMIHOST, 0, 0 } },
		{ "smh", { SERIAL_SEMIHOST, 0, 0 } },
		{ "buffer", { SERIAL_BUFFER, 0, 0 } },
	};
	struct serial_kind kind;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t length = strlen(words[i].word);

		assert_true(serial_named(words[i].word, length, &kind));
		assert_kind(kind, words[i].kind);
		assert_false(serial_named(words[i].word, length - 1, &kind));
	}
	assert_false(serial_named("", 0, &kind));
	assert_false(serial_named("pl011x", 6, &kind));
	assert_false(serial_named("arm,pl011", 9, &kind));
}

/* As Linux reads mmio, mmio16 and so on; other words, and what a device cannot be, are none. */
static void a_word_for_the_width_of_registers_is_the_kinds(void **state)
{
	static const struct {
		const char *word;
		struct serial_kind kind;
		bool fits;
		struct serial_kind then;
	} words[] = {
		{ "mmio", { SERIAL_8250, 0, 1 }, true, { SERIAL_8250, 0, 1 } },
		{ "mmio", { SERIAL_8250, 2, 4 }, true, { SERIAL_8250, 0, 1 } },
		{ "mmio16", { SERIAL_8250, 0, 1 }, true, { SERIAL_8250, 1, 2 } },
		{ "mmio32", { SERIAL_8250, 0, 1 }, true, { SERIAL_8250, 2, 4 } },
		{ "mmio32native", { SERIAL_8250, 0, 1 }, true, { SERIAL_8250, 2, 4 } },
		{ "mmio32be", { SERIAL_8250, 0, 1 }, true, { SERIAL_8250, 2, 0x84 } },
		{ "mmio3", { SERIAL_8250, 0, 1 }, false, { 0 } },
		{ "io", { SERIAL_8250, 0, 1 }, false, { 0 } },
		{ "0x9000000", { SERIAL_8250, 0, 1 }, false, { 0 } },
		{ "mmio32", { SERIAL_LPUART, 0, 0x80 }, true, { SERIAL_LPUART, 0, 0 } },
		{ "mmio32be", { SERIAL_LPUART, 0, 0x80 }, true, { SERIAL_LPUART, 0, 0x80 } },
		{ "mmio", { SERIAL_LPUART, 0, 0x80 }, false, { 0 } },
		{ "mmio", { SERIAL_EXYNOS, 0, 4 }, true, { SERIAL_EXYNOS, 0, 1 } },
		{ "mmio32", { SERIAL_EXYNOS, 0, 1 }, true, { SERIAL_EXYNOS, 0, 4 } },
		{ "mmio16", { SERIAL_EXYNOS, 0, 1 }, false, { 0 } },
		{ "mmio32be", { SERIAL_EXYNOS, 0, 1 }, false, { 0 } },
		{ "mmio32", { SERIAL_PL011, 0, 0 }, true, { SERIAL_PL011, 0, 0 } },
		{ "mmio32", { SERIAL_SCIF, 2, 0 }, true, { SERIAL_SCIF, 2, 0 } },
		{ "mmio", { SERIAL_PL011, 0, 0 }, false, { 0 } },
		{ "mmio32", { SERIAL_BUFFER, 0, 0 }, false, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct serial_kind kind = words[i].kind;

		assert_int_equal(serial_access(words[i].word, strlen(words[i].word), &kind),
				 words[i].fits);
		if (words[i].fits)
			assert_kind(kind, words[i].then);
	}
}

static void property_add(struct serial_properties *properties, const char *name, u32 value)
{
	u8 data[] = { (u8)(value >> 24), (u8)(value >> 16), (u8)(value >> 8), (u8)value };

	serial_property(properties, name, data, sizeof(data));
}

static void properties_are_read_by_name(void **state)
{
	struct serial_properties properties = { 0 };

	(void)state;
	property_add(&properties, "current-speed", 115200);
	property_add(&properties, "clock-frequency", 0);
	serial_property(&properties, "native-endian", NULL, 0);
	serial_property(&properties, "reg-shift", NULL, 0); /* no number */
	assert_false(properties.has_reg_shift || properties.has_io_width || properties.big_endian);
	property_add(&properties, "reg-shift", 2);
	property_add(&properties, "reg-io-width", 0x01020304);
	property_add(&properties, "reg-offset", 0x100);
	serial_property(&properties, "big-endian", NULL, 0);
	assert_true(properties.has_reg_shift && properties.has_io_width && properties.big_endian);
	assert_int_equal(properties.reg_shift, 2);
	assert_int_equal(properties.io_width, 0x01020304);
	assert_int_equal(properties.reg_offset, 0x100);
}

static void properties_change_what_they_are_for_and_nothing_else(void **state)
{
	static const struct {
		struct serial_kind kind;
		struct serial_properties properties;
		bool usable;
		struct serial_kind then;
	} cases[] = {
		{ { SERIAL_8250, 0, 1 }, { 0 }, true, { SERIAL_8250, 0, 1 } },
		{ { SERIAL_8250, 2, 4 }, { 0 }, true, { SERIAL_8250, 2, 4 } },
		{ { SERIAL_8250, 0, 1 },
		  { .has_reg_shift = true, .reg_shift = 2 },
		  true,
		  { SERIAL_8250, 2, 1 } },
		{ { SERIAL_8250, 2, 4 },
		  { .has_reg_shift = true, .reg_shift = 2 },
		  true,
		  { SERIAL_8250, 2, 4 } },
		{ { SERIAL_8250, 2, 4 },
		  { .has_reg_shift = true, .reg_shift = 0 },
		  true,
		  { SERIAL_8250, 0, 1 } },
		{ { SERIAL_8250, 2, 4 },
		  { .has_io_width = true, .io_width = 1 },
		  true,
		  { SERIAL_8250, 2, 1 } },
		{ { SERIAL_8250, 2, 4 },
		  { .has_reg_shift = true, .reg_shift = 3, .big_endian = true },
		  true,
		  { SERIAL_8250, 3, 0x81 } },
		{ { SERIAL_8250, 0, 1 },
		  { .has_reg_shift = true,
		    .reg_shift = 2,
		    .has_io_width = true,
		    .io_width = 4,
		    .big_endian = true },
		  true,
		  { SERIAL_8250, 2, 0x84 } },
		{ { SERIAL_8250, 0, 1 }, { .has_io_width = true, .io_width = 4 }, false, { 0 } },
		{ { SERIAL_8250, 2, 4 }, { .has_io_width = true, .io_width = 3 }, false, { 0 } },
		{ { SERIAL_8250, 2, 4 }, { .has_io_width = true }, false, { 0 } },
		{ { SERIAL_8250, 0, 1 }, { .has_reg_shift = true, .reg_shift = 4 }, false, { 0 } },
		{ { SERIAL_EXYNOS, 0, 1 },
		  { .has_io_width = true, .io_width = 4 },
		  true,
		  { SERIAL_EXYNOS, 0, 4 } },
		{ { SERIAL_EXYNOS, 0, 1 }, { .has_io_width = true, .io_width = 2 }, false, { 0 } },
		{ { SERIAL_LPUART, 0, 0 },
		  { .big_endian = true },
		  true,
		  { SERIAL_LPUART, 0, 0x80 } },
		{ { SERIAL_SCIF, 2, 0 },
		  { .has_reg_shift = true,
		    .reg_shift = 9,
		    .has_io_width = true,
		    .big_endian = true },
		  true,
		  { SERIAL_SCIF, 2, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct serial_kind kind = cases[i].kind;

		assert_int_equal(serial_describe(&kind, &cases[i].properties), cases[i].usable);
		if (cases[i].usable)
			assert_kind(kind, cases[i].then);
	}
}

static void only_those_with_interrupts_are_not_polled(void **state)
{
	(void)state;
	for (unsigned type = 0; type <= SERIAL_A3700; type++)
		assert_int_equal(serial_is_polled((struct serial_kind){ (u8)type, 0, 0 }),
				 type != SERIAL_PL011 && type != SERIAL_SBSA &&
					 type != SERIAL_8250);
}

static void registers_stand_where_they_can_be_accessed(void **state)
{
	struct serial_kind bytes = { SERIAL_8250, 2, 1 }, big = { SERIAL_8250, 2, 0x84 };
	struct serial_kind lpuart = { SERIAL_LPUART, 0, SERIAL_BIG_ENDIAN };

	(void)state;
	assert_true(serial_may_be_at(bytes, 0x1001));
	assert_false(serial_may_be_at(big, 0x1002));
	assert_true(serial_may_be_at(big, 0x1004));
	assert_false(serial_may_be_at(lpuart, 0x1002));
	assert_true(serial_may_be_at(lpuart, 0x1010));
	assert_false(serial_may_be_at(bytes, 0));
	assert_false(serial_may_be_at(bytes, 1ul << 52));
}

/* DDI 0183: FR is at 0x18; PC16550D: LSR is number 5. */
static void each_type_has_its_own_status_register(void **state)
{
	static const struct {
		struct serial_kind kind;
		u32 offset, width;
	} rows[] = {
		{ { SERIAL_PL011, 0, 0 }, 0x18, 4 }, { { SERIAL_SBSA, 0, 0 }, 0x18, 4 },
		{ { SERIAL_8250, 0, 1 }, 5, 1 },     { { SERIAL_8250, 2, 4 }, 20, 4 },
		{ { SERIAL_8250, 1, 2 }, 10, 2 },    { { SERIAL_8250, 2, 0x84 }, 20, 4 },
		{ { SERIAL_GENI, 0, 0 }, 0x40, 4 },  { { SERIAL_IMX, 0, 0 }, 0xb4, 4 },
		{ { SERIAL_SCIF, 1, 0 }, 0xe, 2 },   { { SERIAL_LPUART, 0, 0x80 }, 4, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(serial_status(rows[i].kind).offset, rows[i].offset);
		assert_int_equal(serial_status(rows[i].kind).width, rows[i].width);
	}
}

/* Neither CR (0x30) nor LCR_H (0x2c) is the SBSA UART's; its FIFO of 32 is on. */
static void an_sbsa_uart_is_left_as_it_is(void **state)
{
	struct serial_kind kind = { SERIAL_SBSA, 0, 0 };
	u32 device[1024] = { [0x18 / 4] = 0x90 }; /* all sent, nothing received */

	(void)state;
	serial_enable(kind, device);
	assert_int_equal(serial_fifo_enable(kind, device), 32);
	assert_int_equal(device[0x30 / 4], 0);
	assert_int_equal(device[0x2c / 4], 0);
	assert_true(serial_write(kind, device, 32, "ab", 2));
	assert_int_equal(device[0], 'b');
	assert_int_equal(serial_read(kind, device), -1);
	serial_receive_interrupt(kind, device, true);
	assert_int_equal(device[0x38 / 4], 0x50);
}

static void of_a_type_that_nobody_knows_nothing_comes(void **state)
{
	struct serial_kind kind = { 0xff, 0, 1 };
	u32 device[1024] = { 0 }, untouched[1024] = { 0 };

	(void)state;
	serial_enable(kind, device);
	serial_receive_interrupt(kind, device, true);
	assert_int_equal(serial_fifo_enable(kind, device), 1);
	assert_false(serial_write(kind, device, 1, "x", 1));
	assert_int_equal(serial_read(kind, device), -1);
	assert_memory_equal(device, untouched, sizeof(device));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_known_by_what_they_are_compatible_with),
		cmocka_unit_test(nothing_else_is_a_uart_of_ours),
		cmocka_unit_test(every_row_is_found),
		cmocka_unit_test(every_type_has_a_name_of_its_own),
		cmocka_unit_test(a_word_of_earlycon_names_a_kind),
		cmocka_unit_test(a_word_for_the_width_of_registers_is_the_kinds),
		cmocka_unit_test(properties_are_read_by_name),
		cmocka_unit_test(properties_change_what_they_are_for_and_nothing_else),
		cmocka_unit_test(only_those_with_interrupts_are_not_polled),
		cmocka_unit_test(registers_stand_where_they_can_be_accessed),
		cmocka_unit_test(each_type_has_its_own_status_register),
		cmocka_unit_test(an_sbsa_uart_is_left_as_it_is),
		cmocka_unit_test(of_a_type_that_nobody_knows_nothing_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
