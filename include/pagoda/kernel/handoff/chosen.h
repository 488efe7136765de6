/* SPDX-License-Identifier: MIT */
/*
 * What the EFI stub tells the early runtime, as properties of /chosen: efi/ writes them, pi/ reads
 * them, and nobody else. Names and sizes are those of Linux's stub, where it has them. The first
 * three come from any boot loader.
 */
#ifndef PAGODA_CHOSEN_H
#define PAGODA_CHOSEN_H

#define CHOSEN_BOOTARGS "bootargs" /* a string: the command line */
#define CHOSEN_KASLR_SEED "kaslr-seed" /* u64 */
#define CHOSEN_STDOUT_PATH "stdout-path" /* where the console is */
#define CHOSEN_FIRMWARE "pagoda,firmware" /* the string "uefi": those that follow are there */
#define CHOSEN_FIRMWARE_UEFI "uefi"
#define CHOSEN_SYSTEM_TABLE "linux,uefi-system-table" /* u64: the address of EFI_SYSTEM_TABLE */
#define CHOSEN_MAP_START "linux,uefi-mmap-start" /* u64: the address of the memory map */
#define CHOSEN_MAP_SIZE "linux,uefi-mmap-size" /* u32: bytes */
#define CHOSEN_MAP_DESCRIPTOR_SIZE "linux,uefi-mmap-desc-size" /* u32: from one to the next */
#define CHOSEN_MAP_DESCRIPTOR_VERSION "linux,uefi-mmap-desc-ver" /* u32 */
#define CHOSEN_RSDP "pagoda,acpi-rsdp" /* u64: an address; absent without ACPI */
#define CHOSEN_MADE_OF "pagoda,made-of" /* "acpi": the tree is the stub's, of those tables */
#define CHOSEN_MADE_OF_ACPI "acpi"
#define CHOSEN_KASLR_SOURCE "pagoda,kaslr-source" /* "efi": the seed is EFI_RNG_PROTOCOL's */
#define CHOSEN_KASLR_SOURCE_EFI "efi"

#endif /* PAGODA_CHOSEN_H */
