/* groups.c: which threads take which images. */
#include "vit/network/groups.h"

#include <stdlib.h>
#include <string.h>

/* Into how many groups to divide the threads. A group of one takes its images through all layers without waiting for
 * anybody, and finds in its own cache what it wrote; several threads lose some 6 % to waiting and to lines that move
 * between caches. But groups must have much the same number of images. */
static int count_groups(int batch, int threads)
{
    int best = 1;
    double least = 0;
    for (int groups = 1; groups <= threads && groups <= batch; groups++) {
        int images = (batch + groups - 1) / groups, members = threads / groups;
        double cost = (double)images / members * (members > 1 ? 1.06 : 1);
        if (threads % groups == 0 && (groups == 1 || cost <= least)) {
            least = cost;
            best = groups;
        }
    }
    return best;
}

/* How many of its images a group computes together. Where caches hold the weights, no more than make enough rows to be
 * worth fetching them from there: then caches hold its activations, too, and a short batch takes no longer than it
 * should. */
static int images_at_once(const struct vit_model *model, const struct vit_plan_options *options, int images)
{
    const double cached = 64e6; /* bytes */
    const int enough = 128;     /* rows */
    int length = options->length ? options->length : vit_config_tokens(vit_model_config(model));
    if (options->traced || vit_plan_weights(model, options->types) > cached)
        return images;
    int at_once = (enough + length - 1) / length, runs = images > at_once ? images / at_once : 1;
    while (images % runs != 0) /* a run computes whole batches of its plan, and must not read beyond the images */
        runs--;
    return images / runs;
}

static vit_status make_plans(struct vit_groups *groups, const struct vit_plan_options *options, struct vit_error *err)
{
    for (int i = 0; i < groups->n; i++) {
        struct vit_group *group = &groups->groups[i];
        int64_t batch = options->batch;
        group->first = (int)(batch * i / groups->n);
        group->images = (int)(batch * (i + 1) / groups->n) - group->first;
        struct vit_plan_options plan = *options;
        plan.threads = options->threads / groups->n;
        plan.batch = plan.threads == 1 ? images_at_once(groups->model, options, group->images) : group->images;
        VIT_TRY(vit_plan_create(&group->plan, groups->model, &plan, err));
    }
    return VIT_OK;
}

vit_status vit_groups_create(struct vit_groups **groups, const struct vit_model *model,
                             const struct vit_plan_options *options, struct vit_error *err)
{
    struct vit_groups *g = *groups = calloc(1, sizeof *g);
    if (!g)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    g->model = model;
    g->team = options->team;
    g->input_size = vit_model_input_size(model, options->length);
    g->n = options->traced ? 1 : count_groups(options->batch, options->threads); /* a stage is traced in one piece */
    g->groups = calloc((size_t)g->n, sizeof *g->groups);
    vit_status status = g->groups ? make_plans(g, options, err) : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    if (status != VIT_OK) {
        vit_groups_free(g);
        *groups = NULL;
    }
    return status;
}

void vit_groups_free(struct vit_groups *groups)
{
    if (!groups)
        return;
    for (int i = 0; groups->groups && i < groups->n; i++)
        vit_plan_free(groups->groups[i].plan);
    free(groups->groups);
    free(groups);
}

vit_status vit_groups_bind(struct vit_groups *groups, struct vit_error *err)
{
    for (int i = 0; i < groups->n; i++)
        VIT_TRY(vit_plan_bind(groups->groups[i].plan, err));
    return VIT_OK;
}

void vit_groups_bind_noise(struct vit_groups *groups, const char *noise, size_t size)
{
    for (int i = 0; i < groups->n; i++)
        vit_plan_bind_noise(groups->groups[i].plan, noise, size);
}

/* What one thread does in a run. */
static void run_member(void *context, int member)
{
    const struct vit_groups *groups = context;
    const struct vit_pass *pass = groups->pass;
    int members = vit_team_size(groups->team) / groups->n, rank = member % members;
    const struct vit_group *group = &groups->groups[member / members];
    size_t image = groups->input_size, width = (size_t)group->plan->width;
    int batch = group->plan->batch, end = group->first + group->images;
    for (int i = group->first; i < end && i < pass->n; i += batch) {
        int n = pass->n - i < batch ? pass->n - i : batch;
        vit_plan_run(group->plan, rank, (const char *)pass->input + (size_t)i * image, pass->profile, pass->trace_dir);
        if (rank == 0)
            memcpy(pass->output + (size_t)i * width, group->plan->y.data, (size_t)n * width * sizeof *pass->output);
    }
}

vit_status vit_groups_run(struct vit_groups *groups, const struct vit_pass *pass, struct vit_error *err)
{
    groups->pass = pass;
    VIT_TRY(vit_team_run(groups->team, run_member, groups, err));
    vit_status status = VIT_OK;
    for (int i = 0; i < groups->n && status == VIT_OK; i++)
        status = vit_plan_failure(groups->groups[i].plan, err);
    return status;
}
