/* streams.h: the pictures of a command line through a model: batches are loaded, computed beside each other by streams,
 * and handed over in the order of the inputs. */
#ifndef VIT_TOOLS_STREAMS_H
#define VIT_TOOLS_STREAMS_H

#include <pthread.h>

#include "tools/output/delivery.h"
#include "tools/pictures/inputs.h"
#include "tools/pictures/loader.h"

struct vit_streams {
    const struct vit_options *options;
    struct vit_inputs inputs;
    char *model_path;
    struct vit_model *model;
    struct vit_session_options session; /* of each stream */
    size_t width;                       /* numbers of one picture */

    /* private */
    char *tune_cache;
    int n;
    struct vit_stream *each; /* (n) */
    struct vit_loader *loader;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t turned;
    size_t turn; /* number of the batch that is handed over next */
    struct vit_delivery delivery;
    vit_status status; /* of handing over; err says more */
    struct vit_error err;
};

/* Lists the inputs and opens the model. vit_streams_finish is due either way. */
vit_status vit_streams_open(struct vit_streams *streams, const struct vit_options *options, struct vit_error *err);

/* Starts loading the first pictures and makes the sessions. */
vit_status vit_streams_start(struct vit_streams *streams, enum vit_output_kind output, bool normalize,
                             struct vit_error *err);

/* Hands every input over, by one thread at a time, or those until a stop was requested (stop.h). A receiver that fails
 * ends all streams. data_fd: see vit_delivery_start. */
vit_status vit_streams_run(struct vit_streams *streams, const struct vit_receiver *receiver, int data_fd,
                           struct vit_error *err);

/* As vit_delivery_finish; frees everything. */
int vit_streams_finish(struct vit_streams *streams, vit_status status, const struct vit_error *err);

#endif
