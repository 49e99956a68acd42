/* simd_byte_codes.h: a codebook and rows in bytes, whose products bound the distances.

   With S = x.e - |e|^2 / 2 the nearest code is that with the largest S, and a score in 16 bits stands for it: t, with
   |S - unit t - constant| at most a bound that the actual rounding errors of this row and of these codes give. So a code
   whose score is more than the row's `window` below the best score cannot be the nearest.

   Features are cut into sections. A section's product is added up in 16 bits that wrap; it is right at the end because
   the scales keep |row| |code| of each section within 16 bits (Cauchy-Schwarz). Sections are shifted right so that their
   sum stays within 16 bits as well. The instruction takes one factor without sign: rows are stored with an offset, and
   the products begin with what the offset will have added, negated. */
#ifndef SIMD_BYTE_CODES_H
#define SIMD_BYTE_CODES_H

#include <stdbool.h>

#include "backend/cpu/simd/simd_bytes.h"
#include "backend/cpu/simd/simd_nearest.h"

#ifdef SIMD_HAS_BYTES

enum {
    CODE_VECTORS = VECTOR_BYTES == 64 ? 4 : 2,
    CODE_PANEL = CODE_VECTORS * LANES16,
    SECTION = 32, /* features */
    SECTION_PAIRS = SECTION / 2
};

/* Codes in panels, [panel][section][1 + pairs of the section][codes of the panel], of two bytes each; the first of a section
   are its beginnings. The last panel is filled up with the last code. */
typedef struct byte_codes {
    int64_t d, count, pairs, sections, panels;
    int16_t *words, *rise; /* rise: |e|^2 above the smallest, as a fraction of the span */
    float *squares;        /* |e|^2 */
    float scale;           /* of a byte */
    int shift;             /* of a section's products */
    float smallest, span;  /* of |e|^2 */
    float norm, lost;      /* at most: |e|, and that of what rounding took away */
    float section_norm;    /* at most: of a section's bytes */
    void *memory;
} byte_codes;

typedef struct byte_row {
    int32_t slope;  /* two of what turns `rise` into units of the score */
    int32_t window; /* how far below the best score that of the nearest code may lie */
    float reach;    /* how far below what belongs to its distance a score may lie */
    float per_unit; /* S in units of the score */
    float square;   /* |x|^2 */
} byte_row;

/* False: no memory. Where the codes are not fit for it (not finite, too small or large), *fit is false, and there is nothing
   to free. */
bool TIER(byte_codes_make)(byte_codes *c, const nearest_job *j, bool *fit);
void TIER(byte_codes_free)(byte_codes *c);

/* A row in bytes: pairs[p NEAREST_GROUP] is twice the p-th pair. False: the row is not fit for it. */
bool TIER(byte_row_make)(byte_row *row, int32_t *pairs, const float *x, const byte_codes *c);

static inline int64_t panel_words(const byte_codes *c) { return CODE_PANEL * (c->pairs + c->sections); }

#endif
#endif
