/* data_source.h: the options that say which pictures a command reads, and opening them. */
#ifndef CLI_DATA_SOURCE_H
#define CLI_DATA_SOURCE_H

#include "options.h"
#include "tessera/data.h"

enum { SPLIT_AUTO = 0, SPLIT_TRAIN, SPLIT_HELD_OUT, SPLIT_ALL };

typedef struct data_options {
    const char *source;
    const char *size; /* "64" or "48x64", height first; NULL: the source's own or the model's */
    int64_t channels; /* 0: the model's */
    int split;        /* SPLIT_* */
    double held_out;  /* fraction; 0: a tenth */
    int64_t limit;
} data_options;

/* Options of section "data"; DATA_OPTION_COUNT of them, the first being --data. */
enum { DATA_OPTION_COUNT = 6 };
extern const option data_option_table[DATA_OPTION_COUNT];

/* What a command wants where the options do not say. */
typedef struct data_wish {
    tsr_part part; /* of sources that have parts or can be split; tensor files are taken whole */
    int64_t size;  /* for picture files and scenes, which come in any size */
    int64_t channels;
} data_wish;

/* Open the source. NULL and a pending error when that cannot be. */
tsr_dataset *data_open(const data_options *o, const data_wish *wish);

/* TSR_EINVAL when the pictures' sides are not divisible by `factor`, a model's down-sampling. */
tsr_status data_check_divisible(const tsr_dataset *set, int64_t factor);

#endif
