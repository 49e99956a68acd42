/* simd_copy.c: copies, conversions between dtypes, and fills.

   A copy of one dtype is a loop (loop.h) whose rows are moved whole where both sides are contiguous. Where they disagree on
   which dimension is innermost (NCHW to channels-last and back, a transpose), the two dimensions concerned are walked in
   tiles that both sides read and write in whole cache lines, and blocks of a tile are transposed in registers. */
#include "backend/cpu/loop.h"
#include "backend/cpu/ref/ref.h"
#include "backend/cpu/simd/simd_private.h"
#include "backend/cpu/simd/simd_transpose.h"
#include "backend/cpu/simd/simd_vec.h"
#include "base/parallel.h"

static bool (*below_copy)(const array *, const array *);

/* ---- transposition ------------------------------------------------------------------------------------------- */

#define SCALARS(type)                                                                                                  \
    for (int64_t y = 0; y < ny; y++)                                                                                   \
        for (int64_t x = 0; x < nx; x++)                                                                               \
    memcpy(dst + x * dst_stride + y * size, src + y * src_stride + x * size, sizeof(type))

/* dst[x][y] = src[y][x] for ny rows of nx elements; rows are `stride` bytes apart, elements adjacent. */
static void transpose_scalars(char *dst, int64_t dst_stride, const char *src, int64_t src_stride, int64_t ny,
                              int64_t nx, int64_t size)
{
    switch (size) {
    case 8:
        SCALARS(uint64_t);
        break;
    case 4:
        SCALARS(uint32_t);
        break;
    case 2:
        SCALARS(uint16_t);
        break;
    default:
        SCALARS(uint8_t);
        break;
    }
}

static void transpose_tile(char *dst, int64_t dst_stride, const char *src, int64_t src_stride, int64_t ny, int64_t nx,
                           int64_t size)
{
    int64_t block = size == 4 ? 8 : size == 8 ? 4 : 0, whole_x = block ? nx / block * block : 0;
    int64_t whole_y = block ? ny / block * block : 0;
    for (int64_t x = 0; x < whole_x; x += block) {
        for (int64_t y = 0; y < whole_y; y += block) {
            char *to = dst + x * dst_stride + y * size;
            const char *from = src + y * src_stride + x * size;
            if (size == 4) transpose_8x8(to, dst_stride, from, src_stride);
            else transpose_4x4(to, dst_stride, from, src_stride);
        }
    }
    transpose_scalars(dst + whole_y * size, dst_stride, src + whole_y * src_stride, src_stride, ny - whole_y, whole_x,
                      size);
    transpose_scalars(dst + whole_x * dst_stride, dst_stride, src + whole_x * size, src_stride, ny, nx - whole_x, size);
}

/* The loop's dimension `x` is contiguous in the source, its last one, y, in the destination. */
enum { TILE_X = 32, TILE_Y = 64, SHORT_ROW = 8, SHORT_BYTES = 1 << 14 };

typedef struct transposition {
    const loop *l;
    int x, y;
    int64_t tiles_x, tiles_y;
} transposition;

static void transpose_one(const transposition *t, int64_t tile)
{
    const loop *l = t->l;
    int64_t x = tile % t->tiles_x * TILE_X, rest = tile / t->tiles_x;
    int64_t y = rest % t->tiles_y * TILE_Y;
    rest /= t->tiles_y;
    char *dst = l->data[0] + x * l->stride[0][t->x] + y * l->stride[0][t->y];
    const char *src = l->data[1] + x * l->stride[1][t->x] + y * l->stride[1][t->y];
    for (int d = t->y - 1; d >= 0; d--) {
        if (d == t->x) continue;
        dst += rest % l->shape[d] * l->stride[0][d];
        src += rest % l->shape[d] * l->stride[1][d];
        rest /= l->shape[d];
    }
    int64_t ny = tsr_min_i64(TILE_Y, l->shape[t->y] - y), nx = tsr_min_i64(TILE_X, l->shape[t->x] - x);
    transpose_tile(dst, l->stride[0][t->x], src, l->stride[1][t->y], ny, nx, l->size[0]);
}

static void transpose_range(int64_t begin, int64_t end, void *user)
{
    for (int64_t i = begin; i < end; i++) transpose_one(user, i);
}

