/* zip.h: the members of a zip archive, checked, and their bytes. Private to weights/. */
#ifndef VIT_ZIP_H
#define VIT_ZIP_H

#include <pthread.h>
#include <zip.h>

#include "weights/containers/container.h"

struct vit_zip_member {
    const char *name; /* first, for struct vit_index; owned by the archive */
    int64_t size;
    bool deflated;
    void *inflated; /* all of a deflated member, once a part of it was read; else NULL */
};

/* Any thread may read: a reader holds the lock from its start to its finish, since libzip has one position. */
struct vit_zip {
    const struct vit_file *file;
    pthread_mutex_t lock;
    int64_t position;           /* where libzip reads next */
    struct vit_error io;        /* the reading error behind a failure of libzip, if its status is not VIT_OK */
    zip_error_t error;          /* the same as libzip sees it */
    zip_t *archive;
    int n_members;
    struct vit_zip_member *members; /* in the order of the central directory */
    struct vit_index by_name;
};

/* Opens the archive in file, which must outlive it. Refused: names that occur twice, encryption, methods other than
 * stored and deflated, sizes that cannot be true, members that share bytes, and deflated ones that together hold more
 * than VIT_LIMIT_EXPANSION times the file. */
vit_status vit_zip_open(struct vit_zip **zip, const struct vit_file *file, struct vit_error *err);
void vit_zip_close(struct vit_zip *zip); /* NULL is fine */

/* A member that is read from its begin on. */
struct vit_zip_reader {
    struct vit_zip *zip;
    struct vit_zip_member *member;
    zip_file_t *file;
    int64_t position;
    bool checked;
};

/* checked: reading up to the member's end compares its checksum; that of a deflated member is compared anyway. */
vit_status vit_zip_start(struct vit_zip_reader *reader, struct vit_zip *zip, int member, bool checked,
                         struct vit_error *err);
vit_status vit_zip_next(void *reader, void *dst, size_t n, struct vit_error *err); /* exactly n of a vit_zip_reader */
void vit_zip_finish(struct vit_zip_reader *reader); /* a zeroed reader is fine */

/* Reads n bytes at offset begin of a member, without its checksum where that takes time. A deflated member is inflated
 * once, however many parts of it are read. */
vit_status vit_zip_read_at(struct vit_zip *zip, int member, int64_t begin, void *dst, size_t n, struct vit_error *err);

#endif
