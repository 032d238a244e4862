/* products.h: which products of parts make up the product of two numbers in 1, 2 or 3 parts: all but those that are
 * smaller than what the last part leaves out, the small ones first where that costs no load of a tile. */
#ifndef VIT_PRODUCTS_H
#define VIT_PRODUCTS_H

/* Of products[parts - 1] the first n: part a of one times part b of the other; from one to the next one of them stays. */
static const struct products {
    int n;
    struct {
        int a, b;
    } of[6];
} products[] = {{1, {{0, 0}}}, {3, {{0, 1}, {0, 0}, {1, 0}}}, {6, {{2, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 2}, {0, 0}}}};

#endif
