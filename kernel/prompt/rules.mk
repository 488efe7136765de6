# SPDX-License-Identifier: MIT
#
# The prompt: line editor, commands, arguments.

$(eval $(call room,kernel/prompt,kernel))
# Typed by hand: size pays.
$(call compiled_with,-Os,$(wildcard kernel/prompt/*.c))
