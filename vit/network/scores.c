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

/* Keeps the best k classes seen so far, best first, by insertion: k is small, or K is. */
static int select_best(const float *logits, int K, int k, struct vit_result *results)
{
    int n = 0;
    for (int c = 0; c < K; c++) {
        if (n == k && !before(logits, c, results[n - 1].index))
            continue;
        int at = n < k ? n++ : n - 1;
        for (; at > 0 && before(logits, c, results[at - 1].index); at--)
            results[at].index = results[at - 1].index;
        results[at].index = c;
    }
    return n;
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
    int K = vit_model_config(model)->classes, n = k > 0 ? select_best(logits, K, k < K ? k : K, results) : 0;
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
