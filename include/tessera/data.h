/* data.h: where pictures come from, and how they reach a training loop.

   A data set is a list of pictures behind one interface, whatever holds them: a folder of image files, MNIST's IDX
   files, CIFAR-10's binary batches, a tensor in a .safetensors or .npy file, or `scenes`, a built-in renderer that needs
   no files at all. Every picture of a data set comes out in one size, as floats in [-1, 1].

   A loader reads a data set in threads of its own and hands out batches. What it gives is a function of (data set, seed,
   epoch, position) alone: not of the number of threads, not of timing. Its position can be saved and restored, and the
   batches go on exactly where they stopped.

       tsr_dataset *set = tsr_dataset_open("scenes", &(tsr_dataset_options){.size = 64});
       tsr_loader *loader = tsr_loader_new(set, &(tsr_loader_options){.batch = 32, .order = TSR_ORDER_SHUFFLED});
       tsr_batch b;
       while (tsr_loader_next(loader, &b) == TSR_OK && b.count > 0) step(b.pictures);
       tsr_loader_free(loader);
       tsr_dataset_free(set);
*/
#ifndef TESSERA_DATA_H
#define TESSERA_DATA_H

#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- data sets ------------------------------------------------------------------------------------------------- */

/** A list of pictures. Any number of threads may read one at the same time. */
typedef struct tsr_dataset tsr_dataset;

/** Which part of a source. A source that comes in two parts (folders train/ and test/ or val/; MNIST's train-* and
    t10k-*; CIFAR-10's data_batch_* and test_batch) keeps them; any other is split by `held_out`, the same pictures every
    time. The two parts never share a picture. */
typedef enum tsr_part {
    TSR_PART_ALL = 0,
    TSR_PART_TRAIN,
    TSR_PART_HELD_OUT /**< for validation and tests */
} tsr_part;

/** What an item has beside picture and label, where the source knows it (`scenes` does). A bit set. */
enum {
    TSR_WITH_DEPTH = 1,    /**< depth map, metres */
    TSR_WITH_RIGHT = 2,    /**< the right eye's picture */
    TSR_WITH_LABEL_MAP = 4 /**< what each pixel shows */
};

/** What scenes show: the same rooms, with less in them. Zero: all there is. */
typedef struct tsr_scene_style {
    bool plain;     /**< floor, walls and solids have one colour each, instead of tiles, boards, stripes and checks */
    int64_t solids; /**< at most so many, the largest first to stay; 0: up to four */
} tsr_scene_style;

/** How to open a source. Zero everywhere (or a NULL pointer) is a good default. */
typedef struct tsr_dataset_options {
    int64_t size;          /**< height and width; 0: height x width below, else the source's own, else 64 */
    int64_t height, width; /**< for pictures that are not square */
    int64_t channels;      /**< 1 (grey) or 3 (RGB); 0: the source's own, 3 for image files and scenes */
    tsr_part part;
    double held_out; /**< fraction that is held out of a source without parts of its own; 0: a tenth */
    int64_t limit;   /**< at most so many pictures; 0: all. A folder with classes gives as many of each */
    unsigned extras; /**< TSR_WITH_*: what else to read */
    uint64_t seed;   /**< scenes: another seed, other scenes */
    int64_t count;   /**< scenes: how many (of the training part); 0: 10000 */
    int64_t offset;  /**< scenes: number of the first one */
    tsr_scene_style scenes;
} tsr_dataset_options;

/** What a data set holds. Texts live as long as the data set. */
typedef struct tsr_dataset_info {
    const char *kind; /**< "scenes", "folder", "idx", "cifar10", "tensor" */
    int64_t length;
    int64_t channels, height, width;
    int64_t classes;                /**< 0: no labels */
    const char *const *class_names; /**< `classes` names */
    unsigned extras;                /**< TSR_WITH_*: what items come with */
} tsr_dataset_info;

/** One item. Tensors are owned as operations' results are (by the innermost scope, else by the caller). */
typedef struct tsr_data_item {
    tsr_tensor *picture;   /**< f32 [C, H, W] in [-1, 1]; f64 from a tensor of f64 */
    tsr_tensor *depth;     /**< f32 [1, H, W], metres along the optical axis; NULL unless asked for */
    tsr_tensor *right;     /**< f32 [C, H, W]; NULL unless asked for */
    tsr_tensor *label_map; /**< u8 [H, W], tsr_scene_label; NULL unless asked for */
    int64_t label;         /**< class, -1: unknown */
} tsr_data_item;

