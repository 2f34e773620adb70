#pragma once
#include <malloc.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <linux/stat.h>
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

// Whether a time server keeps the wall clock (adjtimex(2)): 1, 0, or -1 where the system does not tell.
static inline int storesync_clock_is_synchronised(void) {
  struct timex clock;
  memset(&clock, 0, sizeof clock);
  int state = adjtimex(&clock);
  if (state < 0) return -1;
  return state != TIME_ERROR && !(clock.status & STA_UNSYNC);
}

// A file's number on its file system and when it was made (statx(2)); made is 0 where the file system does not keep that.
// Returns -1 if there is no such file. By number: the C library's declaration needs _GNU_SOURCE before all other headers.
static inline int storesync_file_birth(const char *path, uint64_t *number, int64_t *made_nanoseconds) {
  struct statx found;
  memset(&found, 0, sizeof found);
  if (syscall(SYS_statx, AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &found) != 0) return -1;
  *number = found.stx_ino;
  *made_nanoseconds =
      (found.stx_mask & STATX_BTIME) ? (int64_t)found.stx_btime.tv_sec * 1000000000 + found.stx_btime.tv_nsec : 0;
  return 0;
}
