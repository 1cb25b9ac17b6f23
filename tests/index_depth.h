/* How deep an index is: what a look-up costs. Include it after the implementation of asm_json.h. */
#ifndef TESTS_INDEX_DEPTH_H
#define TESTS_INDEX_DEPTH_H

/* How many links there are from the root to the leaf of `item`. */
static inline unsigned index_depth(const asm__index *index, const asm__indexed *item) {
    const asm__indexed *at = index->roots ? index->roots[(size_t)item->hash & index->mask] : index->root;
    unsigned depth = 0;
    for (uint64_t above = 0; at->bit > above; depth++) {
        above = at->bit;
        at = at->child[asm__index_bit(item->scope, item->text, item->hash, above - 1)];
    }
    assert_ptr_equal(at, item);
    return depth;
}

#endif