/**
 * Open a source of pictures.
 *
 * source   "scenes", or "scenes:key=value,..." with keys count, seed, offset, plain (1: without patterns), solids
 *          (at most so many) and size (64 or 64x48, height first), which go before the options' values;
 *          a folder of image files, searched recursively: where pictures lie in sub-folders, the first level's names
 *          are the classes, in the order of their bytes. Pictures keep their shape: the shorter side is resized to fit,
 *          the middle is cut out;
 *          a folder with IDX files (MNIST's names) or CIFAR-10 binary batches, or one such file, also gzipped IDX;
 *          a .safetensors file (its only 4-d tensor, or the one named "pictures"; labels in "labels") or .npy file,
 *          [N, C, H, W], f32, f64, f16 in [-1, 1] or u8. Only pictures of f64 that must be scaled are narrowed.
 *          What a file is, is told from its content.
 * options  NULL: defaults
 *
 * Returns  a data set of the caller's, for tsr_dataset_free.
 * NULL     no such file or folder; nothing in it that is a picture; a malformed file; sizes or extras that the source
 *          cannot give; no memory.
 */
TSR_API tsr_dataset *tsr_dataset_open(const char *source, const tsr_dataset_options *options);

/** A data set over a tensor [N, C, H, W] in [-1, 1] (a reference is kept) and labels, i64 [N] or NULL. */
TSR_API tsr_dataset *tsr_dataset_from_tensor(tsr_tensor *pictures, tsr_tensor *labels);

/** NULL is allowed. Free the loaders that read it first. */
TSR_API void tsr_dataset_free(tsr_dataset *set);

TSR_API tsr_dataset_info tsr_dataset_get_info(const tsr_dataset *set);
/** Number of pictures; 0 for NULL. */
TSR_API int64_t tsr_dataset_length(const tsr_dataset *set);
/** Name of a class; "" when there is none. */
TSR_API const char *tsr_dataset_class_name(const tsr_dataset *set, int64_t label);
/** Where item i comes from, for people: a file's path, "scenes:seed=0,17"; cut to `size` bytes. Returns buffer. */
TSR_API const char *tsr_dataset_describe(const tsr_dataset *set, int64_t index, char *buffer, int64_t size);

/** Read one item. TSR_EINVAL: index out of range; TSR_EFORMAT, TSR_EIO: the file is truncated or gone. On an error all
    tensors are NULL. */
TSR_API tsr_status tsr_dataset_get(tsr_dataset *set, int64_t index, tsr_data_item *out);

/** Pictures that could not be read so far (each is counted, and warned of, once). */
TSR_API int64_t tsr_dataset_skipped(const tsr_dataset *set);

/* ---- loaders ----------------------------------------------------------------------------------------------------- */

/** Reads a data set in the background. Used by one thread at a time. */
typedef struct tsr_loader tsr_loader;

typedef enum tsr_order { TSR_ORDER_SEQUENTIAL = 0, TSR_ORDER_SHUFFLED /**< anew each epoch */ } tsr_order;

/** Random changes of pictures, a bit set. A flip mirrors left and right, for every second picture. A crop leaves out up
    to a ninth: large image files are reduced to 9/8 of the size and cut at a random place, pictures that have the data
    set's size already are continued by mirroring, an eighth on each side, before they are cut. */
enum { TSR_AUGMENT_NONE = 0, TSR_AUGMENT_FLIP = 1, TSR_AUGMENT_CROP = 2 };

typedef struct tsr_loader_options {
    int64_t batch; /**< pictures a batch; 0: 32 */
    tsr_order order;
    bool drop_last;   /**< leave out the epoch's last batch when it is not full */
    int64_t epochs;   /**< stop after so many; 0: never (sequential order: 1) */
    unsigned augment; /**< TSR_AUGMENT_*; not for data sets that give the right eye's picture */
    uint64_t seed;    /**< of order and augmentation */
    int64_t threads;  /**< reading threads; 0: as many as there are cores, at most 4 */
    int64_t prefetch; /**< batches read ahead; 0: 2 */
    tsr_dtype dtype;  /**< of pictures, TSR_F32 or TSR_F64; 0: f32 */
    int64_t shard,
        shards; /**< of `shards` loaders with one seed this one takes every shards-th place of the order, from
                                the shard-th; 0, 0: everything. Shuffled shards have equally many items (places beyond
                                the end are those at the beginning); sequential ones cover each item once */
} tsr_loader_options;

