/* test_tokenizers.c: the tokens of some thousand prompts as the libraries give them (tests/make_tokens.py), from every
 * form of the files; files that are refused, or damaged in any way; and texts that are long or no texts. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/scratch.h"
#include "vit/base/file.h"
#include "weights/tokenizers/tokenizer.h"

#define TOKENIZERS "tests/tokenizers/"
#define SIMPLE "bpe_simple_vocab_16e6.txt.gz"

enum { CLIP = 49408, SIGLIP = 2000, SIGLIP_BYTES = 1500, SIGLIP2 = 2005 }; /* vocabularies */
enum { N_PROMPTS = 2998 };

static struct vit_error err;

/* ---- Files ---- */

/* A gzip file whole, with a NUL behind it; the caller frees it. */
static char *unpack(const char *path, size_t *n)
{
    enum { MOST = 8 << 20 };
    char *bytes = malloc(MOST + 1);
    gzFile file = gzopen(path, "rb");
    cr_assert(bytes && file, "%s", path);
    int got = gzread(file, bytes, MOST);
    cr_assert(got > 0 && gzclose(file) == Z_OK, "%s", path);
    bytes[got] = '\0';
    *n = (size_t)got;
    return bytes;
}

static void *load(const char *path, size_t *n)
{
    void *bytes;
    cr_assert_eq(vit_file_load(path, 64 << 20, &bytes, n, &err), VIT_OK, "%s: %s", path, err.message);
    return bytes;
}

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void enter_folder(void)
{
    strcpy(folder, "/tmp/vit-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static const char *const names[] = {"tokenizer.json", "vocab.json", "merges.txt", "spiece.model", SIMPLE, "vocab.txt"};

static void empty_folder(void)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
}

static void leave_folder(void)
{
    empty_folder();
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(tokenizers, .init = enter_folder, .fini = leave_folder);

/* ---- Tokenizers ---- */

static struct vit_tokenizer *open_tokenizer(const char *where, int context, int vocabulary, enum vit_cleaning cleaning)
{
    struct vit_tokenizer *t;
    struct vit_tokenizer_options options = {context, vocabulary, cleaning};
    cr_assert_eq(vit_tokenizer_open(&t, where, &options, &err), VIT_OK, "%s", err.message);
    return t;
}

struct tokens {
    int at[128], n;
    bool cut;
};

static struct tokens tokenize(const struct vit_tokenizer *t, const char *text)
{
    struct tokens tokens;
    cr_assert_eq(vit_tokenize(t, text, tokens.at, &tokens.n, &tokens.cut, &err), VIT_OK, "%s", err.message);
    return tokens;
}

/* ---- What the libraries give ---- */

static uint16_t next_u16(const char **at)
{
    uint16_t value = (uint16_t)((uint8_t)(*at)[0] | (uint8_t)(*at)[1] << 8);
    *at += 2;
    return value;
}

/* Compares one prompt with its record. fill: the token that fills up, or -1. */
static bool check_prompt(const struct vit_tokenizer *t, const char *prompt, const char **record, int context, int fill)
{
    struct tokens got = tokenize(t, prompt);
    uint16_t n = next_u16(record);
    bool right = got.cut == (n >> 15);
    n &= 0x7fff;
    for (int i = 0; i < n; i++)
        right = (int)next_u16(record) == got.at[i] && right;
    for (int i = n; i < got.n; i++)
        right = got.at[i] == fill && right;
    return right && got.n == (fill < 0 ? n : context);
}

static void check_golden(const char *name, const char *where, int vocabulary, enum vit_cleaning cleaning, int fill)
{
    char path[128];
    size_t n, n_records;
    int context = vocabulary == CLIP ? 77 : 64, n_prompts = 0, wrong = 0;
    snprintf(path, sizeof path, TOKENIZERS "%s.gz", name);
    char *prompts = unpack(TOKENIZERS "prompts.gz", &n), *records = unpack(path, &n_records);
    struct vit_tokenizer *t = open_tokenizer(where, context, vocabulary, cleaning);
    const char *record = records;
    for (const char *prompt = prompts; prompt < prompts + n; prompt += strlen(prompt) + 1, n_prompts++)
        if (!check_prompt(t, prompt, &record, context, fill) && wrong++ < 5)
            cr_log_error("%s: \"%.200s\" differs", name, prompt);
    cr_expect_eq(n_prompts, N_PROMPTS);
    cr_expect_eq(record, records + n_records);
    cr_expect_eq(wrong, 0, "%s from %s: %d prompts differ", name, where, wrong);
    vit_tokenizer_free(t);
    free(prompts);
    free(records);
}

Test(tokenizers, clip_as_the_libraries)
{
    check_golden("clip_hf", TOKENIZERS "clip", CLIP, VIT_CLEANED_AS_HF, -1);
    check_golden("clip_open_clip", TOKENIZERS "clip", CLIP, VIT_CLEANED_AS_OPEN_CLIP, -1);
}

Test(tokenizers, siglip_as_the_libraries)
{
    check_golden("siglip_hf", TOKENIZERS "siglip", SIGLIP, VIT_CLEANED_AS_HF, 1);
    check_golden("siglip_open_clip", TOKENIZERS "siglip", SIGLIP, VIT_CLEANED_AS_OPEN_CLIP, 1);
    check_golden("siglip_open_clip", TOKENIZERS "siglip_json", SIGLIP, VIT_CLEANED_AS_OPEN_CLIP, 1);
    check_golden("siglip_bytes_hf", TOKENIZERS "siglip_bytes", SIGLIP_BYTES, VIT_CLEANED_AS_HF, 1);
}

Test(tokenizers, siglip2_as_the_libraries)
{
    check_golden("siglip2_hf", TOKENIZERS "siglip2", SIGLIP2, VIT_CLEANED_AS_HF, 0);
    check_golden("siglip2_open_clip", TOKENIZERS "siglip2", SIGLIP2, VIT_CLEANED_AS_OPEN_CLIP, 0);
}

/* From the published vocabulary. */
Test(tokenizers, known_tokens)
{
    static const struct {
        const char *text;
        int n, tokens[16];
    } known[] = {
        {"", 2, {49406, 49407}},
        {"a photo of a cat", 7, {49406, 320, 1125, 539, 320, 2368, 49407}},
        {"A photo of a Tabby, tabby cat.", 11, {49406, 320, 1125, 539, 320, 36145, 267, 36145, 2368, 269, 49407}},
        {"it's 2 dogs!", 7, {49406, 585, 568, 273, 3255, 256, 49407}},
        {"Caf\u00e9", 3, {49406, 15304, 49407}},
        {"\U0001f600", 3, {49406, 7334, 49407}},
    };
    struct vit_tokenizer *t = open_tokenizer(TOKENIZERS "clip", 77, CLIP, VIT_CLEANED_AS_HF);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct tokens got = tokenize(t, known[i].text);
        cr_expect_eq(got.n, known[i].n, "%s", known[i].text);
        cr_expect_arr_eq(got.at, known[i].tokens, (size_t)known[i].n * sizeof(int), "%s", known[i].text);
    }
    vit_tokenizer_free(t);
}

Test(tokenizers, a_text_that_is_longer_is_cut)
{
    struct vit_tokenizer *clip = open_tokenizer(TOKENIZERS "clip", 6, CLIP, VIT_CLEANED_AS_HF);
    struct tokens whole = tokenize(clip, "a photo of a"), cut = tokenize(clip, "a photo of a cat");
    cr_expect(whole.n == 6 && !whole.cut && cut.n == 6 && cut.cut);
    cr_expect_arr_eq(whole.at, cut.at, 6 * sizeof(int));
    vit_tokenizer_free(clip);

    struct vit_tokenizer *siglip = open_tokenizer(TOKENIZERS "siglip", 4, SIGLIP, VIT_CLEANED_AS_HF);
    cut = tokenize(siglip, "a photo of a cat");
    cr_expect(cut.n == 4 && cut.cut && cut.at[3] == 1 && cut.at[2] != 1);
    vit_tokenizer_free(siglip);
}

/* ---- One tokenizer in every form ---- */

enum { MERGES = 48894, FEW = 500, OTHERS = 2 * 256 + 2 };

/* CLIP's vocabulary as vocab.json has it, and its first n_merges as an array, from OpenAI's file. */
static void read_clip(json_t **vocabulary, json_t **merges, int n_merges)
{
    size_t n;
    char *text = unpack(TOKENIZERS "clip/" SIMPLE, &n), *line = strchr(text, '\n') + 1, *end;
    *vocabulary = json_object();
    *merges = json_array();
    for (int i = 0; i < 2 * 256; i++) {
        int k = i % 256, c = k < 94 ? '!' + k : k < 106 ? 0xa1 + k - 94 : k < 188 ? 0xae + k - 106 : 0x100 + k - 188;
        char piece[8];
        const char *end_of_word = i < 256 ? "" : "</w>";
        if (c < 0x80)
            snprintf(piece, sizeof piece, "%c%s", c, end_of_word);
        else
            snprintf(piece, sizeof piece, "%c%c%s", 0xc0 | c >> 6, 0x80 | (c & 0x3f), end_of_word);
        json_object_set_new(*vocabulary, piece, json_integer(i));
    }
    for (int i = 0; i < n_merges; i++, line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        json_array_append_new(*merges, json_string(line));
        char *space = strchr(line, ' ');
        memmove(space, space + 1, strlen(space));
        json_object_set_new(*vocabulary, line, json_integer(512 + i));
    }
    json_object_set_new(*vocabulary, "<|startoftext|>", json_integer(512 + n_merges));
    json_object_set_new(*vocabulary, "<|endoftext|>", json_integer(513 + n_merges));
    free(text);
}

static void write_json(const char *name, const json_t *value)
{
    cr_assert_eq(json_dump_file(value, in_folder(name), JSON_COMPACT), 0, "%s", name);
}

static void write_text(const char *name, const char *text)
{
    scratch_write(in_folder(name), text, strlen(text));
}

/* The value at a path of keys and places, as "model.vocab.0", becomes another; "" takes it away. */
static void change(json_t *root, const char *path, const char *value)
{
    char copy[128], *key = copy, *dot;
    snprintf(copy, sizeof copy, "%s", path);
    for (; (dot = strchr(key, '.')); key = dot + 1) {
        *dot = '\0';
        root = json_is_array(root) ? json_array_get(root, (size_t)atoi(key)) : json_object_get(root, key);
    }
    if (!*value)
        json_object_del(root, key);
    else if (json_is_array(root))
        cr_assert_eq(json_array_set_new(root, (size_t)atoi(key), json_loads(value, JSON_DECODE_ANY, NULL)), 0, "%s",
                     path);
    else
        cr_assert_eq(json_object_set_new(root, key, json_loads(value, JSON_DECODE_ANY, NULL)), 0, "%s", path);
}

/* As transformers saves it, but for the vocabulary and merges, which are taken over. */
static json_t *clip_json(json_t *vocabulary, json_t *merges)
{
    static const char text[] =
        "{'version': '1.0', 'truncation': null, 'padding': null, 'added_tokens': ["
        "{'id': 49406, 'content': '<|startoftext|>', 'single_word': false, 'lstrip': false, 'rstrip': false, "
        "'normalized': false,"
        " 'special': true}, {'id': 49407, 'content': '<|endoftext|>', 'single_word': false, 'lstrip': false,"
        " 'rstrip': false, 'normalized': false, 'special': true}],"
        "'normalizer': {'type': 'Sequence', 'normalizers': [{'type': 'NFC'}, {'type': 'Replace', 'pattern': {'Regex':"
        " '\\\\s+'}, 'content': ' '}, {'type': 'Lowercase'}]},"
        "'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [{'type': 'Split', 'pattern': {'Regex': "
        "'`s|`t|`re|`ve|`m|`ll|`d|"
        "[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+'}, 'behavior': 'Removed', 'invert': true}, {'type': "
        "'ByteLevel',"
        " 'add_prefix_space': false, 'trim_offsets': true}]},"
        "'post_processor': {'type': 'RobertaProcessing', 'sep': ['<|endoftext|>', 49407], 'cls': ['<|startoftext|>', "
        "49406],"
        " 'trim_offsets': false, 'add_prefix_space': false},"
        "'decoder': {'type': 'ByteLevel'}, 'model': {'type': 'BPE', 'dropout': null, 'unk_token': '<|endoftext|>',"
        " 'continuing_subword_prefix': '', 'end_of_word_suffix': '</w>', 'fuse_unk': false}}";
    char quoted[sizeof text], end[16];
    for (size_t i = 0; i < sizeof text; i++)
        quoted[i] = text[i] == '\'' ? '"' : text[i] == '`' ? '\'' : text[i];
    json_error_t why;
    json_t *root = json_loads(quoted, 0, &why), *model = json_object_get(root, "model");
    cr_assert(root, "%s at %d", why.text, why.position);
    snprintf(end, sizeof end, "%d", (int)json_object_size(vocabulary) - 1);
    change(root, "added_tokens.1.id", end);
    change(root, "post_processor.sep.1", end);
    snprintf(end, sizeof end, "%d", (int)json_object_size(vocabulary) - 2);
    change(root, "added_tokens.0.id", end);
    change(root, "post_processor.cls.1", end);
    json_object_set_new(model, "vocab", vocabulary);
    json_object_set_new(model, "merges", merges);
    return root;
}

static void split_merges(json_t *merges)
{
    for (size_t i = 0; i < json_array_size(merges); i++) {
        const char *text = json_string_value(json_array_get(merges, i)), *space = strchr(text, ' ');
        json_array_set_new(merges, i, json_pack("[s%, s]", text, (size_t)(space - text), space + 1));
    }
}

Test(tokenizers, every_form_of_clip_gives_the_same)
{
    json_t *vocabulary, *merges;
    read_clip(&vocabulary, &merges, MERGES);
    write_json("vocab.json", vocabulary);
    FILE *file = fopen(in_folder("merges.txt"), "w");
    fputs("#version: 0.2\n", file);
    for (size_t i = 0; i < json_array_size(merges); i++)
        fprintf(file, "%s\n", json_string_value(json_array_get(merges, i)));
    cr_assert_eq(fclose(file), 0);
    check_golden("clip_hf", folder, CLIP, VIT_CLEANED_AS_HF, -1);

    json_t *root = clip_json(vocabulary, merges);
    write_text("vocab.json", "not read where there is a tokenizer.json");
    write_json("tokenizer.json", root);
    check_golden("clip_hf", folder, CLIP, VIT_CLEANED_AS_HF, -1);
    check_golden("clip_open_clip", folder, CLIP, VIT_CLEANED_AS_OPEN_CLIP, -1);

    split_merges(merges);
    write_json("tokenizer.json", root);
    check_golden("clip_hf", folder, CLIP, VIT_CLEANED_AS_HF, -1);
    json_decref(root);
}

/* Added tokens that are found in cleaned text are so in capitals as well. */
Test(tokenizers, added_tokens_of_cleaned_text)
{
    json_t *vocabulary, *merges;
    read_clip(&vocabulary, &merges, MERGES);
    json_t *root = clip_json(vocabulary, merges);
    json_object_set_new(json_array_get(json_object_get(root, "added_tokens"), 1), "normalized", json_true());
    write_json("tokenizer.json", root);
    struct vit_tokenizer *t = open_tokenizer(folder, 77, CLIP, VIT_CLEANED_AS_HF);
    struct tokens got = tokenize(t, "a<|ENDOFTEXT|>b");
    cr_expect_arr_eq(got.at, ((int[]){49406, 320, 49407, 321, 49407}), 5 * sizeof(int));
    vit_tokenizer_free(t);
    json_decref(root);
}

/* ---- Refusals ---- */

static void refused(int vocabulary, vit_status expected, const char *const *words)
{
    struct vit_tokenizer *t;
    struct vit_tokenizer_options options = {64, vocabulary, VIT_CLEANED_AS_HF};
    vit_status status = vit_tokenizer_open(&t, folder, &options, &err);
    cr_assert_eq(status, expected, "%s: status %s: %s", words[0], vit_status_name(status),
                 status == VIT_OK ? "" : err.message);
    cr_expect_null(t);
    cr_expect(strstr(err.message, folder), "\"%s\" lacks the path", err.message);
    for (int i = 0; words[i]; i++)
        cr_expect(strstr(err.message, words[i]), "\"%s\" lacks \"%s\"", err.message, words[i]);
}

#define REFUSED(vocabulary, status, ...) refused(vocabulary, status, (const char *const[]){__VA_ARGS__, NULL})

Test(tokenizers, no_files_or_others)
{
    REFUSED(CLIP, VIT_ERR_OPEN, "no tokenizer", "tokenizer.json", "spiece.model");
    write_text("vocab.txt", "[PAD]\n[UNK]\n");
    REFUSED(CLIP, VIT_ERR_UNSUPPORTED, "vocab.txt", "WordPiece");
    write_text("tokenizer.json", "{\"model\": {\"type\": \"WordPiece\"}}");
    REFUSED(CLIP, VIT_ERR_UNSUPPORTED, "tokenizer.json", "WordPiece");
    write_text("tokenizer.json", "{\"model\": {}}");
    REFUSED(CLIP, VIT_ERR_UNSUPPORTED, "model", "(none)");
    write_text("tokenizer.json", "[1, 2]");
    REFUSED(CLIP, VIT_ERR_UNSUPPORTED, "tokenizer.json");
    write_text("tokenizer.json", "{\"model\": ");
    REFUSED(CLIP, VIT_ERR_DECODE, "tokenizer.json", "line 1");
    write_text("tokenizer.json", "{\"normalizer\": \"\xff\"}");
    REFUSED(CLIP, VIT_ERR_DECODE, "byte 0xff");
    struct vit_tokenizer *t;
    cr_expect_eq(vit_tokenizer_open(&t, folder, &(struct vit_tokenizer_options){1, 10, VIT_CLEANED_AS_HF}, &err),
                 VIT_ERR_UNSUPPORTED);
}

struct refusal {
    const char *path, *value;
    vit_status status;
    const char *word;
};

static void check_refusals(json_t *whole, int vocabulary, const struct refusal *refusals)
{
    for (; refusals->path; refusals++) {
        json_t *root = json_deep_copy(whole);
        change(root, refusals->path, refusals->value);
        write_json("tokenizer.json", root);
        REFUSED(vocabulary, refusals->status, refusals->word);
        json_decref(root);
    }
    json_decref(whole);
}

#define NO VIT_ERR_UNSUPPORTED
#define BAD VIT_ERR_DECODE

Test(tokenizers, parts_that_are_not_clips)
{
    static const struct refusal refusals[] = {
        {"model.dropout", "0.1", NO, "dropout"},
        {"model.ignore_merges", "true", NO, "ignore_merges"},
        {"model.byte_fallback", "true", NO, "byte_fallback true"},
        {"model.end_of_word_suffix", "\"@@\"", NO, "end_of_word_suffix"},
        {"model.end_of_word_suffix", "null", NO, "neither CLIP's"},
        {"model.continuing_subword_prefix", "\"##\"", NO, "continuing_subword_prefix"},
        {"model.surprise", "1", NO, "surprise"},
        {"surprise", "1", NO, "surprise"},
        {"normalizer", "null", NO, "normalizer"},
        {"normalizer.normalizers.0", "{\"type\": \"NFKC\"}", NO, "NFKC"},
        {"normalizer.normalizers.2", "{\"type\": \"NFC\"}", NO, "not in this place"},
        {"pre_tokenizer", "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}", NO, "pre_tokenizer"},
        {"pre_tokenizer.pretokenizers.0.pattern.Regex", "\"[a-z]+\"", NO, "not understood"},
        {"pre_tokenizer.pretokenizers.0.invert", "false", NO, "not understood"},
        {"post_processor.sep.1", "5", NO, "post_processor"},
        {"post_processor", "{\"type\": \"BertProcessing\"}", NO, "BertProcessing"},
        {"truncation", "{\"direction\": \"Left\"}", NO, "truncation"},
        {"added_tokens.0.single_word", "true", NO, "single_word"},
        {"added_tokens.0.id", "1014", BAD, "1014"},
        {"added_tokens.0.content", "", BAD, "content"},
        {"added_tokens.0.content", "\"<|endoftext|>\"", BAD, "the same"},
        {"model.vocab", "[]", BAD, "vocab"},
        {"model.merges", "{}", BAD, "merges"},
        {"model.vocab.the</w>", "1014", BAD, "1014"},
        {"model.vocab.the</w>", "-1", BAD, "-1"},
        {"model.vocab.the</w>", "5", BAD, "two pieces"},
        {"model.vocab.the</w>", "1.5", BAD, "no whole number"},
        {"model.vocab.the</w>", "9223372036854775807", BAD, "9223372036854775807"},
        {"model.vocab.the</w>", "", BAD, "which it makes"},
        {"model.vocab.!", "", BAD, "no token for !"},
        {"model.merges.7", "\"cat\"", BAD, "merge 7"},
        {"model.merges.7", "\"a b c\"", BAD, "merge 7"},
        {"model.merges.7", "\" b\"", BAD, "merge 7"},
        {"model.merges.7", "[\"a\"]", BAD, "merge 7"},
        {"model.merges.7", "\"q nosuchpiece\"", BAD, "nosuchpiece"},
        {"model.merges.7", "\"i n\"", BAD, "merges 0 and 7"},
        {NULL, NULL, VIT_OK, NULL},
    };
    json_t *vocabulary, *merges;
    read_clip(&vocabulary, &merges, FEW);
    check_refusals(clip_json(vocabulary, merges), OTHERS + FEW, refusals);
}

static json_t *load_json(const char *path)
{
    json_t *root = json_load_file(path, 0, NULL);
    cr_assert(root, "%s", path);
    return root;
}

Test(tokenizers, parts_that_are_not_siglip2s)
{
    static const struct refusal refusals[] = {
        {"model.byte_fallback", "false", NO, "neither CLIP's"},
        {"normalizer", "{\"type\": \"Lowercase\"}", NO, "lacks"},
        {"normalizer", "{\"type\": \"Prepend\", \"prepend\": \"_\"}", NO, "Prepend"},
        {"pre_tokenizer.behavior", "\"Removed\"", NO, "pre_tokenizer"},
        {"post_processor.single.1.SpecialToken.id", "\"<bos>\"", NO, "post_processor"},
        {"post_processor.single", "[]", NO, "post_processor"},
        {"padding", "{\"direction\": \"Left\", \"pad_id\": 0}", NO, "padding"},
        {"padding", "{\"direction\": \"Right\", \"pad_id\": 3}", NO, "padding"},
        {"model.vocab.<0xFF>", "", BAD, "<0xFF>"},
        {NULL, NULL, VIT_OK, NULL},
    };
    check_refusals(load_json(TOKENIZERS "siglip2/tokenizer.json"), SIGLIP2, refusals);
}

Test(tokenizers, parts_that_are_not_siglips)
{
    static const struct refusal refusals[] = {
        {"model.unk_id", "2000", NO, "unk_id"},
        {"model.unk_id", "", BAD, "unknown"},
        {"model.vocab.7", "[\"a\"]", BAD, "entry 7"},
        {"model.vocab.7", "[\"\", 1]", BAD, "without characters"},
        {"model.vocab.7", "[\"a\", 1e300]", BAD, "no number"},
        {"model.vocab.7", "[\"</s>\", 0]", BAD, "the same"},
        {"normalizer.precompiled_charsmap", "\"QUJD*\"", BAD, "base64"},
        {"normalizer.precompiled_charsmap", "\"QUJDRA==\"", BAD, "charsmap"},
        {"normalizer", "{\"type\": \"StripAccents\"}", NO, "StripAccents"},
        {"pre_tokenizer.pretokenizers.1.replacement", "\"_\"", NO, "Metaspace"},
        {"post_processor", "{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\"}}]}", NO,
         "post_"},
        {NULL, NULL, VIT_OK, NULL},
    };
    check_refusals(load_json(TOKENIZERS "siglip_json/tokenizer.json"), SIGLIP, refusals);
}

Test(tokenizers, a_vocabulary_that_is_larger_than_the_text_towers)
{
    size_t n;
    char *model = load(TOKENIZERS "siglip/spiece.model", &n);
    scratch_write(in_folder("spiece.model"), model, n);
    REFUSED(SIGLIP - 1, VIT_ERR_DECODE, "1999");
    free(model);
    empty_folder();
    char *packed = load(TOKENIZERS "clip/" SIMPLE, &n);
    scratch_write(in_folder(SIMPLE), packed, n);
    REFUSED(1 << 20, VIT_ERR_DECODE, "merges");
    REFUSED(100, VIT_ERR_DECODE, "vocabulary of 100");
    free(packed);
}

Test(tokenizers, older_forms_of_clip)
{
    write_text("merges.txt", "#version: 0.2\ni n\n");
    REFUSED(CLIP, VIT_ERR_DECODE, "merges.txt", "vocab.json");
    write_text("vocab.json", "{\"i\": 0}");
    write_text("merges.txt", "i n\n");
    REFUSED(CLIP, VIT_ERR_DECODE, "merges.txt", "#version");
    write_text("merges.txt", "#version: 0.2\n\xff\xfe \xff\n");
    REFUSED(CLIP, VIT_ERR_DECODE, "merges.txt", "UTF-8");
    write_text("merges.txt", "#version: 0.2\ni n\n");
    REFUSED(CLIP, VIT_ERR_DECODE, "merges.txt", "no token for", "a byte of a text");
}

Test(tokenizers, gzip_files_that_are_none_or_grow_without_end)
{
    write_text(SIMPLE, "#version: 0.2\ni n\n");
    REFUSED(CLIP, VIT_ERR_DECODE, SIMPLE, "gzip");
    gzFile file = gzopen(in_folder(SIMPLE), "wb");
    static char zeros[1 << 16];
    for (int i = 0; i < 64; i++)
        gzwrite(file, zeros, sizeof zeros);
    gzclose(file);
    REFUSED(CLIP, VIT_ERR_TOO_LARGE, SIMPLE, "16 times");
}

Test(tokenizers, protocol_buffers_that_are_none)
{
    static const struct {
        const char *bytes;
        size_t n;
        vit_status status;
        const char *word;
    } models[] = {
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, BAD, "cut off"}, /* a piece of 2^63 bytes */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, BAD, "cut off"},
        {"\x0a\x05\x0a\x09"
         "abc",
         7, BAD, "cut off"},
        {"\x0f", 1, BAD, "of no kind"},
        {"\x00\x00", 2, BAD, "of no kind"},
        {"\x08\x01", 2, BAD, "kind"},
        {"\x0a\x03\x0a\x01"
         "a",
         5, BAD, "</s>"},
        {"\x0a\x05\x0a\x01"
         "a\x18\x04",
         7, NO, "type 4"},
        {"\x0a\x05\x0a\x01"
         "a\x18\x63",
         7, NO, "type 0"},
        {"\x0a\x08\x0a\x01"
         "a\x15\x00\x00\xc0\x7f",
         10, BAD, "no number"},
        {"\x0a\x03\x0a\x01\xff", 5, BAD, "UTF-8"},
        {"\x12\x02\x18\x02", 4, NO, "model_type"},
        {"\x12\x03\xc0\x01\x01", 5, NO, "whitespace_as_suffix"},
        {"\x1a\x02\x18\x00", 4, NO, "add_dummy_prefix"},
        {"\x1a\x04\x12\x02\x41\x42", 6, BAD, "charsmap"},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        scratch_write(in_folder("spiece.model"), models[i].bytes, models[i].n);
        REFUSED(SIGLIP, models[i].status, "spiece.model", models[i].word);
    }
}

