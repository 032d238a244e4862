/* compare.c: logits against those of the library that a model comes from. */
#include <math.h>
#include <stdlib.h>

#include "vit/base/limits.h"
#include "vit/vit.h"
#include "weights/containers/source.h"

static double tolerance(const struct vit_model *model)
{
    return vit_model_config(model)->width < 1024 ? 1e-4 : 1e-3;
}

static void compare(struct vit_difference *d, const float *logits, const float *reference, int n, double tol)
{
    double scale = 1;
    *d = (struct vit_difference){.agrees = true, .logit = logits[0], .reference = reference[0]};
    for (int i = 0; i < n; i++)
        scale = fmax(scale, fabs((double)reference[i]));
    d->allowed = tol * scale;
    for (int i = 0; i < n; i++) {
        double difference = fabs((double)logits[i] - (double)reference[i]);
        if (difference <= d->largest)
            continue;
        *d = (struct vit_difference){difference, d->allowed, i, logits[i], reference[i],
                                     d->agrees && difference <= d->allowed};
        if (!isfinite(difference))
            return;
    }
}

vit_status vit_compare_logits(const struct vit_model *model, const float *logits, const char *path,
                              struct vit_difference *difference, struct vit_error *err)
{
    float *reference = NULL;
    struct vit_tensor array;
    int K = vit_config_outputs(vit_model_config(model));
    VIT_TRY(vit_npy_load(&reference, &array, VIT_LIMIT_CLASSES, path, err));
    vit_status status = VIT_OK;
    if (vit_tensor_count(&array) != K)
        status = vit_fail(err, VIT_ERR_DECODE, "%s: %lld numbers, the model gives %d", path,
                          (long long)vit_tensor_count(&array), K);
    else
        compare(difference, logits, reference, K, tolerance(model));
    free(reference);
    return status;
}
