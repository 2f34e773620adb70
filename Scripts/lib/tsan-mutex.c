// Tells ThreadSanitizer of the slow paths of Swift's `Mutex` on Linux; Scripts/sanitize loads it (LD_PRELOAD).
//
// An uncontended `Mutex` is locked and unlocked by atomic operations that are compiled into the caller, where
// ThreadSanitizer sees them. A contended one ends in libswiftSynchronization.so, which is not instrumented: there the
// order between the one who unlocks and the one who waited is lost, and whatever the mutex guards is reported as a race.
// These stand before the two functions and say so. Races of anything that is not guarded are reported as before:
// Scripts/sanitize tries both before it trusts a run.
#include <dlfcn.h>
#include <stdint.h>

#define SELF __attribute__((swift_context)) void *handle
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Absent in programs that are not instrumented.
void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

typedef __attribute__((swiftcall)) void Lock(uint32_t thread, SELF);
typedef __attribute__((swiftcall)) _Bool Try(SELF);
typedef __attribute__((swiftcall)) void Unlock(SELF);

Lock lock __asm__(LOCK);
Try tryLock __asm__(TRY);
Unlock unlock __asm__(UNLOCK);

static Lock *realLock;
static Try *realTry;
static Unlock *realUnlock;

__attribute__((constructor)) static void find(void) {
  realLock = (Lock *)dlsym(RTLD_NEXT, LOCK);
  realTry = (Try *)dlsym(RTLD_NEXT, TRY);
  realUnlock = (Unlock *)dlsym(RTLD_NEXT, UNLOCK);
}

__attribute__((swiftcall)) void lock(uint32_t thread, SELF) {
  realLock(thread, handle);
  if (__tsan_acquire) __tsan_acquire(handle);
}

__attribute__((swiftcall)) _Bool tryLock(SELF) {
  _Bool isLocked = realTry(handle);
  if (isLocked && __tsan_acquire) __tsan_acquire(handle);
  return isLocked;
}

__attribute__((swiftcall)) void unlock(SELF) {
  if (__tsan_release) __tsan_release(handle);
  realUnlock(handle);
}
