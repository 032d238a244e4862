/* scores.c: logits to the best classes. */
#include <math.h>

#include "vit/vit.h"

/* Whether class a ranks before class b: the larger logit, a NaN last, ties by index. */
static bool before(const float *logits, int a, int b)
{
    if (isnan(logits[a]) || isnan(logits[b]))
        return isnan(logits[a]) ? isnan(logits[b]) && a < b : true;
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
}

/* A heap with the worst class on top, but for the one at `at`, which sinks to where it belongs. */
static void sink(const float *logits, struct vit_result *heap, int n, int at)
{
    int c = heap[at].index;
    for (int child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && before(logits, heap[child].index, heap[child + 1].index);
        if (!before(logits, c, heap[child].index))
            break;
        heap[at].index = heap[child].index;
    }
    heap[at].index = c;
}

/* The k best of K classes, best first, in K log k steps: the worst of those kept leaves first, for a better one and
 * then for its place at the end. */
static void select_best(const float *logits, int K, int k, struct vit_result *results)
{
    for (int c = 0; c < k; c++)
        results[c].index = c;
    for (int at = k / 2; at-- > 0;)
        sink(logits, results, k, at);
    for (int c = k; c < K; c++) {
        if (before(logits, c, results[0].index)) {
            results[0].index = c;
            sink(logits, results, k, 0);
        }
    }
    for (int n = k; n-- > 1;) {
        int worst = results[0].index;
        results[0].index = results[n].index;
        sink(logits, results, n, 0);
        results[n].index = worst;
    }
}

static double sum_exp(const float *logits, int K, double top)
{
    double sum = 0;
    for (int c = 0; c < K; c++)
        sum += exp(logits[c] - top);
    return sum;
}

int vit_top_k(const struct vit_model *model, const float *logits, enum vit_score score, int k,
              struct vit_result *results)
{
    int K = vit_model_config(model)->classes, n = k < 0 ? 0 : k < K ? k : K;
    if (n > 0)
        select_best(logits, K, n, results);
    double top = n ? logits[results[0].index] : 0;
    double total = score == VIT_SCORE_PROB ? sum_exp(logits, K, top) : 1;
    for (int i = 0; i < n; i++) {
        float logit = logits[results[i].index];
        results[i].label = vit_model_label(model, results[i].index);
        switch (score) {
        case VIT_SCORE_PROB: results[i].score = (float)(exp(logit - top) / total); break;
        case VIT_SCORE_LOGIT: results[i].score = logit; break;
        case VIT_SCORE_SIGMOID: results[i].score = (float)(1 / (1 + exp(-(double)logit))); break;
        }
    }
    return n;
}