/* ---- Damage ---- */

static void use(const struct vit_tokenizer *t)
{
    static const char *const texts[] = {"", "a photo of a cat",
                                        "\u2460\uff21 \ufb01 \u00bd\u0301 e\u0301 \U0001f600 <|endoftext|>"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tokens got = tokenize(t, texts[i]);
        cr_assert(got.n > 0 && got.n <= 64);
    }
}

/* Opens what is in the folder, whatever it is, and uses it when that succeeds. */
static bool survives(int vocabulary, enum vit_cleaning cleaning)
{
    struct vit_tokenizer *t;
    struct vit_tokenizer_options options = {64, vocabulary, cleaning};
    if (vit_tokenizer_open(&t, folder, &options, &err) != VIT_OK)
        return false;
    use(t);
    vit_tokenizer_free(t);
    return true;
}

/* Cuts a file at many places, and changes some bytes at others. */
static void damage(const char *path, const char *name, int vocabulary, int times, size_t from)
{
    size_t n;
    int n_opened = 0;
    uint8_t *bytes = load(path, &n);
    uint32_t random = 7;
    for (int i = 0; i < times; i++) {
        scratch_write(in_folder(name), bytes, (size_t)i * n / (size_t)times);
        cr_expect_not(survives(vocabulary, VIT_CLEANED_AS_HF) && from == 0, "%s cut at %d of %d", path, i, times);
    }
    for (int i = 0; i < times; i++) {
        size_t places[4];
        uint8_t before[4];
        for (int j = 0; j < 4; j++) {
            random = random * 1664525 + 1013904223;
            places[j] = from + (random >> 4) % (n - from);
            before[j] = bytes[places[j]];
            bytes[places[j]] = (uint8_t)(random >> 8 & (i % 2 ? 0xff : 0x07)) ^ before[j];
        }
        scratch_write(in_folder(name), bytes, n);
        n_opened += survives(vocabulary, i % 3 ? VIT_CLEANED_AS_HF : VIT_CLEANED_AS_OPEN_CLIP);
        for (int j = 4; j-- > 0;)
            bytes[places[j]] = before[j];
    }
    cr_log_info("%s: %d of %d opened", path, n_opened, times);
    free(bytes);
    empty_folder();
}

