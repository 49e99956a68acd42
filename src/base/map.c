/* map.c: a map from strings to pointers: open addressing with linear probing over a power of two of slots, at most
   three quarters full, hashed by FNV-1a. Nothing is ever removed, so that no tombstones are needed. */
#include <string.h>

#include "base/alloc.h"
#include "base/util.h"

struct tsr_map_slot {
    char *key; /* NULL: free */
    uint64_t hash;
    void *value;
};

static uint64_t hash_of(const char *key)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *key; key++) h = (h ^ (unsigned char)*key) * 0x100000001b3u;
    return h;
}

/* The slot that holds the key, or the free one where it would go. room > 0 and a free slot exists. */
static struct tsr_map_slot *find(const tsr_map *m, const char *key, uint64_t hash)
{
    size_t mask = (size_t)m->room - 1, i = (size_t)(hash ^ hash >> 32) & mask;
    while (m->slots[i].key && !(m->slots[i].hash == hash && !strcmp(m->slots[i].key, key))) i = (i + 1) & mask;
    return &m->slots[i];
}

static bool rehash(tsr_map *m, int64_t room)
{
    tsr_map grown = {tsr_alloc_zeroed((size_t)room, sizeof *grown.slots), m->count, room};
    if (!grown.slots) return false;
    for (int64_t i = 0; i < m->room; i++) {
        if (m->slots[i].key) *find(&grown, m->slots[i].key, m->slots[i].hash) = m->slots[i];
    }
    tsr_free(m->slots);
    *m = grown;
    return true;
}

void *tsr_map_get(const tsr_map *m, const char *key) { return m->count ? find(m, key, hash_of(key))->value : NULL; }

bool tsr_map_put(tsr_map *m, const char *key, void *value)
{
    if (4 * (m->count + 1) > 3 * m->room && !rehash(m, m->room ? 2 * m->room : 16)) return false;
    uint64_t hash = hash_of(key);
    struct tsr_map_slot *slot = find(m, key, hash);
    if (!slot->key) {
        char *copy = tsr_strdup(key);
        if (!copy) return false;
        *slot = (struct tsr_map_slot){copy, hash, NULL};
        m->count++;
    }
    slot->value = value;
    return true;
}

void tsr_map_free(tsr_map *m)
{
    for (int64_t i = 0; i < m->room; i++) tsr_free(m->slots[i].key);
    tsr_free(m->slots);
    *m = (tsr_map){0};
}
