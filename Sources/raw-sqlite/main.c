// The raw baseline of `bench` in C: runs one statement for prepared rows, in their transactions, and prints the seconds
// on the wall and of the processor. It shows that the baseline in Swift loses nothing to C.
//
//   raw-sqlite DATABASE SETUP-SQL STATEMENT ROWS
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  void *bytes = malloc((size_t)size);
  if (bytes != NULL && fread(bytes, 1, (size_t)size, file) != (size_t)size) {
    free(bytes);
    bytes = NULL;
  }
  fclose(file);
  return bytes;
}

static int fail(sqlite3 *database) {
  fprintf(stderr, "raw-sqlite: %s\n", database == NULL ? "cannot open" : sqlite3_errmsg(database));
  return 1;
}

int main(int count, char **arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: raw-sqlite DATABASE SETUP-SQL STATEMENT ROWS\n");
    return 2;
  }
  const int64_t *rows = read_file(arguments[4]);
  if (rows == NULL) {
    fprintf(stderr, "raw-sqlite: cannot read %s\n", arguments[4]);
    return 1;
  }
  int64_t columns = rows[0], transactions = rows[1], row_count = rows[2];
  const int64_t *counts = rows + 4, *cell = counts + transactions;
  const char *buffer = (const char *)(cell + 3 * columns * row_count);

  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3 *database = NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(arguments[1], &database, flags, NULL) != SQLITE_OK) return fail(database);
  if (sqlite3_exec(database, arguments[2], NULL, NULL, NULL) != SQLITE_OK) return fail(database);
  sqlite3_stmt *begin, *commit, *statement;
  if (sqlite3_prepare_v3(database, "BEGIN IMMEDIATE", -1, SQLITE_PREPARE_PERSISTENT, &begin, NULL) != SQLITE_OK ||
      sqlite3_prepare_v3(database, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &commit, NULL) != SQLITE_OK ||
      sqlite3_prepare_v3(database, arguments[3], -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
    return fail(database);

  double wall = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (int64_t transaction = 0; transaction < transactions; transaction++) {
    if (sqlite3_step(begin) != SQLITE_DONE) return fail(database);
    sqlite3_reset(begin);
    for (int64_t row = 0; row < counts[transaction]; row++) {
      for (int column = 1; column <= columns; column++, cell += 3) {
        switch (cell[0]) {
          case 0: sqlite3_bind_null(statement, column); break;
          case 1: sqlite3_bind_int64(statement, column, cell[1]); break;
          case 2: sqlite3_bind_text(statement, column, buffer + cell[1], (int)cell[2], SQLITE_STATIC); break;
          default: sqlite3_bind_blob(statement, column, buffer + cell[1], (int)cell[2], SQLITE_STATIC);
        }
      }
      if (sqlite3_step(statement) != SQLITE_DONE) return fail(database);
      sqlite3_reset(statement);
    }
    if (sqlite3_step(commit) != SQLITE_DONE) return fail(database);
    sqlite3_reset(commit);
  }
  printf("%.6f %.6f\n", seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - processor);
  sqlite3_finalize(begin);
  sqlite3_finalize(commit);
  sqlite3_finalize(statement);
  sqlite3_close_v2(database);
  return 0;
}