Test(tokenizers, damaged_files)
{
    damage(TOKENIZERS "siglip2/tokenizer.json", "tokenizer.json", SIGLIP2, 100, 0);
    damage(TOKENIZERS "siglip_json/tokenizer.json", "tokenizer.json", SIGLIP, 60, 0);
    damage(TOKENIZERS "siglip_bytes/spiece.model", "spiece.model", SIGLIP_BYTES, 300, 1);
    damage(TOKENIZERS "siglip/spiece.model", "spiece.model", SIGLIP, 200, 1);
    damage(TOKENIZERS "clip/" SIMPLE, SIMPLE, CLIP, 10, 0);
}

/* A table of characters of nothing but one number, in a model that is sound otherwise. */
Test(tokenizers, tables_of_characters_that_lead_anywhere)
{
    static const uint32_t units[] = {0,          0xffffffff, 0x7fffffff, 0x161,     0x80000061,
                                     0x7fffff61, 0xfffffe61, 0x400,      0xffffff00};
    static char model[4096];
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        char *at = model;
        static const char pieces[] = "\x0a\x08\x0a\x04</s>\x18\x03\x0a\x09\x0a\x05<unk>\x18\x02\x0a\x03\x0a\x01"
                                     "a\x0a\x05\x0a\x03\xe2\x96\x81";
        at = (char *)memcpy(at, pieces, sizeof pieces - 1) + sizeof pieces - 1;
        const int n_units = 256, n = 4 + 4 * n_units + 4;
        int inner = n + 3;
        *at++ = 0x1a, *at++ = (char)(0x80 | (inner & 0x7f)), *at++ = (char)(inner >> 7);
        *at++ = 0x12, *at++ = (char)(0x80 | (n & 0x7f)), *at++ = (char)(n >> 7);
        uint32_t size = 4 * n_units;
        memcpy(at, &size, 4), at += 4;
        for (int i = 0; i < n_units; i++, at += 4)
            memcpy(at, &units[u], 4);
        memcpy(at, "x\0y", 4), at += 4;
        scratch_write(in_folder("spiece.model"), model, (size_t)(at - model));
        cr_expect(survives(10, VIT_CLEANED_AS_HF), "unit %08x: %s", units[u], err.message);
        cr_expect(survives(10, VIT_CLEANED_AS_OPEN_CLIP), "unit %08x: %s", units[u], err.message);
    }
}