/** A batch of `count` items. Tensors are owned as operations' results are. */
typedef struct tsr_batch {
    int64_t count;         /**< 0: the epochs are over, nothing else is set */
    tsr_tensor *pictures;  /**< [N, C, H, W] in [-1, 1] */
    tsr_tensor *labels;    /**< i64 [N], -1: unknown */
    tsr_tensor *indices;   /**< i64 [N], which items of the data set */
    tsr_tensor *depth;     /**< f32 [N, 1, H, W], or NULL */
    tsr_tensor *right;     /**< [N, C, H, W], or NULL */
    tsr_tensor *label_map; /**< u8 [N, H, W], or NULL */
    int64_t epoch;         /**< from 0 */
    bool last;             /**< the epoch's last batch */
} tsr_batch;

/** Where a loader is: enough to go on to the bit. Plain numbers, to be stored by the caller. */
typedef struct tsr_loader_state {
    int64_t epoch;    /**< of the next batch */
    int64_t position; /**< items of that epoch already given */
    uint64_t seed;
    int64_t length; /**< of the data set */
} tsr_loader_state;

/** A new loader over `set`, which must outlive it; for tsr_loader_free. NULL: an option out of range, no pictures,
    no memory, no thread. options may be NULL. */
TSR_API tsr_loader *tsr_loader_new(tsr_dataset *set, const tsr_loader_options *options);

/** Stop the threads and free everything, at any time. NULL is allowed. */
TSR_API void tsr_loader_free(tsr_loader *loader);

/**
 * The next batch. Waits until it is read.
 *
 * A picture that cannot be read is warned of and counted (tsr_dataset_skipped), and the run goes on: in sequential order
 * it is left out, so that an evaluation sees each good picture once; in shuffled order the data set's next good
 * picture stands in, so that every epoch has the same number of batches.
 *
 * Errors   a pending error; no picture can be read; no memory. Then every tensor is NULL, and the next call tries the
 *          same batch again.
 */
TSR_API tsr_status tsr_loader_next(tsr_loader *loader, tsr_batch *out);

/** Batches of an epoch (when every picture can be read). */
TSR_API int64_t tsr_loader_batches(const tsr_loader *loader);

TSR_API tsr_loader_state tsr_loader_get_state(const tsr_loader *loader);
/** Go there. TSR_EINVAL: the state is of a data set of another length, or of another seed. */
TSR_API tsr_status tsr_loader_set_state(tsr_loader *loader, tsr_loader_state state);

/* ---- scenes -------------------------------------------------------------------------------------------------------- */

/** What a pixel of a scene shows: the label map's values. The solids are also the classes, less TSR_SCENE_SPHERE. */
typedef enum tsr_scene_label {
    TSR_SCENE_FLOOR = 0,
    TSR_SCENE_WALL,
    TSR_SCENE_CEILING,
    TSR_SCENE_SPHERE,
    TSR_SCENE_BOX,
    TSR_SCENE_CYLINDER,
    TSR_SCENE_CONE,
    TSR_SCENE_LABEL_COUNT
} tsr_scene_label;

/** "floor", "wall", ..., "cone"; "?" for anything else. */
TSR_API const char *tsr_scene_label_name(int64_t label);

/** The camera of every scene: an ideal pinhole, square pixels, both eyes parallel (a rectified pair). A point at column
    x of the left picture and depth z is at column x - focal * baseline / z of the right one, exactly. */
typedef struct tsr_scene_camera {
    double focal;    /**< pixels: 0.95 sqrt(height * width) */
    double cx, cy;   /**< principal point, pixels; (0, 0) is the centre of the first pixel */
    double baseline; /**< metres between the eyes: 0.2 */
} tsr_scene_camera;

TSR_API tsr_scene_camera tsr_scene_get_camera(int64_t height, int64_t width);

/** Where to draw a scene; each may be NULL. Memory of the caller's. */
typedef struct tsr_scene_views {
    float *left;    /**< [3, height, width], RGB in [-1, 1] */
    float *right;   /**< the same from the right eye */
    float *depth;   /**< [height, width], metres along the left eye's optical axis, at pixels' centres */
    uint8_t *label; /**< [height, width], tsr_scene_label at pixels' centres */
} tsr_scene_views;

/**
 * Draw scene `index` of `seed`: a room with one to four solids, textured, lit and shaded, antialiased.
 *
 * The same numbers always give the same picture, to the bit, on every machine with IEEE arithmetic. Another size is the
 * same scene through a camera of another resolution.
 *
 * style    what to leave out; all else is the same
 * kind     NULL, or where the class goes: 0 sphere, 1 box, 2 cylinder, 3 cone, of the largest solid, in the foreground
 * Errors   TSR_EINVAL: height or width outside 1 .. 8192, index negative
 */
TSR_API tsr_status tsr_scene_draw(uint64_t seed, int64_t index, tsr_scene_style style, int64_t height, int64_t width,
                                  tsr_scene_views views, int64_t *kind);

#ifdef __cplusplus
}
#endif
#endif
