/* polynomials.h: functions of f32 by polynomials, which need no division and no table.
 *
 * EXP2_OF_n: of degree n, lowest first, the closest to 2^x on [0, 1] in relative terms: 7.5e-5 (3), 7.5e-8 (5) and
 * 1.9e-9 (6); with f32's rounding the last two are 1.5e-7 and 1.2e-7.
 *
 * ERF_i: erf(x / sqrt(2)) = x P(2 x^2 / ERF_END^2 - 1) for |x| <= ERF_END, where it is 1 in f32. P of degree 13 is fitted to
 * the largest error of GELU, x (1 + erf(x / sqrt(2))) / 2: 8.7e-7 with f32's rounding, 4.7e-7 for |x| < 3.
 *
 * GELU_i: for results in bf16, GELU = x (1/2 + z P(z^2)), z = x kept to +-GELU_END. P of degree 7 is fitted to the largest
 * error, 1.3e-4, under the condition that P(GELU_END^2) is 1 / (2 GELU_END) to the last bit, in f32 and in this order: beyond
 * the ends the result is x or 0. */
#ifndef VIT_POLYNOMIALS_H
#define VIT_POLYNOMIALS_H

#define EXP2_OF_3 0.999925196f, 0.695833564f, 0.226067156f, 0.0780245289f
#define EXP2_OF_5 0.99999994f, 0.693153083f, 0.240153611f, 0.0558263175f, 0.00898933969f, 0.00187757669f
#define EXP2_OF_6 1.0f, 0.693147004f, 0.24022983f, 0.0554833412f, 0.00967884064f, 0.00124396873f, 0.000217022563f

#define ERF_END 5.3f
#define ERF_0 0.266785145f
#define ERF_1 -0.133036464f
#define ERF_2 0.0985269919f
#define ERF_3 -0.0791969299f
#define ERF_4 0.0641907752f
#define ERF_5 -0.050409805f
#define ERF_6 0.0375890434f
#define ERF_7 -0.0271401368f
#define ERF_8 0.0186417904f
#define ERF_9 -0.0101837376f
#define ERF_10 0.00443787407f
#define ERF_11 -0.00360585004f
#define ERF_12 0.00310798991f
#define ERF_13 -0.00102744217f

#define GELU_END 4.0f
#define GELU_0 0.398186445f
#define GELU_1 -0.0650638342f
#define GELU_2 0.00903962366f
#define GELU_3 -0.000882766151f
#define GELU_4 5.73934594e-05f
#define GELU_5 -2.30956493e-06f
#define GELU_6 5.05099216e-08f
#define GELU_7 -4.37713671e-10f

#endif