/* A character of three bytes in UTF-8; valid until the second call from now. */
static const char *cjk(int i)
{
    static char texts[2][4];
    static int turn;
    char *at = texts[turn = !turn];
    int c = 0x4e00 + i;
    at[0] = (char)(0xe0 | c >> 12), at[1] = (char)(0x80 | (c >> 6 & 0x3f)), at[2] = (char)(0x80 | (c & 0x3f));
    return at;
}

/* Each character of a thousand merged with each. */
Test(tokenizers, a_million_merges)
{
    enum { N = 1000, FIRST_CHARACTER = 1000, FIRST_PAIR = FIRST_CHARACTER + N, V = FIRST_PAIR + N * N };
    FILE *file = fopen(in_folder("tokenizer.json"), "w");
    fputs("{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\u2581\"},"
          "\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"vocab\": {\"<pad>\": 0, \"<eos>\": 1",
          file);
    for (int i = 0; i < 256; i++)
        fprintf(file, ",\"<0x%02X>\":%d", i, 2 + i);
    for (int i = 0; i < N; i++)
        fprintf(file, ",\"%s\":%d", cjk(i), FIRST_CHARACTER + i);
    for (int i = 0; i < N * N; i++)
        fprintf(file, ",\"%s%s\":%d", cjk(i / N), cjk(i % N), FIRST_PAIR + i);
    fputs("}, \"merges\": [\"\u4e00 \u4e00\"", file);
    for (int i = 1; i < N * N; i++)
        fprintf(file, ",\"%s %s\"", cjk(i / N), cjk(i % N));
    fputs("]}}", file);
    cr_assert_eq(fclose(file), 0);
    struct vit_tokenizer *t = open_tokenizer(folder, 64, V, VIT_CLEANED_AS_HF);
    struct tokens got = tokenize(t, "\u4e00\u4e01\u4e02");
    cr_expect_eq(got.at[0], FIRST_PAIR + 1);
    cr_expect_eq(got.at[1], FIRST_CHARACTER + 2);
    vit_tokenizer_free(t);
}

