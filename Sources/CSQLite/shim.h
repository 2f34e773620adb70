#pragma once
#include <sqlite3.h>
#include <sys/statfs.h>

// Macros with casts and variadic functions do not import into Swift.
static inline sqlite3_destructor_type storesync_sqlite_transient(void) { return SQLITE_TRANSIENT; }
static inline sqlite3_destructor_type storesync_sqlite_static(void) { return SQLITE_STATIC; }
static inline int storesync_sqlite_disable_memory_statistics(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

// The type of the file system that holds a path (statfs(2)), or -1: Glibc's module map lacks the header.
static inline long long storesync_file_system_type(const char *path) {
  struct statfs information;
  return statfs(path, &information) == 0 ? (long long)(unsigned int)information.f_type : -1;
}
