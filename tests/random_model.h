/* random_model.h: models of random configurations, the same for a seed on every machine. */
#ifndef VIT_TESTS_RANDOM_MODEL_H
#define VIT_TESTS_RANDOM_MODEL_H

#include "vit/vit.h"

struct vit_config random_config(uint32_t seed);

/* A whole number from least to most; random_config begins anew. */
int random_draw(int least, int most);

/* With random weights; freed by vit_model_free. */
struct vit_model *random_model(const struct vit_config *config);

#endif
