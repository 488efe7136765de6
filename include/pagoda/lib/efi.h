/* SPDX-License-Identifier: MIT */
/*
 * What UEFI firmware and the EFI stub agree on: the tables and protocols that the stub uses, and no
 * others. Members that it does not use are there to keep the rest in their places.
 * Source: UEFI Specification 2.10.
 */
#ifndef PAGODA_EFI_H
#define PAGODA_EFI_H

#include <pagoda/types.h>

#define EFI_PAGE_SIZE 0x1000

/* Status codes: errors have the top bit set. */
typedef u64 efi_status_t;

#define EFI_ERROR_BIT BIT(63)
#define EFI_SUCCESS ((efi_status_t)0)
#define EFI_LOAD_ERROR (EFI_ERROR_BIT | 1)
#define EFI_INVALID_PARAMETER (EFI_ERROR_BIT | 2)
#define EFI_UNSUPPORTED (EFI_ERROR_BIT | 3)
#define EFI_BUFFER_TOO_SMALL (EFI_ERROR_BIT | 5)
#define EFI_NOT_READY (EFI_ERROR_BIT | 6)
#define EFI_DEVICE_ERROR (EFI_ERROR_BIT | 7)
#define EFI_OUT_OF_RESOURCES (EFI_ERROR_BIT | 9)
#define EFI_NOT_FOUND (EFI_ERROR_BIT | 14)
#define EFI_ABORTED (EFI_ERROR_BIT | 21)

struct efi_guid {
	u32 a;
	u16 b, c;
	u8 d[8];
};

enum efi_memory_type {
	EFI_RESERVED,
	EFI_LOADER_CODE,
	EFI_LOADER_DATA,
	EFI_BOOT_SERVICES_CODE,
	EFI_BOOT_SERVICES_DATA,
	EFI_RUNTIME_SERVICES_CODE,
	EFI_RUNTIME_SERVICES_DATA,
	EFI_CONVENTIONAL,
	EFI_UNUSABLE,
	EFI_ACPI_RECLAIM,
	EFI_ACPI_NVS,
	EFI_MEMORY_MAPPED_IO,
	EFI_MEMORY_MAPPED_IO_PORTS,
	EFI_PAL_CODE,
	EFI_PERSISTENT,
	EFI_UNACCEPTED,
	EFI_MEMORY_TYPE_COUNT,
};

/* Attributes of a descriptor. */
#define EFI_MEMORY_WB BIT(3) /* may be cached, write-back */
#define EFI_MEMORY_XP BIT(14) /* no execute */
#define EFI_MEMORY_RO BIT(17) /* read-only */
#define EFI_MEMORY_SP BIT(18) /* set aside for a purpose */
#define EFI_MEMORY_RUNTIME BIT(63) /* runtime services use it, at virtual_start where that is set */

/* As firmware writes it, in an array of its own stride: later versions may have longer ones. */
struct efi_descriptor {
	u32 type;
	u32 pad;
	u64 start, virtual_start, pages, attributes;
};

/* A memory map in the buffer that firmware wrote it to. */
struct efi_memory_map {
	const u8 *descriptors; /* at a multiple of 8 */
	u64 size, descriptor_size; /* in bytes */
	u64 key;
	u32 version;
};

/* The map's stride makes sense: no shorter than a descriptor, a multiple of 8, at most a page. */
static inline bool efi_map_check(const struct efi_memory_map *map)
{
	return map->descriptor_size >= sizeof(struct efi_descriptor) &&
	       map->descriptor_size <= EFI_PAGE_SIZE &&
	       is_aligned(map->descriptor_size, sizeof(u64));
}

/* Descriptors in a map that is empty or was checked. */
static inline u64 efi_map_count(const struct efi_memory_map *map)
{
	return map->size != 0 ? map->size / map->descriptor_size : 0;
}

static inline struct efi_descriptor efi_map_get(const struct efi_memory_map *map, u64 index)
{
	return *(const struct efi_descriptor *)(map->descriptors + index * map->descriptor_size);
}

/*
 * efi_holds_tables() - ACPI's tables may be there. The specification says ACPI_RECLAIM or ACPI_NVS;
 * firmware is seen to use these, too.
 */
static inline bool efi_holds_tables(const struct efi_descriptor *descriptor)
{
	u32 kept = BIT(EFI_RESERVED) | BIT(EFI_BOOT_SERVICES_DATA) |
		   BIT(EFI_RUNTIME_SERVICES_DATA) | BIT(EFI_ACPI_RECLAIM) | BIT(EFI_ACPI_NVS);

	return descriptor->type < EFI_MEMORY_TYPE_COUNT && (kept & BIT(descriptor->type));
}

/*
 * efi_is_ram() - a kernel may have it, once boot services are over: it can be cached, and is not
 * set aside for a purpose. efi_end() - one past its last byte; its start where its size makes no
 * sense.
 */
