/* spiece.c: reads SentencePiece's models, which are protocol buffers: a sequence of fields, each a tag and a value. */
#include <string.h>

#include "vit/base/limits.h"
#include "weights/tokenizers/recipe.h"

/* ---- Protocol buffers ---- */

struct message {
    const uint8_t *at, *end;
};

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct field {
    uint32_t number;
    enum wire wire;
    uint64_t value;         /* of a number */
    struct message content; /* of bytes */
};

static bool read_varint(struct message *m, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        uint8_t byte = *m->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool read_fixed(struct message *m, int n, uint64_t *value)
{
    *value = 0;
    if (m->end - m->at < n)
        return false;
    for (int i = 0; i < n; i++)
        *value |= (uint64_t)*m->at++ << 8 * i;
    return true;
}

static bool read_bytes(struct message *m, struct message *content)
{
    uint64_t n;
    if (!read_varint(m, &n) || n > (uint64_t)(m->end - m->at))
        return false;
    *content = (struct message){m->at, m->at + n};
    m->at += n;
    return true;
}

static bool read_field(struct message *m, struct field *field)
{
    uint64_t tag;
    if (!read_varint(m, &tag) || tag >> 3 == 0 || tag >> 32)
        return false;
    *field = (struct field){.number = (uint32_t)(tag >> 3), .wire = (enum wire)(tag & 7)};
    switch (field->wire) {
    case WIRE_VARINT: return read_varint(m, &field->value);
    case WIRE_64: return read_fixed(m, 8, &field->value);
    case WIRE_32: return read_fixed(m, 4, &field->value);
    case WIRE_BYTES: return read_bytes(m, &field->content);
    }
    return false;
}

/* Takes the next field of a message, whose end is no error; *more says whether there was one. */
static vit_status next_field(struct message *m, struct field *field, bool *more, struct vit_error *err)
{
    *more = m->at < m->end;
    if (*more && !read_field(m, field))
        return vit_fail(err, VIT_ERR_DECODE, "no protocol buffer: a field that is cut off, or is of no kind");
    return VIT_OK;
}

static vit_status check_wire(const struct field *field, enum wire wire, struct vit_error *err)
{
    if (field->wire != wire)
        return vit_fail(err, VIT_ERR_DECODE, "field %u is of kind %d, not %d", field->number, field->wire, wire);
    return VIT_OK;
}

/* ---- The model ---- */

enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_KIND = 3, TRAINER_SUFFIX = 24, KIND_UNIGRAM = 1 };
enum { NORMALIZER_CHARSMAP = 2, NORMALIZER_PREFIX = 3, NORMALIZER_TRIM = 4, NORMALIZER_ESCAPE = 5 };

static vit_status read_piece(struct vit_tokenizer *t, int id, struct message m, struct vit_error *err)
{
    struct message text = {0};
    uint32_t bits = 0;
    uint64_t type = VIT_PIECE_NORMAL;
    struct field field;
    bool more;
    for (;;) {
        VIT_TRY(next_field(&m, &field, &more, err));
        if (!more)
            break;
        if (field.number == PIECE_TEXT) {
            VIT_TRY(check_wire(&field, WIRE_BYTES, err));
            text = field.content;
        } else if (field.number == PIECE_SCORE) {
            VIT_TRY(check_wire(&field, WIRE_32, err));
            bits = (uint32_t)field.value;
        } else if (field.number == PIECE_TYPE) {
            VIT_TRY(check_wire(&field, WIRE_VARINT, err));
            type = field.value;
        }
    }
    float score;
    memcpy(&score, &bits, sizeof score);
    const char *piece = (const char *)text.at;
    size_t n = (size_t)(text.end - text.at);
    VIT_TRY(vit_siglip_add(t, id, piece, n, score, (enum vit_piece_type)(type > VIT_PIECE_BYTE ? 0 : type), err));
    bool added = id == t->unknown || id == t->end; /* by the library that reads these files */
    return added ? vit_tokenizer_add(t, piece, n, (struct vit_added_token){.id = id}, err) : VIT_OK;
}

/* A setting that changes tokens and has another value than SigLIP's. */
static vit_status refuse(const char *name, uint64_t value, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "a SentencePiece model with %s %llu, which is not SigLIP's", name,
                    (unsigned long long)value);
}

static vit_status read_trainer(struct message m, struct vit_error *err)
{
    struct field field;
    for (bool more = true; more;) {
        VIT_TRY(next_field(&m, &field, &more, err));
        if (more && field.number == TRAINER_KIND && field.value != KIND_UNIGRAM)
            return refuse("model_type (1: unigram, 2: bpe, 3: word, 4: char)", field.value, err);
        if (more && field.number == TRAINER_SUFFIX && field.value)
            return refuse("treat_whitespace_as_suffix", field.value, err);
    }
    return VIT_OK;
}

static vit_status read_normalizer(struct vit_tokenizer *t, struct message m, struct vit_error *err)
{
    static const char *const names[] = {
        [NORMALIZER_PREFIX] = "add_dummy_prefix",
        [NORMALIZER_TRIM] = "remove_extra_whitespaces",
        [NORMALIZER_ESCAPE] = "escape_whitespaces",
    };
    struct field field;
    for (bool more = true; more;) {
        VIT_TRY(next_field(&m, &field, &more, err));
        if (more && field.number == NORMALIZER_CHARSMAP) {
            VIT_TRY(check_wire(&field, WIRE_BYTES, err));
            vit_charsmap_free(&t->charsmap);
            VIT_TRY(
                vit_charsmap_read(&t->charsmap, field.content.at, (size_t)(field.content.end - field.content.at), err));
        }
        bool must_be_true = more && field.number >= NORMALIZER_PREFIX && field.number <= NORMALIZER_ESCAPE;
        if (must_be_true && field.value != 1)
            return refuse(names[field.number], field.value, err);
    }
    return VIT_OK;
}

vit_status vit_spiece_read(struct vit_tokenizer *t, const uint8_t *bytes, size_t n, struct vit_error *err)
{
    struct message m = {bytes, bytes + n};
    struct field field;
    int id = 0;
    t->recipe = &vit_siglip;
    for (bool more = true; more;) {
        VIT_TRY(next_field(&m, &field, &more, err));
        if (!more || field.number > MODEL_NORMALIZER)
            continue;
        VIT_TRY(check_wire(&field, WIRE_BYTES, err));
        if (field.number == MODEL_PIECE)
            VIT_TRY(id < VIT_LIMIT_PIECES ? read_piece(t, id++, field.content, err)
                                          : vit_fail(err, VIT_ERR_TOO_LARGE, "more than %d pieces", VIT_LIMIT_PIECES));
        else if (field.number == MODEL_TRAINER)
            VIT_TRY(read_trainer(field.content, err));
        else
            VIT_TRY(read_normalizer(t, field.content, err));
    }
    return vit_added_sort(&t->added, err);
}
