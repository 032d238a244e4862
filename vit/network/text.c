/* text.c: texts made into tokens, those of the same length run together, and what becomes of them in the order of the
 * texts. */
#include "vit/network/text.h"

#include <stdlib.h>
#include <string.h>

#include "vit/network/session.h"

struct text {
    int length, number; /* in tokens; among the texts */
};

struct work {
    const struct vit_model *tower;
    const struct vit_text_options *options;
    int threads, context, width; /* of a token's row */
    int n;
    struct text *texts; /* (n), shorter ones first */
    int *tokens;        /* (n, context): places of rows in table */
    float *table;       /* the rows of all tokens that occur */
    float *rows;        /* of a batch: (batch, length, width) */
    float *found;       /* of a batch: (batch, E) */
    int64_t done, total;
    float *features; /* (n, E) */
};

/* ---- Tokens ---- */

static int compare_texts(const void *a, const void *b)
{
    const struct text *x = a, *y = b;
    return x->length != y->length ? (x->length > y->length) - (x->length < y->length)
                                  : (x->number > y->number) - (x->number < y->number);
}

/* The towers that read the end of a text read the first one: a text that has its name within goes no further. Those
 * whose texts are filled up read the last token. */
static int length_of(const struct vit_tokenizer *tokenizer, const int *tokens, int n)
{
    int length = 1;
    if (vit_tokenizer_fills(tokenizer))
        return n;
    while (length < n && tokens[length - 1] != vit_tokenizer_end(tokenizer))
        length++;
    return length;
}

static vit_status tokenize(struct work *w, const struct vit_tokenizer *tokenizer, const char *const *texts, int *n_cut,
                           struct vit_error *err)
{
    w->texts = malloc(((size_t)w->n + 1) * sizeof *w->texts);
    w->tokens = malloc(((size_t)w->n + 1) * (size_t)w->context * sizeof *w->tokens);
    if (!w->texts || !w->tokens)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for the tokens of %d texts", w->n);
    for (int i = 0; i < w->n; i++) {
        bool cut;
        int n, *tokens = w->tokens + (size_t)i * (size_t)w->context;
        vit_status status = vit_tokenize(tokenizer, texts[i], tokens, &n, &cut, err);
        if (status != VIT_OK)
            return vit_context(err, status, "text %d (%.60s)", i + 1, texts[i]);
        w->texts[i] = (struct text){length_of(tokenizer, tokens, n), i};
        *n_cut += cut;
    }
    qsort(w->texts, (size_t)w->n, sizeof *w->texts, compare_texts);
    return VIT_OK;
}

/* Numbers the tokens that occur in places (V), -1 the others, and collects them. */
static int number_tokens(const struct work *w, int *places, int *occurring)
{
    int n = 0;
    for (int i = 0; i < w->n; i++) {
        int *tokens = w->tokens + (size_t)w->texts[i].number * (size_t)w->context;
        for (int t = 0; t < w->texts[i].length; t++) {
            int id = tokens[t];
            if (places[id] < 0) {
                places[id] = n;
                occurring[n++] = id;
            }
            tokens[t] = places[id];
        }
    }
    return n;
}

/* The rows of all tokens that occur, of the table of tokens, which may be larger than the whole rest of the model. */
static vit_status read_table(struct work *w, struct vit_error *err)
{
    const struct vit_weights *weights = w->tower->weights;
    size_t V = (size_t)weights->config.vocabulary;
    int *places = malloc(V * sizeof *places), *occurring = malloc(V * sizeof *occurring);
    vit_status status = VIT_OK;
    if (places && occurring) {
        memset(places, -1, V * sizeof *places);
        int n = number_tokens(w, places, occurring);
        w->table = malloc(((size_t)n + 1) * (size_t)w->width * sizeof *w->table);
        if (w->table)
            status = vit_weights_read_rows(weights, vit_layout_find(&weights->layout, "token_embed.weight"), occurring,
                                           n, w->table, err);
    }
    if (!places || !occurring || !w->table)
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for the rows of tokens");
    free(places);
    free(occurring);
    return status;
}

/* ---- Batches ---- */

/* Of texts of one length, so many that each thread has rows enough to be worth fetching the weights for. */
static int batch_for(const struct work *w, int length, int count)
{
    const int enough = 128; /* rows of a thread */
    int most = w->threads * (length < enough ? enough / length : 1), runs = (count + most - 1) / most;
    int even = (count + runs - 1) / runs;
    return (even + w->threads - 1) / w->threads * w->threads;
}

