/* SPDX-License-Identifier: MIT */
/*
 * What programs and the kernel have agreed on: numbers of Linux's for arm64, as far as they mean
 * something here. Source: Linux, include/uapi.
 */
#ifndef PAGODA_LINUX_H
#define PAGODA_LINUX_H

/* Errors, of which a call returns the negative. */
#define LINUX_EPERM 1
#define LINUX_ENOENT 2
#define LINUX_EIO 5
#define LINUX_ENOEXEC 8
#define LINUX_EBADF 9
#define LINUX_EAGAIN 11
#define LINUX_ENOMEM 12
#define LINUX_EACCES 13
#define LINUX_EFAULT 14
#define LINUX_EBUSY 16
#define LINUX_EEXIST 17
#define LINUX_ENODEV 19
#define LINUX_EINVAL 22
#define LINUX_EMFILE 24
#define LINUX_ENOTTY 25
#define LINUX_EFBIG 27
#define LINUX_ENOSYS 38

/* What a program dies of, above 128 in its status. */
#define LINUX_SIGILL 4
#define LINUX_SIGTRAP 5
#define LINUX_SIGBUS 7
#define LINUX_SIGKILL 9
#define LINUX_SIGSEGV 11
#define LINUX_STATUS_SIGNAL 128

/* Calls, in x8. */
#define LINUX_IOCTL 29
#define LINUX_FTRUNCATE 46
#define LINUX_CLOSE 57
#define LINUX_READ 63
#define LINUX_WRITE 64
#define LINUX_WRITEV 66
#define LINUX_EXIT 93
#define LINUX_EXIT_GROUP 94
#define LINUX_SET_TID_ADDRESS 96
#define LINUX_NANOSLEEP 101
#define LINUX_CLOCK_GETTIME 113
#define LINUX_SCHED_YIELD 124
#define LINUX_GETPID 172
#define LINUX_GETTID 178
#define LINUX_BRK 214
#define LINUX_MUNMAP 215
#define LINUX_MMAP 222
#define LINUX_MPROTECT 226
#define LINUX_MEMFD_CREATE 279

/* mmap() and mprotect(). */
#define LINUX_PROT_READ 1
#define LINUX_PROT_WRITE 2
#define LINUX_PROT_EXEC 4
#define LINUX_PROT_BTI 0x10
#define LINUX_MAP_SHARED 1
#define LINUX_MAP_PRIVATE 2
#define LINUX_MAP_FIXED 0x10
#define LINUX_MAP_ANONYMOUS 0x20
#define LINUX_MAP_FIXED_NOREPLACE 0x100000

/* memfd_create(): flags that change nothing here. */
#define LINUX_MFD_FLAGS 0x1f
#define LINUX_MFD_NAME_MAX 250

#define LINUX_CLOCKS 8 /* of clock_gettime(), CLOCK_BOOTTIME the last */
#define LINUX_IOV_MAX 1024

/* The auxiliary vector, above a new program's environment. */
#define LINUX_AT_NULL 0
#define LINUX_AT_PHDR 3
#define LINUX_AT_PHENT 4
#define LINUX_AT_PHNUM 5
#define LINUX_AT_PAGESZ 6
#define LINUX_AT_BASE 7
#define LINUX_AT_ENTRY 9
#define LINUX_AT_UID 11
#define LINUX_AT_GID 13
#define LINUX_AT_HWCAP 16
#define LINUX_AT_CLKTCK 17
#define LINUX_AT_SECURE 23
#define LINUX_AT_RANDOM 25
#define LINUX_HWCAP_FP 1
#define LINUX_HWCAP_ASIMD 2

#endif /* PAGODA_LINUX_H */
