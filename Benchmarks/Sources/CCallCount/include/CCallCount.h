#ifndef CALL_COUNT_H
#define CALL_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/// Calls of this process since it began, whoever made them: the executable's definitions of these functions stand before
/// the C library's, for shared libraries too.
struct call_counts {
    /// malloc, calloc, realloc, aligned_alloc, posix_memalign: only while `call_count_allocations(true)`.
    int64_t allocations;
    int64_t frees;
    /// fsync, fdatasync and msync with MS_SYNC; always.
    int64_t syncs;
    /// Calls through the C library's `syscall`, which are those of futex by Swift's Mutex; only while allocations are counted.
    int64_t raw_system_calls;
};

struct call_counts call_counts_now(void);

/// Counting costs some nanoseconds each, so that it is off where time is measured.
void call_count_allocations(bool counts);

#endif
