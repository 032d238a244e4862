/* delivery.c: counting, and what is said meanwhile and at the end. */
#include "tools/output/delivery.h"

#include "tools/common/commands.h"
#include "tools/common/stop.h"
#include "tools/output/messages.h"

void vit_delivery_start(struct vit_delivery *delivery, const struct vit_options *options,
                        const struct vit_receiver *receiver, size_t total, int data_fd)
{
    *delivery = (struct vit_delivery){ .options = options, .receiver = receiver, .total = total };
    vit_progress_start(&delivery->progress, total, data_fd, options->quiet);
}

vit_status vit_delivery_one(struct vit_delivery *delivery, const char *name, const float *values,
                            const struct vit_error *failure, struct vit_error *err)
{
    const struct vit_receiver *receiver = delivery->receiver;
    if (failure && !receiver->says_failures) {
        vit_progress_clear(&delivery->progress);
        vit_say("%s: %s", name, failure->message);
    }
    VIT_TRY(receiver->one(receiver->context, name, values, failure, err));
    delivery->n_done++;
    delivery->n_failed += failure != NULL;
    vit_progress_step(&delivery->progress);
    return VIT_OK;
}

vit_status vit_delivery_batch(const struct vit_delivery *delivery, struct vit_error *err)
{
    const struct vit_receiver *receiver = delivery->receiver;
    return receiver->batch ? receiver->batch(receiver->context, err) : VIT_OK;
}

static void say_summary(const struct vit_delivery *delivery)
{
    size_t done = delivery->n_done;
    double seconds = vit_progress_seconds(&delivery->progress);
    if (delivery->options->verbose)
        vit_say("%zu inputs in %.3f s: %.1f/s", done, seconds, (double)done / seconds);
    if (delivery->options->quiet)
        return;
    if (vit_stop_interrupted())
        vit_say("interrupted: %zu of %zu inputs done", done, delivery->total);
    if (delivery->n_failed && delivery->total > 1)
        vit_say("%zu of %zu inputs failed", delivery->n_failed, done);
}

int vit_delivery_finish(const struct vit_delivery *delivery, vit_status status, const struct vit_error *err)
{
    if (status != VIT_OK)
        vit_say("%s", err->message);
    else if (delivery->options)
        say_summary(delivery);
    return status != VIT_OK ? VIT_EXIT_FATAL : delivery->n_failed ? VIT_EXIT_INPUT : VIT_EXIT_DONE;
}