static inline bool efi_is_ram(const struct efi_descriptor *descriptor)
{
	u32 plain = BIT(EFI_LOADER_CODE) | BIT(EFI_LOADER_DATA) | BIT(EFI_BOOT_SERVICES_CODE) |
		    BIT(EFI_BOOT_SERVICES_DATA) | BIT(EFI_CONVENTIONAL);

	return descriptor->type < EFI_MEMORY_TYPE_COUNT && (plain & BIT(descriptor->type)) &&
	       (descriptor->attributes & EFI_MEMORY_WB) &&
	       !(descriptor->attributes & EFI_MEMORY_SP) &&
	       is_aligned(descriptor->start, EFI_PAGE_SIZE);
}

static inline u64 efi_end(const struct efi_descriptor *descriptor)
{
	if (descriptor->pages > (~(u64)0 - descriptor->start) / EFI_PAGE_SIZE)
		return descriptor->start;
	return descriptor->start + descriptor->pages * EFI_PAGE_SIZE;
}

struct efi_table_header {
	u64 signature;
	u32 revision, size, crc32, reserved;
};

enum efi_allocate_type {
	EFI_ALLOCATE_ANY_PAGES,
	EFI_ALLOCATE_MAX_ADDRESS,
	EFI_ALLOCATE_ADDRESS,
};

#define EFI_BY_PROTOCOL 2 /* for locate_handle() */

struct efi_boot_services {
	struct efi_table_header header;
	void *raise_tpl, *restore_tpl;
	efi_status_t (*allocate_pages)(u32 how, u32 type, u64 pages, u64 *address);
	efi_status_t (*free_pages)(u64 address, u64 pages);
	efi_status_t (*get_memory_map)(u64 *size, void *map, u64 *key, u64 *descriptor_size,
				       u32 *descriptor_version);
	void *allocate_pool, *free_pool;
	void *events[6];
	void *install[3];
	efi_status_t (*handle_protocol)(void *handle, const struct efi_guid *protocol,
					void **interface);
	void *reserved;
	void *register_protocol_notify;
	efi_status_t (*locate_handle)(u32 how, const struct efi_guid *protocol, void *key,
				      u64 *size, void **handles);
	void *locate_device_path;
	void *install_configuration_table;
	void *load_image, *start_image, *exit, *unload_image;
	efi_status_t (*exit_boot_services)(void *handle, u64 key);
	void *get_next_monotonic_count, *stall;
	void *set_watchdog_timer;
	void *controllers[2];
	void *protocols[5];
	efi_status_t (*locate_protocol)(const struct efi_guid *protocol, void *registration,
					void **interface);
};

struct efi_text_output {
	void *reset;
	efi_status_t (*output_string)(struct efi_text_output *self, const u16 *text);
};

struct efi_configuration_table {
	struct efi_guid guid;
	void *table;
};

/* Of the table that is ACPI's RSDP, of revision 2 or later. */
#define EFI_ACPI_GUID                                                  \
	{                                                              \
		0x8868e871, 0xe4f1, 0x11d3,                            \
		{                                                      \
			0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 \
		}                                                      \
	}

#define EFI_SYSTEM_TABLE_SIGNATURE 0x5453595320494249 /* "IBI SYST" */

struct efi_system_table {
	struct efi_table_header header;
	const u16 *vendor;
	u32 vendor_revision;
	void *console_in_handle, *console_in, *console_out_handle;
	struct efi_text_output *console_out;
	void *error_handle, *error;
	void *runtime_services;
	struct efi_boot_services *boot_services;
	u64 table_count;
	struct efi_configuration_table *tables;
};

struct efi_loaded_image {
	u32 revision;
	void *parent;
	struct efi_system_table *system_table;
	void *device_handle, *file_path, *reserved;
	u32 load_options_size; /* in bytes */
	const void *load_options;
};

/* EFI_RNG_PROTOCOL. */
struct efi_rng {
	void *get_info;
	efi_status_t (*get_rng)(struct efi_rng *self, const struct efi_guid *algorithm, u64 size,
				u8 *value);
};

/* EFI_GRAPHICS_OUTPUT_PROTOCOL. Pixels of 32 bits, red or blue in the lowest byte; or by masks. */
enum efi_pixel_format {
	EFI_PIXEL_RGBX,
	EFI_PIXEL_BGRX,
	EFI_PIXEL_MASKS,
};

struct efi_pixel_masks {
	u32 red, green, blue, reserved;
};

struct efi_graphics_info {
	u32 version, width, height, format;
	struct efi_pixel_masks masks;
	u32 pixels_per_line;
};

struct efi_graphics_mode {
	u32 modes, number;
	struct efi_graphics_info *info;
	u64 info_size;
	u64 frame_buffer, frame_buffer_size; /* a physical address, and bytes */
};

struct efi_graphics {
	void *query_mode, *set_mode, *blt;
	struct efi_graphics_mode *mode;
};

/* EFI_MEMORY_ATTRIBUTE_PROTOCOL. */
struct efi_memory_attribute {
	void *get;
	efi_status_t (*set)(struct efi_memory_attribute *self, u64 start, u64 size, u64 attributes);
	void *clear;
};

#endif /* PAGODA_EFI_H */
