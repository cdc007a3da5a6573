/* The persistent treap behind store_mem; see tree.h. Recursion is as deep as the tree, which for n
 * records is about 3 ln n: the priorities are hashes of keys, and the user of the twin is a test.
 */
#include "storage/tree.h"

#include <stdlib.h>

#include <xxhash.h>

#include "base/assert.h"

enum { PRIORITY_SEED = 0x7472 };

struct sw_tree {
    uint32_t refs;
    uint32_t priority; /* no child has a higher one */
    struct sw_tree *left;
    struct sw_tree *right;
    struct sw_tree_record *record; /* owned: one reference */
};

struct sw_tree_record *sw_tree_record_new(struct sw_span key, struct sw_span value, uint64_t seal)
{
    struct sw_tree_record *record = malloc(sizeof(*record) + key.size + value.size);

    SW_ASSERT(record != NULL);
    SW_ASSERT(key.size <= UINT32_MAX);
    record->refs = 1;
    record->key_size = (uint32_t)key.size;
    record->value_size = value.size;
    record->seal = seal;
    if (key.size > 0) {
        memcpy(record->bytes, key.data, key.size);
    }
    if (value.size > 0) {
        memcpy(record->bytes + key.size, value.data, value.size);
    }
    return record;
}

struct sw_tree_record *sw_tree_record_ref(struct sw_tree_record *record)
{
    if (record != NULL) {
        SW_ASSERT(record->refs > 0);
        record->refs++;
    }
    return record;
}

void sw_tree_record_unref(struct sw_tree_record *record)
{
    if (record == NULL) {
        return;
    }
    SW_ASSERT(record->refs > 0);
    record->refs--;
    if (record->refs == 0) {
        free(record);
    }
}

struct sw_tree *sw_tree_ref(struct sw_tree *root)
{
    if (root != NULL) {
        SW_ASSERT(root->refs > 0);
        root->refs++;
    }
    return root;
}

void sw_tree_unref(struct sw_tree *root)
{
    if (root == NULL) {
        return;
    }
    SW_ASSERT(root->refs > 0);
    root->refs--;
    if (root->refs == 0) {
        sw_tree_unref(root->left);
        sw_tree_unref(root->right);
        sw_tree_record_unref(root->record);
        free(root);
    }
}

static int compare(struct sw_span key, const struct sw_tree *node)
{
    return sw_span_compare(key, sw_tree_record_key(node->record));
}

struct sw_tree_record *sw_tree_find(const struct sw_tree *root, struct sw_span key)
{
    while (root != NULL) {
        const int order = compare(key, root);

        if (order == 0) {
            return root->record;
        }
        root = order < 0 ? root->left : root->right;
    }
    return NULL;
}

struct sw_tree_record *
sw_tree_seek(const struct sw_tree *root, struct sw_span key, enum sw_tree_mode mode)
{
    const bool up = mode == SW_TREE_GE || mode == SW_TREE_GT;
    const bool with_equal = mode == SW_TREE_GE || mode == SW_TREE_LE;
    struct sw_tree_record *best = NULL;

    while (root != NULL) {
        const int order = compare(key, root);

        if (order == 0 && with_equal) {
            return root->record;
        }
        if (up ? order < 0 : order > 0) {
            best = root->record;
            root = up ? root->left : root->right;
        } else {
            root = up ? root->right : root->left;
        }
    }
    return best;
}

struct sw_tree_record *sw_tree_edge(const struct sw_tree *root, bool last)
{
    const struct sw_tree *child = root;

    while (child != NULL) {
        root = child;
        child = last ? root->right : root->left;
    }
    return root == NULL ? NULL : root->record;
}

static struct sw_tree *node_new(struct sw_tree_record *record)
{
    struct sw_tree *node = malloc(sizeof(*node));
    const struct sw_span key = sw_tree_record_key(record);

