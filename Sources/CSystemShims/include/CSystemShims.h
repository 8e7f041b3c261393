// System calls that Glibc's Swift module hides, under names of our own; epoll, which it leaves out, under its own names.
// Each returns what the call returns and leaves errno as the call left it.

#ifndef C_SYSTEM_SHIMS_H
#define C_SYSTEM_SHIMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <sys/uio.h>

/// Names the calling thread, for `top -H`, `gdb` and `perf`. At most 15 bytes are kept.
int shim_set_thread_name(const char *name);

/// Lets the calling thread run where others leave it time: nice value 10.
int shim_lower_thread_priority(void);

/// renameat2 with RENAME_NOREPLACE: fails with EEXIST instead of replacing a file.
int shim_rename_without_replacing(const char *from, const char *to);

/// sync_file_range with SYNC_FILE_RANGE_WRITE: begins to write a range of a file to the disk.
int shim_start_writing_back(int descriptor, int64_t offset, int64_t byte_count);

#endif
