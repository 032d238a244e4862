/* opening.c: what the library tells while it opens a model, shown. */
#include "tools/output/opening.h"

#include "tools/common/environment.h"
#include "tools/common/locate.h"
#include "tools/common/stop.h"
#include "tools/output/messages.h"
#include "tools/output/progress.h"

struct bar {
    struct vit_progress progress;
    bool quiet;
};

static bool tell(void *context, int64_t done, int64_t total)
{
    struct bar *bar = context;
    if (bar->progress.total == 0)
        vit_progress_start(&bar->progress, (size_t)total, -1, bar->quiet);
    vit_progress_at(&bar->progress, (size_t)done);
    return !vit_stop_requested();
}

vit_status vit_opening(struct vit_model **model, const char *path, const struct vit_options *options,
                       struct vit_error *err)
{
    struct bar bar = { .quiet = options->quiet };
    struct vit_model_options open;
    *model = NULL;
    VIT_TRY(vit_environment_model(&open, options, err));
    open.watch = (struct vit_watch){ tell, &bar };
    vit_status status = vit_model_open(model, path, &open, err);
    vit_progress_clear(&bar.progress);
    if (status == VIT_OK && !options->quiet)
        vit_say_cut(vit_model_n_cut(*model));
    return status;
}

vit_status vit_opening_named(struct vit_model **model, char **path, const char *named,
                             const struct vit_options *options, struct vit_error *err)
{
    *model = NULL;
    VIT_TRY(vit_locate_model(path, named, err));
    return vit_opening(model, *path, options, err);
}