    SW_ASSERT(node != NULL);
    *node = (struct sw_tree){
        .refs = 1,
        .priority = (uint32_t)XXH3_64bits_withSeed(key.data, key.size, PRIORITY_SEED),
        .record = sw_tree_record_ref(record),
    };
    return node;
}

/* Makes `*at` a node that no other version holds. Sound only on a path whose nodes above are owned
 * already: a count of one below a shared parent still is shared. */
static struct sw_tree *own(struct sw_tree **at)
{
    struct sw_tree *shared = *at;
    struct sw_tree *copy;

    SW_ASSERT(shared->refs > 0);
    if (shared->refs == 1) {
        return shared;
    }
    copy = malloc(sizeof(*copy));
    SW_ASSERT(copy != NULL);
    *copy = *shared;
    copy->refs = 1;
    (void)sw_tree_ref(copy->left);
    (void)sw_tree_ref(copy->right);
    (void)sw_tree_record_ref(copy->record);
    shared->refs--;
    *at = copy;
    return copy;
}

/* Lifts the left (or right) child of `*at` above it. Both are owned. */
static void rotate(struct sw_tree **at, bool left)
{
    struct sw_tree *parent = *at;
    struct sw_tree *child = left ? parent->left : parent->right;

    SW_ASSERT(child->refs == 1);
    SW_ASSERT(parent->refs == 1);
    if (left) {
        parent->left = child->right;
        child->right = parent;
    } else {
        parent->right = child->left;
        child->left = parent;
    }
    *at = child;
}

bool sw_tree_set(struct sw_tree **root, struct sw_tree_record *record)
{
    struct sw_tree **child;
    struct sw_tree *node;
    bool replaced;
    int order;

    if (*root == NULL) {
        *root = node_new(record);
        return false;
    }
    node = own(root);
    order = compare(sw_tree_record_key(record), node);
    if (order == 0) {
        (void)sw_tree_record_ref(record);
        sw_tree_record_unref(node->record);
        node->record = record;
        return true;
    }
    child = order < 0 ? &node->left : &node->right;
    replaced = sw_tree_set(child, record);
    if ((*child)->priority > node->priority) {
        rotate(root, order < 0);
    }
    return replaced;
}

/* One tree of two, all keys of `a` being below those of `b`; consumes both references. */
static struct sw_tree *merge(struct sw_tree *a, struct sw_tree *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    if (a->priority > b->priority) {
        (void)own(&a);
        a->right = merge(a->right, b);
        return a;
    }
    (void)own(&b);
    b->left = merge(a, b->left);
    return b;
}

bool sw_tree_delete(struct sw_tree **root, struct sw_span key)
{
    struct sw_tree *node;

    /* Look first, so that a miss copies nothing. */
    if (sw_tree_find(*root, key) == NULL) {
        return false;
    }
    node = own(root);
    while (compare(key, node) != 0) {
        root = compare(key, node) < 0 ? &node->left : &node->right;
        SW_ASSERT(*root != NULL);
        node = own(root);
    }
    *root = merge(node->left, node->right);
    node->left = NULL;
    node->right = NULL;
    sw_tree_unref(node);
    return true;
}

static bool validate(const struct sw_tree *node, struct sw_span *last, bool *has_last)
{
    const struct sw_span key =
        node == NULL ? sw_span_of(NULL, 0) : sw_tree_record_key(node->record);

    if (node == NULL) {
        return true;
    }
    if (node->refs == 0 || node->record->refs == 0 ||
        (node->left != NULL && node->left->priority > node->priority) ||
        (node->right != NULL && node->right->priority > node->priority)) {
        return false;
    }
    if (!validate(node->left, last, has_last) || (*has_last && sw_span_compare(*last, key) >= 0)) {
        return false;
    }
    *last = key;
    *has_last = true;
    return validate(node->right, last, has_last);
}

bool sw_tree_validate(const struct sw_tree *root)
{
    struct sw_span last = {0};
    bool has_last = false;

    return validate(root, &last, &has_last);
}
