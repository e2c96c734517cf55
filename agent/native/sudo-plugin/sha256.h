// SHA-256 (FIPS 180-4), as sudo's process has no cryptographic library loaded and should not for this.
#ifndef BELAY_SHA256_H
#define BELAY_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_BLOCK_BYTES = 64 };

struct sha256 {
    uint32_t state[8];
    uint64_t length; // bytes so far
    uint8_t block[SHA256_BLOCK_BYTES];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t length);
// `hash` is used up.
void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_BYTES]);

#endif
