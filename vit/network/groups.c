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

static vit_status make_plans(struct vit_groups *groups, const struct vit_plan_options *options, struct vit_error *err)
{
    for (int i = 0; i < groups->n; i++) {
        struct vit_group *group = &groups->groups[i];
        int64_t batch = options->batch;
        group->first = (int)(batch * i / groups->n);
        struct vit_plan_options plan = *options;
        plan.batch = (int)(batch * (i + 1) / groups->n) - group->first;
        plan.threads = options->threads / groups->n;
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
    struct vit_groups *groups = context;
    int members = vit_team_size(groups->team) / groups->n;
    const struct vit_group *group = &groups->groups[member / members];
    if (group->first < groups->pass->n)
        vit_plan_run(group->plan, member % members, groups->pass->profile, groups->pass->trace_dir);
}

vit_status vit_groups_run(struct vit_groups *groups, const struct vit_pass *pass, struct vit_error *err)
{
    size_t image = vit_model_pixels_size(groups->model), K = (size_t)vit_model_config(groups->model)->classes;
    for (int i = 0; i < groups->n; i++)
        vit_plan_start(groups->groups[i].plan, pass->pixels + (size_t)groups->groups[i].first * image, err);
    groups->pass = pass;
    VIT_TRY(vit_team_run(groups->team, run_member, groups, err));
    for (int i = 0; i < groups->n; i++) {
        const struct vit_group *group = &groups->groups[i];
        int left = pass->n - group->first, n = left < group->plan->batch ? left : group->plan->batch;
        VIT_TRY(vit_plan_end(group->plan));
        if (n > 0)
            memcpy(pass->logits + (size_t)group->first * K, group->plan->logits.data,
                   (size_t)n * K * sizeof *pass->logits);
    }
    return VIT_OK;
}
