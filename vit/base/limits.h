/* limits.h: what a checkpoint may hold. Each has an error that names it. */
#ifndef VIT_LIMITS_H
#define VIT_LIMITS_H

enum {
    VIT_LIMIT_TENSORS = 100000,          /* tensors in a file */
    VIT_LIMIT_NAME = 1024,               /* bytes of a tensor's name */
    VIT_LIMIT_HEADER = 100000000,        /* bytes of a safetensors header */
    VIT_LIMIT_NPY_HEADER = 1 << 16,      /* bytes of an array's header in an npz */
    VIT_LIMIT_PICKLE = 256 << 20,        /* bytes of a pickle in a zip archive */
    VIT_LIMIT_PICKLE_OBJECTS = 4 << 20,  /* objects that a pickle makes or repeats */
    VIT_LIMIT_PICKLE_NAME = 255,         /* bytes of a global's module or name */
    VIT_LIMIT_EXPANSION = 16,            /* bytes that a file stands for, deflated or shared, over its own */
    VIT_LIMIT_STREWN = 1 << 16,          /* bytes that any tensor may reach over, however few are its own */
    VIT_LIMIT_SHARDS = 256,              /* files of a sharded checkpoint */
    VIT_LIMIT_JSON = 64 << 20,           /* bytes of a JSON file beside the weights */
    VIT_LIMIT_JSON_DEPTH = 64,           /* nesting of JSON */
    VIT_LIMIT_JSON_VALUES = 4 << 20,     /* values in JSON; 11 are a tensor in a header, 3 a label */
    VIT_LIMIT_JSON_NESTS = 1 << 10,      /* objects and arrays in JSON, beside one for every 8 bytes of its text */
    VIT_LIMIT_PIECE = 256,               /* characters of a piece of a tokenizer, bytes of what replaces a character */
    VIT_LIMIT_PIECES = 1 << 20,          /* pieces of a tokenizer, and merges of them: twice that */
    VIT_LIMIT_TEXT = 64 << 20,           /* bytes of a text to cut into tokens */
    VIT_LIMIT_CLASSES = 1 << 20,         /* K */
    VIT_LIMIT_TEMPLATES = 1 << 12,       /* sentences that a class's name is put into */
    VIT_LIMIT_TEMPLATE_FILE = 1 << 20,   /* bytes of a file of them */
    VIT_LIMIT_DEPTH = 1024,              /* L */
    VIT_LIMIT_WIDTH = 1 << 16,           /* D, F, E */
    VIT_LIMIT_CONTEXT = 1 << 12,         /* tokens of a text */
    VIT_LIMIT_VOCABULARY = 1 << 20,      /* V */
    VIT_LIMIT_IMAGE_SIZE = 1 << 13       /* S */
};

#endif
