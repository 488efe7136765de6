/* SPDX-License-Identifier: MIT */
/*
 * What the FDT has to print on where there is no UART that works: virtio consoles behind
 * virtio-mmio, and frame buffers that firmware has set up. Output only. MMU on, right after the
 * flip, as tree.h; and the host. Sources: the bindings "virtio,mmio" and "simple-framebuffer".
 */
#ifndef PAGODA_TREE_FALLBACK_H
#define PAGODA_TREE_FALLBACK_H

#include <pagoda/kernel/handoff/fallback.h>
#include <pagoda/lib/fdt.h>

/*
 * fallbacks_find() - all there are in @fdt, which is open and cut, as far as it can be read and
 * there is room. A node counts where its status and its ancestors' let it, and its bus leads to the
 * root.
 */
void fallbacks_find(const struct fdt *fdt, struct fallbacks *fallbacks);

#endif /* PAGODA_TREE_FALLBACK_H */
