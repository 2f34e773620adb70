#pragma once
#include <malloc.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

// Of Linux and its C library what Swift's Glibc module map lacks.

// The heap (mallopt(3), malloc_trim(3)).
static inline void storesync_heap_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }
static inline void storesync_heap_map_from(int bytes) { mallopt(M_MMAP_THRESHOLD, bytes); }
static inline void storesync_heap_trim(void) { malloc_trim(0); }

// A descriptor that becomes readable when the wall clock is set, or the machine wakes up (timerfd_create(2),
// TFD_TIMER_CANCEL_ON_SET); -1 where there is none. It never expires.
static inline int storesync_clock_watch_open(void) { return timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC); }
static inline int storesync_clock_watch_arm(int descriptor) {
  struct itimerspec never = {{0, 0}, {(time_t)1 << 40, 0}};
  return timerfd_settime(descriptor, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}
