// SPDX-License-Identifier: MIT
/*
 * Text from outside: the command line, the FDT, what is typed at the prompt.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

bool text_equal(const char *text, size_t length, const char *word)
{
	for (size_t i = 0; i < length; i++)
		if (word[i] == '\0' || text[i] != word[i])
			return false;
	return word[length] == '\0';
}

bool text_copy(char *to, size_t size, const char *from, size_t length)
{
	size_t kept = length < size ? length : size - 1;

	memcpy(to, from, kept);
	to[kept] = '\0';
	return kept == length;
}

/* The value of a hexadecimal digit; 16, which no base reaches, for any other character. */
static unsigned digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (unsigned)(digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (unsigned)(digit - 'a') + 10;
	if (digit >= 'A' && digit <= 'F')
		return (unsigned)(digit - 'A') + 10;
	return 16;
}

bool text_number(const char *text, size_t length, u64 *number)
{
	bool zero = length > 1 && text[0] == '0';
	bool hex = zero && length > 2 && (text[1] | 0x20) == 'x';
	unsigned base = hex ? 16 : zero ? 8 : 10;
	u64 value = 0;

	if (length == 0)
		return false;
	for (size_t i = hex ? 2 : 0; i < length; i++) {
		unsigned digit = digit_value(text[i]);

		if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*number = value;
	return true;
}

/* log2 of what the suffix multiplies by; 0 for no suffix. */
static unsigned suffix_shift(char suffix)
{
	switch (suffix) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	case 't':
	case 'T':
		return 40;
	case 'p':
	case 'P':
		return 50;
	case 'e':
	case 'E':
		return 60;
	}
	return 0;
}

bool text_size(const char *text, size_t length, u64 *bytes)
{
	unsigned shift;
	u64 value;

	/* First as it stands: after 0x an E is a digit. */
	if (text_number(text, length, bytes))
		return true;
	if (length == 0)
		return false;
	shift = suffix_shift(text[length - 1]);
	if (shift == 0 || !text_number(text, length - 1, &value) || value > ~(u64)0 >> shift)
		return false;
	*bytes = value << shift;
	return true;
}