static void run_transposition(const loop *l, int x)
{
    transposition t = {.l = l, .x = x, .y = l->ndim - 1};
    t.tiles_x = (l->shape[t.x] + TILE_X - 1) / TILE_X;
    t.tiles_y = (l->shape[t.y] + TILE_Y - 1) / TILE_Y;
    int64_t others = l->count / (l->shape[t.x] * l->shape[t.y]);
    tsr_parallel_for(others * t.tiles_x * t.tiles_y, LOOP_GRAIN / (TILE_X * TILE_Y), transpose_range, &t);
}

/* The dimension, other than the last, that is contiguous in the source; -1 when there is none worth it. */
static int source_contiguous(const loop *l)
{
    int last = l->ndim - 1;
    if (l->stride[0][last] != l->size[0]) return -1;
    if (l->stride[1][last] == 0 && l->shape[last] >= SHORT_ROW) return -1; /* rows of one repeated element */
    for (int d = 0; d < last; d++)
        if (l->stride[1][d] == l->size[1] && l->shape[d] >= 4) return d;
    return -1;
}

/* ---- copies of one dtype -------------------------------------------------------------------------------------- */

/* Rows that are contiguous on both sides. */
static void copy_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const loop *l = user;
    (void)step;
    memcpy(data[0], data[1], (size_t)(n * l->size[0]));
}

#define ENDS(width)                                                                                                    \
    do {                                                                                                               \
        memcpy(to, from, width);                                                                                       \
        memcpy(to + bytes - (width), from + bytes - (width), width);                                                   \
    } while (0)

/* Few bytes, without a call: the last ones are copied twice where their number is no multiple of a move's. Not memcpy, which
   from some kilobytes on is one instruction that takes ten times as long where `to` lies little beyond `from`, modulo a
   page; the empty statement is there because compilers know the loop for one. */
static inline void copy_few(char *restrict to, const char *restrict from, int64_t bytes)
{
    if (bytes >= 32) {
        for (int64_t i = 0; i < bytes - 32; i += 32) {
            memcpy(to + i, from + i, 32);
            __asm__ volatile("" : : : "memory");
        }
        memcpy(to + bytes - 32, from + bytes - 32, 32);
    } else if (bytes >= 16) ENDS(16);
    else if (bytes >= 8) ENDS(8);
    else if (bytes >= 4) ENDS(4);
    else if (bytes >= 2) ENDS(2);
    else if (bytes == 1) *to = *from;
}

/* n short rows, each contiguous on both sides. */
static void copy_short_rows(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const int64_t bytes = *(const int64_t *)user;
    for (int64_t i = 0; i < n; i++) copy_few(data[0] + i * step[0], data[1] + i * step[1], bytes);
}

static void run_short_rows(loop l)
{
    int64_t length = l.shape[--l.ndim], bytes = length * l.size[0];
    l.count /= length;
    loop_run(&l, tsr_max_i64(1, LOOP_GRAIN / length), copy_short_rows, &bytes);
}

/* Adjacent results of one element, or of elements in reverse, are vectors; a step that is known helps everywhere. */
#define STRIDED(type)                                                                                                  \
    {                                                                                                                  \
        const int64_t size = (int64_t)sizeof(type), to_step = step[0], from_step = step[1];                            \
        type one;                                                                                                      \
        memcpy(&one, from, sizeof one);                                                                                \
        if (to_step == size && from_step == 0)                                                                         \
            for (int64_t i = 0; i < n; i++) memcpy(to + i * size, &one, sizeof one);                                   \
        else if (to_step == size && from_step == -size)                                                                \
            for (int64_t i = 0; i < n; i++) memcpy(to + i * size, from - i * size, sizeof one);                        \
        else                                                                                                           \
            for (int64_t i = 0; i < n; i++) memcpy(to + i * to_step, from + i * from_step, sizeof one);                \
        break;                                                                                                         \
    }

static void copy_strided(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const loop *l = user;
    char *restrict to = data[0];
    const char *restrict from = data[1];
    switch (l->size[0]) {
    case 8:
        STRIDED(uint64_t)
    case 4:
        STRIDED(uint32_t)
    case 2:
        STRIDED(uint16_t)
    default:
        STRIDED(uint8_t)
    }
}

static bool is_itself(const loop *l)
{
    return l->data[0] == l->data[1] && memcmp(l->stride[0], l->stride[1], sizeof l->stride[0]) == 0;
}

static bool has_rows(const loop *l)
{
    int inner = l->ndim - 1;
    return l->stride[0][inner] == l->size[0] && l->stride[1][inner] == l->size[1];
}

