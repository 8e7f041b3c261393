#define _GNU_SOURCE
#include "CCallCount.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void __libc_free(void *);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_bool counts_allocations;
static atomic_llong allocations;
static atomic_llong frees;
static atomic_llong syncs;
static atomic_llong raw_system_calls;

static inline void count(atomic_llong *counter) {
    if (__builtin_expect(atomic_load_explicit(&counts_allocations, memory_order_relaxed), 0))
        atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void call_count_allocations(bool counts) { atomic_store(&counts_allocations, counts); }

struct call_counts call_counts_now(void) {
    struct call_counts now = {
        .allocations = atomic_load(&allocations),
        .frees = atomic_load(&frees),
        .syncs = atomic_load(&syncs),
        .raw_system_calls = atomic_load(&raw_system_calls),
    };
    return now;
}

void *malloc(size_t size) {
    count(&allocations);
    return __libc_malloc(size);
}

void free(void *pointer) {
    if (pointer) count(&frees);
    __libc_free(pointer);
}

void *calloc(size_t number, size_t size) {
    count(&allocations);
    return __libc_calloc(number, size);
}

void *realloc(void *pointer, size_t size) {
    count(&allocations);
    return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
    count(&allocations);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(&allocations);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count(&allocations);
    void *pointer = __libc_memalign(alignment, size);
    if (!pointer) return ENOMEM;
    *result = pointer;
    return 0;
}

// The system calls themselves are made here rather than by the functions that these hide: nothing has to be looked up.
// `syscall` is hidden as well, so that it is not used for them.

static long system_call(long number, long a, long b, long c, long d, long e, long f) {
    static long (*next)(long, ...);
    if (!next) next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return next(number, a, b, c, d, e, f);
}

int fsync(int descriptor) {
    atomic_fetch_add_explicit(&syncs, 1, memory_order_relaxed);
    return (int)system_call(SYS_fsync, descriptor, 0, 0, 0, 0, 0);
}

int fdatasync(int descriptor) {
    atomic_fetch_add_explicit(&syncs, 1, memory_order_relaxed);
    return (int)system_call(SYS_fdatasync, descriptor, 0, 0, 0, 0, 0);
}

int msync(void *address, size_t size, int flags) {
    if (flags & MS_SYNC) atomic_fetch_add_explicit(&syncs, 1, memory_order_relaxed);
    return (int)system_call(SYS_msync, (long)address, (long)size, flags, 0, 0, 0);
}

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    count(&raw_system_calls);
    return system_call(number, a, b, c, d, e, f);
}
