# SPDX-License-Identifier: MIT
#
# The prompt: line editor, commands, arguments.

$(eval $(call room,kernel/prompt,kernel))

# A person reads it: it is to be small, not fast.
$(call compiled_with,-Os,$(wildcard kernel/prompt/*.c))
