/* SPDX-License-Identifier: MIT */
/*
 * Included first in every C source of the Image, by the compiler's -include: declarations are
 * hidden as well as definitions, so that no access ever goes through a global offset table.
 */
#pragma GCC visibility push(hidden)
