/* tiny_run.h: the smallest models that have all parts, and runs of them that take a fraction of a second. */
#ifndef TEST_CLI_TINY_RUN_H
#define TEST_CLI_TINY_RUN_H

#define TINY                                                                                                           \
    "--preset tiny --set ch_mult=1,1 --set z_channels=8 --set embed_dim=8 --set n_embed=16 --set disc.ndf=8 "          \
    "--set disc.n_layers=1 --size 16 --batch 2 --no-progress --log-every 1 "
#define TRAIN "$T train vqgan --data scenes:count=6 " TINY

/* A prior of the VQGAN in r. */
#define TRAIN_PRIOR                                                                                                    \
    "$T train prior --model r --data scenes:count=6 --size 16 --set n_layer=1 --set n_head=2 --set n_embd=16 "         \
    "--batch 2 --no-progress --log-every 1 "

#endif
