/* temp_folder.h: a folder for a test's files, removed with all that is in it, and small helpers for files in it. */
#ifndef SUPPORT_TEMP_FOLDER_H
#define SUPPORT_TEMP_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

/* Make the folder; for cmocka's group setup and teardown. */
int temp_folder_make(void **state);
int temp_folder_remove(void **state);

/* The path of `name` in it, in one of eight rotating buffers. */
const char *temp_path(const char *name);
/* Number of files in it. */
int temp_count(void);
bool temp_exists(const char *name);
void temp_write(const char *name, const void *data, int64_t size);

#endif
