/* exp2.h: the polynomial of degree 5 that is closest to 2^x on [0, 1] in relative terms: 7.5e-8, and 1.5e-7 with f32's
 * rounding. */
#ifndef VIT_EXP2_H
#define VIT_EXP2_H

#define EXP2_0 0.99999994f
#define EXP2_1 0.693153083f
#define EXP2_2 0.240153611f
#define EXP2_3 0.0558263175f
#define EXP2_4 0.00898933969f
#define EXP2_5 0.00187757669f

#endif
