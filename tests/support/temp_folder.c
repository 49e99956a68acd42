/* temp_folder.c: a folder for a test's files, under $TMPDIR or /tmp. */
#include "support/temp_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[300];

int temp_folder_make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/tessera-test-XXXXXX", base && *base ? base : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

/* Remove a folder's contents, two levels of sub-folders deep, and itself. */
static void remove_tree(const char *path, int depth)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        char name[600];
        snprintf(name, sizeof name, "%.300s/%.255s", path, e->d_name);
        if (unlink(name) != 0 && depth > 0) remove_tree(name, depth - 1);
    }
    if (d) closedir(d);
    rmdir(path);
}

int temp_folder_remove(void **state)
{
    (void)state;
    remove_tree(folder, 3);
    return 0;
}

const char *temp_path(const char *name)
{
    static char paths[8][600];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%.255s", folder, name);
    return path;
}

int temp_count(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

bool temp_exists(const char *name) { return access(temp_path(name), F_OK) == 0; }

void temp_write(const char *name, const void *data, int64_t size)
{
    FILE *f = fopen(temp_path(name), "wb");
    bool ok = f && fwrite(data, 1, (size_t)size, f) == (size_t)size;
    if (f && fclose(f) != 0) ok = false;
    if (!ok) fprintf(stderr, "cannot write the test's file %s\n", temp_path(name));
}