/* n texts of one length, as many as the session's batch at most. */
static vit_status run_batch(struct work *w, struct vit_session *session, const struct text *texts, int n,
                            struct vit_error *err)
{
    size_t D = (size_t)w->width, E = vit_session_width(session), length = (size_t)texts[0].length;
    for (int i = 0; i < n; i++)
        for (size_t t = 0; t < length; t++)
            memcpy(w->rows + ((size_t)i * length + t) * D,
                   w->table + (size_t)w->tokens[(size_t)texts[i].number * (size_t)w->context + t] * D,
                   D * sizeof *w->rows);
    VIT_TRY(vit_session_run(session, w->rows, n, w->found, err));
    for (int i = 0; i < n; i++)
        memcpy(w->features + (size_t)texts[i].number * E, w->found + (size_t)i * E, E * sizeof *w->found);
    w->done += n;
    const struct vit_watch *watch = &w->options->watch;
    if (watch->tell && !watch->tell(watch->context, w->done, w->total))
        return vit_fail(err, VIT_ERR_INTERNAL, "stopped after %lld of %lld texts", (long long)w->done,
                        (long long)w->total);
    return VIT_OK;
}

static vit_status run_batches(struct work *w, struct vit_session *session, int batch, const struct text *texts,
                              int count, struct vit_error *err)
{
    w->rows = malloc((size_t)batch * (size_t)texts[0].length * (size_t)w->width * sizeof *w->rows);
    w->found = malloc((size_t)batch * vit_session_width(session) * sizeof *w->found);
    vit_status status =
        w->rows && w->found ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d texts", batch);
    for (int i = 0; i < count && status == VIT_OK; i += batch)
        status = run_batch(w, session, texts + i, count - i < batch ? count - i : batch, err);
    free(w->rows), free(w->found);
    return status;
}

static vit_status run_length(struct work *w, const struct text *texts, int count, struct vit_error *err)
{
    struct vit_session_options options = vit_session_options_default();
    struct vit_session *session;
    options.batch = batch_for(w, texts[0].length, count);
    options.threads = w->threads;
    options.output = VIT_OUTPUT_PROJECTED;
    options.normalize = w->options->normalize;
    options.precision = w->options->precision;
    VIT_TRY(vit_session_create_of(&session, w->tower, texts[0].length, &options, err));
    vit_status status = run_batches(w, session, options.batch, texts, count, err);
    vit_session_free(session);
    return status;
}

static vit_status run_all(struct work *w, struct vit_error *err)
{
    for (int i = 0, count; i < w->n; i += count) {
        for (count = 1; i + count < w->n && w->texts[i + count].length == w->texts[i].length; count++)
            ;
        VIT_TRY(run_length(w, w->texts + i, count, err));
    }
    return VIT_OK;
}

/* ---- Called by others ---- */

vit_status vit_text_reader_open(struct vit_text_reader *reader, const struct vit_model *tower,
                         const struct vit_text_tower *text, struct vit_error *err)
{
    const struct vit_config *c = vit_model_config(tower);
    *reader = (struct vit_text_reader){.tower = tower};
    VIT_TRY(vit_tokenizer_open(&reader->tokenizer, text->folder,
                               &(struct vit_tokenizer_options){c->context, c->vocabulary, text->cleaning}, err));
    if (vit_tokenizer_fills(reader->tokenizer) == c->causal)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a tokenizer that %s texts for a text tower that reads %s",
                        text->folder, c->causal ? "fills up" : "does not fill up",
                        c->causal ? "where they end" : "all of them");
    return VIT_OK;
}

void vit_text_reader_close(struct vit_text_reader *reader)
{
    vit_tokenizer_free(reader->tokenizer);
    reader->tokenizer = NULL;
}

vit_status vit_text_embed(const struct vit_text_reader *reader, const char *const *texts, int n,
                          const struct vit_text_options *options, int64_t done, int64_t total, float *features,
                          int *n_cut, struct vit_error *err)
{
    const struct vit_config *c = vit_model_config(reader->tower);
    struct work w = {.tower = reader->tower,
                     .options = options,
                     .threads = options->threads ? options->threads : vit_default_threads(),
                     .context = c->context,
                     .width = c->width,
                     .n = n,
                     .done = done,
                     .total = total,
                     .features = features};
    vit_status status = tokenize(&w, reader->tokenizer, texts, n_cut, err);
    if (status == VIT_OK)
        status = read_table(&w, err);
    if (status == VIT_OK)
        status = run_all(&w, err);
    free(w.texts), free(w.tokens), free(w.table);
    return status;
}

/* ---- vit.h ---- */

bool vit_model_has_text(const struct vit_model *model)
{
    return model->text != NULL;
}

vit_status vit_embed_texts(const struct vit_model *model, const char *const *texts, int n,
                           const struct vit_text_options *options, float *features, int *n_cut, struct vit_error *err)
{
    static const struct vit_text_options defaults;
    struct vit_text_reader reader;
    *n_cut = 0;
    if (!model->text)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %s", vit_model_config(model)->arch,
                        model->weights->text ? model->weights->text->why.message : "the model has no text tower");
    vit_status status = vit_text_reader_open(&reader, model->text, model->weights->text, err);
    if (status == VIT_OK)
        status = vit_text_embed(&reader, texts, n, options ? options : &defaults, 0, n, features, n_cut, err);
    vit_text_reader_close(&reader);
    return status;
}
