#pragma once
#include <sqlite3.h>

// Macros with casts and variadic functions do not import into Swift.
static inline sqlite3_destructor_type storesync_sqlite_transient(void) { return SQLITE_TRANSIENT; }
static inline sqlite3_destructor_type storesync_sqlite_static(void) { return SQLITE_STATIC; }
static inline int storesync_sqlite_disable_memory_statistics(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
