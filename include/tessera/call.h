/* call.h: operators by name, for bindings and tools; and the small types that operators' optional arguments use. */
#ifndef TESSERA_CALL_H
#define TESSERA_CALL_H

#include <math.h>

#include "tessera/random.h"
#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- types of optional arguments ----------------------------------------------------------------------------- */

/** A number that may be absent: TSR_INT(2), TSR_FLOAT(0.5); {0} is absent. C takes `.dim = 1` for the kind, so a kind is a
    pointer: compilers refuse `.alpha = 0.5`, refuse `.dim = 1` or warn of it, and then the call is refused. Only `.dim = 0`
    cannot be told from an absent one: docs/conventions.md. */
typedef const struct tsr_number_kind_ *tsr_number_kind;
#define TSR_NUMBER_NONE ((tsr_number_kind)0)
#define TSR_NUMBER_INT ((tsr_number_kind)0x6e756d01)
#define TSR_NUMBER_FLOAT ((tsr_number_kind)0x6e756d02)
#define TSR_NUMBER_BOOL ((tsr_number_kind)0x6e756d03)
typedef struct tsr_number {
    tsr_number_kind kind;
    int64_t i;
    double f;
} tsr_number;
#define TSR_INT(value) ((tsr_number){TSR_NUMBER_INT, (value), 0})
#define TSR_FLOAT(value) ((tsr_number){TSR_NUMBER_FLOAT, 0, (value)})

/** A switch whose default is not "no". */
typedef enum tsr_flag { TSR_FLAG_DEFAULT = 0, TSR_YES, TSR_NO } tsr_flag;

/** Up to 8 floating-point numbers, TSR_FLOATS(0.5, 2); n = 0 means the default, and all v are 0 then. */
typedef struct tsr_floats {
    double v[TSR_MAX_DIMS];
    int32_t n;
} tsr_floats;
#define TSR_FLOATS(...)                                                                                                \
    ((tsr_floats){.v = {__VA_ARGS__}, .n = (int32_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double))})

/** Zero in an optional int or float argument means its default; these say zero itself. */
#define TSR_ZERO_INT INT64_MIN
#define TSR_ZERO (-0.0)

/** What an optional number means whose default is `value`. */
static inline double tsr_or_default(double given, double value)
{
    return given != 0 ? given : signbit(given) ? 0 : value;
}

/* ---- calls by name ------------------------------------------------------------------------------------------- */

typedef enum tsr_value_kind {
    TSR_VALUE_NONE = 0,
    TSR_VALUE_TENSOR,
    TSR_VALUE_INT,
    TSR_VALUE_FLOAT,
    TSR_VALUE_BOOL,
    TSR_VALUE_STRING,
    TSR_VALUE_DTYPE,
    TSR_VALUE_GENERATOR,
    TSR_VALUE_LIST /**< of values: ints, floats, tensors */
} tsr_value_kind;

/** A list of values. */
typedef struct tsr_value_list {
    const struct tsr_value *v;
    int64_t n;
} tsr_value_list;

/** One argument. Everything it points to is borrowed for the call. */
typedef struct tsr_value {
    tsr_value_kind kind;
    union {
        tsr_tensor *tensor;
        int64_t i; /**< also bool */
        double f;
        const char *string;
        tsr_dtype dtype;
        tsr_generator *generator;
        tsr_value_list list;
    };
} tsr_value;

/** An argument and, when given by keyword, its name (NULL: by position). */
typedef struct tsr_arg {
    const char *name;
    tsr_value value;
} tsr_arg;

/**
 * Call an operator by its public name ("add", "nn.functional.conv2d") or exact name ("max.dim").
 *
 * Arguments follow PyTorch's order and names; keywords come after positions. Where a name has overloads the first whose
 * parameters accept the arguments is taken. A number stands for a tensor where one is expected, one integer for a
 * list of equal ones.
 *
 * Returns the number of outputs, which are stored at `outs` as any operation's results are owned;
 * -1 on an error: unknown name (with the nearest known one), no overload accepts the arguments (the message lists the
 * candidates), more outputs than `room`, or the operator's own error.
 */