/* ---- Texts ---- */

Test(tokenizers, texts_that_are_no_utf8)
{
    static const char *const texts[] = {"a \xff", "a \xc3", "a \xc0\x80", "a \xed\xa0\x80", "a \xf4\x90\x80\x80",
                                        "a \x80"};
    struct vit_tokenizer *t = open_tokenizer(TOKENIZERS "siglip2", 64, SIGLIP2, VIT_CLEANED_AS_HF);
    struct tokens got;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_eq(vit_tokenize(t, texts[i], got.at, &got.n, &got.cut, &err), VIT_ERR_DECODE);
        cr_expect(strstr(err.message, "UTF-8") && strstr(err.message, "byte 2"), "%s", err.message);
    }
    vit_tokenizer_free(t);
}

/* A megabyte without blanks, and a quarter of one of nothing but what takes some looking: the time is that of the
 * length. */
Test(tokenizers, long_texts)
{
    enum { LONG = 1 << 20, SHORTER = 1 << 18 };
    static const char *const units[] = {
        "a",    "ab",           " ",       "\n",     "<",          "&",  "&amp;",
        "amp;", "\u0301\u0323", "\u03a3.", "\u4e00", "\U0001f600", "'s", "<|endoftext|>",
        "1",    "&#12",         "</s>"};
    static const struct {
        const char *where;
        int vocabulary;
    } kinds[] = {{"clip", CLIP}, {"siglip", SIGLIP}, {"siglip2", SIGLIP2}};
    char *text = malloc(LONG + 1);
    for (int k = 0; k < 6; k++) {
        char where[64];
        snprintf(where, sizeof where, TOKENIZERS "%s", kinds[k / 2].where);
        struct vit_tokenizer *t = open_tokenizer(where, 64, kinds[k / 2].vocabulary, (enum vit_cleaning)(k % 2));
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            size_t n = strlen(units[u]), length = 0, most = u == 0 ? LONG : SHORTER;
            for (; length + n <= most; length += n)
                memcpy(text + length, units[u], n);
            text[length] = '\0';
            clock_t before = clock();
            tokenize(t, text);
            double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
            cr_expect_lt(seconds, 10, "%s, \"%s\" again and again: %.1f s", where, units[u], seconds);
        }
        vit_tokenizer_free(t);
    }
    free(text);
}