static void copy_same(const array *dst, const array *src)
{
    loop l = loop_make(true, dst, src, NULL, NULL);
    if (l.count == 0 || is_itself(&l)) return;
    int x = source_contiguous(&l);
    bool rows = has_rows(&l), short_rows = l.ndim > 1 && l.shape[l.ndim - 1] < SHORT_ROW;
    if (rows && l.ndim > 1 && l.shape[l.ndim - 1] * l.size[0] <= SHORT_BYTES) {
        run_short_rows(l);
    } else if (short_rows && x < 0) {
        l = loop_with_longer_rows(&l);
        loop_run(&l, LOOP_GRAIN, copy_strided, &l);
    } else if (rows) {
        loop_run(&l, LOOP_GRAIN, copy_row, &l);
    } else if (x >= 0) {
        run_transposition(&l, x);
    } else {
        loop_run(&l, LOOP_GRAIN, copy_strided, &l);
    }
}

/* ---- conversions ---------------------------------------------------------------------------------------------- */

#define CONVERT(name, to, from, value)                                                                                 \
    static void name(char *const *data, const int *step, int64_t n, const double *p)                                   \
    {                                                                                                                  \
        (void)step, (void)p;                                                                                           \
        to *out = (to *)data[0];                                                                                       \
        const from *in = (const from *)data[1];                                                                        \
        for (int64_t i = 0; i < n; i++) out[i] = (to)value(in[i]);                                                     \
    }

#define SAME(x) (x)
#define TRUTH(x) ((x) != 0)
#define TO_I64(x) tsr_i64_of_f64((double)(x))
#define TO_I32(x) ref_i32_of_f64((double)(x))

CONVERT(f32_from_f64, float, double, SAME)
CONVERT(f32_from_i64, float, int64_t, SAME)
CONVERT(f32_from_i32, float, int32_t, SAME)
CONVERT(f32_from_u8, float, uint8_t, SAME)
CONVERT(f32_from_bf16, float, uint16_t, tsr_f32_from_bf16)
CONVERT(f64_from_f32, double, float, SAME)
CONVERT(f64_from_i64, double, int64_t, SAME)
CONVERT(f64_from_i32, double, int32_t, SAME)
CONVERT(f64_from_u8, double, uint8_t, SAME)
CONVERT(i64_from_f32, int64_t, float, TO_I64)
CONVERT(i64_from_f64, int64_t, double, TO_I64)
CONVERT(i64_from_i32, int64_t, int32_t, SAME)
CONVERT(i64_from_u8, int64_t, uint8_t, SAME)
CONVERT(i32_from_f32, int32_t, float, TO_I32)
CONVERT(i32_from_f64, int32_t, double, TO_I32)
CONVERT(i32_from_i64, int32_t, int64_t, SAME)
CONVERT(i32_from_u8, int32_t, uint8_t, SAME)
CONVERT(u8_from_f32, uint8_t, float, TO_I64)
CONVERT(u8_from_f64, uint8_t, double, TO_I64)
CONVERT(u8_from_i64, uint8_t, int64_t, SAME)
CONVERT(u8_from_i32, uint8_t, int32_t, SAME)
CONVERT(u8_from_u8, uint8_t, uint8_t, SAME)
CONVERT(bool_from_f32, uint8_t, float, TRUTH)
CONVERT(bool_from_f64, uint8_t, double, TRUTH)
CONVERT(bool_from_i64, uint8_t, int64_t, TRUTH)
CONVERT(bool_from_i32, uint8_t, int32_t, TRUTH)
CONVERT(bool_from_u8, uint8_t, uint8_t, TRUTH)
CONVERT(bf16_from_f32, uint16_t, float, tsr_bf16_from_f32)

#ifdef __F16C__
/* By the machine's instructions, eight at a time; the same bits as half.h's. */
static void machine_f32_from_f16(char *const *data, const int *step, int64_t n, const double *p)
{
    (void)step, (void)p;
    float *out = (float *)data[0];
    const uint16_t *in = (const uint16_t *)data[1];
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(in + i))));
    for (; i < n; i++) out[i] = _cvtsh_ss(in[i]);
}