TSR_API int64_t tsr_call(const char *name, const tsr_arg *args, int64_t count, tsr_tensor **outs, int64_t room);

/* ---- the registry -------------------------------------------------------------------------------------------- */

/** One operator as the registry describes it. All texts live as long as the program. */
typedef struct tsr_op_description {
    const char *name;         /**< "max.dim" */
    const char *const *names; /**< public dotted names, NULL-terminated */
    const char *group;        /**< family: "conv", "reduce" */
    const char *schema;       /**< "conv2d(Tensor input, ...) -> Tensor" */
    const char *doc;
    const char *dtypes;
    const char *derivative;     /**< "yes", "composite", "none" */
    const char *const *samples; /**< argument texts, NULL-terminated */
    bool inplace, view;
    const char *inplace_name; /**< exact name of the form that writes its first parameter, "relu_"; or NULL */
    int64_t param_count;
    int64_t output_count;       /**< -1: a list of tensors */
    const char *const *outputs; /**< their names, NULL-terminated; none for a list */
    const char *c_name;         /**< "tsr_conv2d": a function, or a macro over the one in `prototype` */
    const char *prototype;      /**< "tsr_tensor *tsr_conv2d_v(const tsr_conv2d_args *args)" */
    const char *example;        /**< statements in C */
} tsr_op_description;

/** A parameter. The struct that C's functions take has the parameters' fields in this order, then `int end_`. */
typedef struct tsr_op_param_description {
    const char *name;
    const char *type;          /**< as schemas write it, "int[2]": docs/operators.md says what it takes */
    const char *c_type;        /**< of the field: "int64_t[2]" */
    const char *default_text;  /**< "1e-5", "None"; texts without quotes; NULL: required */
    bool keyword_only;         /**< not by position */
    const char *const *values; /**< the words that a str takes, up to NULL; NULL: any, or not a str */
} tsr_op_param_description;

/** Number of operators (overloads and in-place forms counted apart). */
TSR_API int64_t tsr_op_count(void);
/** The i-th, sorted by group and name. False when out of range. */
TSR_API bool tsr_op_describe(int64_t i, tsr_op_description *out);
/** Parameter k of operator i. False when out of range. */
TSR_API bool tsr_op_describe_param(int64_t i, int64_t k, tsr_op_param_description *out);
/** Find by exact or public name, starting at index `from`; -1 when there is none (further ones are overloads). */
TSR_API int64_t tsr_op_find(const char *name, int64_t from);

/** A parameter of a C function, or a field of the struct that holds its options. */
typedef struct tsr_field_description {
    const char *name, *type, *doc;
} tsr_field_description;

/** What has a public name and is not an operator: a module, an optimiser, a function that initialises. */
typedef struct tsr_class_description {
    const char *const *names;             /**< "nn.Linear", NULL-terminated */
    const char *group;                    /**< "nn" */
    const char *header;                   /**< "tessera/nn.h" */
    const char *function;                 /**< the C function that makes it */
    const char *prototype;                /**< the function's */
    const char *call;                     /**< "tsr_optim_new(TSR_OPTIM_ADAM, ...)" */
    const tsr_field_description *params;  /**< those that the call leaves open, up to a NULL name */
    const tsr_field_description *options; /**< fields of the struct that one of them points to, or NULL */
    const char *options_type;             /**< that struct */
    const char *doc;
    const char *example; /**< an expression in C */
} tsr_class_description;

/** The i-th, sorted by group and name. False when out of range. */
TSR_API bool tsr_class_describe(int64_t i, tsr_class_description *out);
/** By any of its names; -1 when there is none. */
TSR_API int64_t tsr_class_find(const char *name);

#ifdef __cplusplus
}
#endif
#endif
