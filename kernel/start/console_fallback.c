// SPDX-License-Identifier: MIT
/*
 * From what there is to print on without a UART to a console.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/start/console_fallback.h>
#include <pagoda/kernel/tree/fallback.h>
#include <pagoda/mm/alloc/alloc.h>

/* Outside .bss, which every boot clears. */
static struct fallbacks fallbacks __attribute__((section(".noinit")));
static struct virtio_console virtio;
static struct screen screen;

void console_fallbacks_find(const struct kernel *kernel)
{
	bool unnamed = kernel->console.source == CONSOLE_FIRST_UART &&
		       kernel->handoff->facts.fdt.has_stdout_path;

	fallbacks.count = 0;
	if ((kernel->console.source == CONSOLE_NONE || unnamed) && kernel->fdt.blob != NULL)
		fallbacks_find(&kernel->fdt, &fallbacks);
}

/* A bus that has nobody there answers with an error. */
static bool answers(vaddr_t va)
{
	u64 value;

	return load_catch(va, sizeof(u32), &value);
}

/*
 * Null, or a reason. The device has the memory for as long as the kernel runs, also where it takes
 * nothing now: it may go on one day. What it is tried with moves no cursor.
 */
static const char *virtio_start(struct kernel *kernel, vaddr_t va)
{
	volatile void *registers = vaddr_pointer(va);
	void *memory;
	enum virtio_fault fault;

	if (heap_alloc(&kernel->alloc->heap, VIRTIO_MEMORY_SIZE, &memory) != HEAP_OK)
		return "needs memory that there is not";
	fault = virtio_console_begin(&virtio, registers, memory,
				     (uintptr_t)memory - kernel->linear.offset);
	if (fault != VIRTIO_OK) {
		heap_free(&kernel->alloc->heap, memory);
		return virtio_fault_str(fault);
	}
	if (!virtio_console_write(&virtio, "\r", 1))
		return "does not take what it is given";
	console_use_virtio(&virtio);
	return NULL;
}

/* Most places for virtio devices are empty, or have something else: nobody wants to hear of it. */
static const char *virtio_try(struct kernel *kernel, const struct fallback *fallback, vaddr_t va)
{
	enum virtio_fault fault = virtio_console_find(vaddr_pointer(va));

	if (fault == VIRTIO_OK)
		return virtio_start(kernel, va);
	if ((fault == VIRTIO_ABSENT || fault == VIRTIO_OTHER) && !fallback->named)
		return "";
	return virtio_fault_str(fault);
}

static const char *screen_try(const struct fallback *fallback, vaddr_t va)
{
	vaddr_t last =
		vaddr_add(va, align_down(screen_mode_size(&fallback->mode) - 1, sizeof(u32)));

	if (!answers(last))
		return "does not answer at its end";
	screen_begin(&screen, &fallback->mode, vaddr_pointer(va));
	console_use_screen(&screen);
	return NULL;
}

/* Null where @fallback, mapped at @va, is the console now; or why not, empty for no reason. */
static const char *device_try(struct kernel *kernel, const struct fallback *fallback, vaddr_t va)
{
	if (!answers(va))
		return "does not answer";
	switch (fallback->type) {
	case FALLBACK_NONE:
		break;
	case FALLBACK_VIRTIO:
		return virtio_try(kernel, fallback, va);
	case FALLBACK_SCREEN:
		return screen_try(fallback, va);
	}
	return "";
}

static bool fallback_try(struct kernel *kernel, const struct fallback *fallback)
{
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;
	const char *why_not;
	vaddr_t va;
	enum vmalloc_result result =
		vmalloc_ioremap_hidden(vmalloc, fallback->address, fallback->size, &va);

	if (result == VMALLOC_OK) {
		why_not = device_try(kernel, fallback, va);
		if (why_not == NULL)
			return true;
		vmalloc_free(vmalloc, va);
	} else {
		why_not = vmalloc_result_str(result);
	}
	if (why_not[0] != '\0')
		print("pagoda: no console on the %s at 0x%lx: %s\n",
		      fallback_type_str(fallback->type), fallback->address.value, why_not);
	return false;
}

/* Those that stdout-path names, or those that it does not. */
static bool try_all(struct kernel *kernel, bool named)
{
	for (u32 i = 0; i < fallbacks.count; i++) {
		const struct fallback *fallback = &fallbacks.list[i];

		if (fallback->named != named || !fallback_try(kernel, fallback))
			continue;
		kernel->fallback = fallback->type;
		kernel->console = (struct console_choice){
			.address = fallback->address,
			.source = named ? CONSOLE_STDOUT_PATH : CONSOLE_NO_UART,
		};
		return true;
	}
	return false;
}

void console_fallback(struct kernel *kernel)
{
	if (kernel->alloc == NULL || try_all(kernel, true))
		return;
	if (kernel->console.source == CONSOLE_NONE)
		(void)try_all(kernel, false);
}