static void machine_f16_from_f32(char *const *data, const int *step, int64_t n, const double *p)
{
    (void)step, (void)p;
    uint16_t *out = (uint16_t *)data[0];
    const float *in = (const float *)data[1];
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((void *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++) out[i] = _cvtss_sh(in[i], _MM_FROUND_TO_NEAREST_INT);
}
#else
CONVERT(machine_f32_from_f16, float, uint16_t, tsr_f32_from_f16)
CONVERT(machine_f16_from_f32, uint16_t, float, tsr_f16_from_f32)
#endif

/* [to][from]; what is missing (16-bit floats from and to others than f32) is the reference's. */
static const loop_row conversions[TSR_DTYPE_COUNT][TSR_DTYPE_COUNT] = {
    [TSR_F32] = {[TSR_F64] = f32_from_f64,
                 [TSR_I64] = f32_from_i64,
                 [TSR_I32] = f32_from_i32,
                 [TSR_U8] = f32_from_u8,
                 [TSR_BOOL] = f32_from_u8,
                 [TSR_F16] = machine_f32_from_f16,
                 [TSR_BF16] = f32_from_bf16},
    [TSR_F64] = {[TSR_F32] = f64_from_f32,
                 [TSR_I64] = f64_from_i64,
                 [TSR_I32] = f64_from_i32,
                 [TSR_U8] = f64_from_u8,
                 [TSR_BOOL] = f64_from_u8},
    [TSR_I64] = {[TSR_F32] = i64_from_f32,
                 [TSR_F64] = i64_from_f64,
                 [TSR_I32] = i64_from_i32,
                 [TSR_U8] = i64_from_u8,
                 [TSR_BOOL] = i64_from_u8},
    [TSR_I32] = {[TSR_F32] = i32_from_f32,
                 [TSR_F64] = i32_from_f64,
                 [TSR_I64] = i32_from_i64,
                 [TSR_U8] = i32_from_u8,
                 [TSR_BOOL] = i32_from_u8},
    [TSR_U8] = {[TSR_F32] = u8_from_f32,
                [TSR_F64] = u8_from_f64,
                [TSR_I64] = u8_from_i64,
                [TSR_I32] = u8_from_i32,
                [TSR_BOOL] = u8_from_u8},
    [TSR_BOOL] = {[TSR_F32] = bool_from_f32,
                  [TSR_F64] = bool_from_f64,
                  [TSR_I64] = bool_from_i64,
                  [TSR_I32] = bool_from_i32,
                  [TSR_U8] = bool_from_u8},
    [TSR_F16] = {[TSR_F32] = machine_f16_from_f32},
    [TSR_BF16] = {[TSR_F32] = bf16_from_f32},
};

static bool copy(const array *dst, const array *src)
{
    if (dst->dtype == src->dtype) {
        copy_same(dst, src);
        return true;
    }
    loop_row row = conversions[dst->dtype][src->dtype];
    if (!row) return below_copy(dst, src);
    loop l = loop_make(true, dst, src, NULL, NULL);
    loop_run_adjacent_rows(&l, LOOP_GRAIN, row, NULL);
    return true;
}

/* ---- fills ---------------------------------------------------------------------------------------------------- */

#define FILL(type)                                                                                                     \
    if (step[0] == (int64_t)sizeof(type))                                                                              \
        for (int64_t i = 0; i < n; i++) memcpy(to + i * (int64_t)sizeof(type), value, sizeof(type));                   \
    else                                                                                                               \
        for (int64_t i = 0; i < n; i++) memcpy(to + i * step[0], value, sizeof(type))

static void fill_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const array *one = user;
    char *restrict to = data[0];
    const char *restrict value = one->data;
    switch (tsr_dtype_size((tsr_dtype)one->dtype)) {
    case 8:
        FILL(uint64_t);
        break;
    case 4:
        FILL(uint32_t);
        break;
    case 2:
        FILL(uint16_t);
        break;
    default:
        FILL(uint8_t);
        break;
    }
}

static bool fill(const array *dst, double value, int64_t integer)
{
    uint64_t room = 0;
    array one = {.data = &room, .dtype = dst->dtype}; /* the value in dst's dtype */
    if (dst->dtype == TSR_I64) ref_set_i64(&one, 0, integer);
    else ref_set_f64(&one, 0, value);
    loop l = loop_make(true, dst, NULL, NULL, NULL);
    loop_run(&l, LOOP_GRAIN, fill_row, &one);
    return true;
}

void TIER(simd_copy_fill)(backend *b)
{
    if (b->copy != copy) below_copy = b->copy;
    b->copy = copy;
    b->fill = fill;
}
