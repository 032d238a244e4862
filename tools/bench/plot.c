/* plot.c: a row for each run, every sample a tick on a logarithmic axis, a bar from
 * the fastest to the 99th percentile, the median marked and named. */
#include "tools/bench/plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/bench/report.h"

enum { WIDTH = 960, LEFT = 330, RIGHT = 120, TOP = 56, ROW = 34, BOTTOM = 44, MAX_TICKS = 400 };

enum { NAME_MAX_CHARS = 40 }; /* of 7.5 pixels at most, on average, left of LEFT */

struct scale {
    double low, high; /* milliseconds at the ends of the axis */
};

static double x_of(const struct scale *scale, double ms)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * log(ms / scale->low) / log(scale->high / scale->low);
}

/* The 1-2-5 number at or below (up: at or above) ms. */
static double round_to_step(double ms, bool up)
{
    static const double steps[] = {1, 2, 5, 10};
    double decade = pow(10, floor(log10(ms)));
    int i = 0;
    while (i < 3 && steps[up ? i : i + 1] * decade <= ms * (up ? 1 - 1e-9 : 1 + 1e-9))
        i++;
    return steps[i] * decade;
}

static struct scale choose_scale(const struct vit_bench_run *runs, int n)
{
    struct scale scale = {INFINITY, 0};
    for (int i = 0; i < n; i++) {
        scale.low = fmin(scale.low, runs[i].latency.min);
        scale.high = fmax(scale.high, runs[i].latency.max);
    }
    scale.low = round_to_step(scale.low, false);
    scale.high = round_to_step(fmax(scale.high, scale.low * 1.01), true);
    return scale;
}

static void put_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"", *text))
            fprintf(out, "&#%d;", *text);
        else
            putc(*text, out);
    }
}

/* Of a long name the end, which tells models apart; characters of UTF-8 stay whole. */
static void put_model(FILE *out, const char *name)
{
    size_t chars = 0;
    for (const char *at = name; *at; at++)
        chars += (*at & 0xc0) != 0x80;
    if (chars > NAME_MAX_CHARS)
        fputs("\u2026", out);
    for (size_t surplus = chars > NAME_MAX_CHARS ? chars - NAME_MAX_CHARS + 1 : 0; surplus > 0; surplus--)
        for (name++; (*name & 0xc0) == 0x80;)
            name++;
    put_escaped(out, name);
}

static void put_axis(FILE *out, const struct scale *scale, int bottom)
{
    for (double ms = scale->low; ms <= scale->high * 1.001; ms = round_to_step(ms * 1.5, true)) {
        double x = x_of(scale, ms);
        fprintf(out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#dddddd\"/>\n", x, x, TOP, bottom);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#666666\">%g</text>\n", x, bottom + 16,
                ms);
    }
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"#666666\">milliseconds for a batch</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, bottom + 34);
}

static void put_run(FILE *out, const struct scale *scale, const struct vit_bench_run *run, int y)
{
    const struct vit_summary *l = &run->latency;
    double left = x_of(scale, l->min), median = x_of(scale, l->median);
    double right = x_of(scale, vit_stats_has_quantile(l->n, 0.99) ? l->p99 : l->max);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 12, y - 1);
    put_model(out, run->model);
    fprintf(out, "</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#666666\">"
            "%s, batch %d, threads %d, streams %d, n %zu</text>\n", LEFT - 12, y + 13,
            vit_precision_name(run->precision), run->batch, run->threads, run->streams, l->n);
    fprintf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"14\" fill=\"#a8c6e8\"/>\n", left, y - 7,
            fmax(right - left, 1));
    fputs("<path stroke=\"#4477aa\" stroke-opacity=\"0.5\" d=\"", out);
    for (size_t i = 0, step = l->n / MAX_TICKS + 1; i < l->n; i += step)
        fprintf(out, "M%.1f %dv10", x_of(scale, run->samples_ms[i]), y - 5);
    fputs("\"/>\n", out);
    fprintf(out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#cc3311\" stroke-width=\"2\"/>\n", median,
            median, y - 11, y + 11);
    fprintf(out, "<text x=\"%d\" y=\"%d\"><tspan fill=\"#cc3311\">%.*f ms</tspan></text>\n", WIDTH - RIGHT + 14, y - 1,
            vit_bench_decimals(l->median), l->median);
    fprintf(out, "<text x=\"%d\" y=\"%d\" fill=\"#666666\">%.1f/s</text>\n", WIDTH - RIGHT + 14, y + 13,
            vit_bench_images_per_s(run));
}

static void put_picture(FILE *out, const struct vit_bench_run *runs, int n)
{
    char cpu[64], onednn[32];
    struct scale scale = choose_scale(runs, n);
    int bottom = TOP + n * ROW;
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            WIDTH, bottom + BOTTOM, WIDTH, bottom + BOTTOM);
    fputs("<text x=\"16\" y=\"24\" font-size=\"15\" font-weight=\"bold\">"
          "Latency: median, and from the fastest to the 99th percentile (of fewer than 100: the slowest)</text>\n"
          "<text x=\"16\" y=\"43\" fill=\"#666666\">", out);
    vit_machine_cpu(cpu);
    put_escaped(out, cpu);
    fprintf(out, ", %s, oneDNN %s, vit %s (%s)</text>\n", vit_isa(), vit_onednn_version(onednn), vit_version(),
            vit_commit());
    put_axis(out, &scale, bottom);
    for (int i = 0; i < n; i++)
        put_run(out, &scale, &runs[i], TOP + i * ROW + ROW / 2);
    fputs("</svg>\n", out);
}

vit_status vit_bench_plot(const char *path, const struct vit_bench_run *runs, int n, struct vit_error *err)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return vit_fail(err, VIT_ERR_OPEN, "--plot %s: %s", path, strerror(errno));
    put_picture(out, runs, n);
    bool bad = ferror(out) != 0;
    if (fclose(out) != 0 || bad)
        return vit_fail(err, VIT_ERR_READ, "--plot %s: cannot be written", path);
    return VIT_OK;
}
