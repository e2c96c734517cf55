#include "sha256.h"

#include <string.h>

static const uint32_t ROUNDS[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, unsigned bits) {
    return (word >> bits) | (word << (32 - bits));
}

static void expand(const uint8_t *block, uint32_t words[64]) {
    for (unsigned index = 0; index < 16; index++, block += 4) {
        words[index] = ((uint32_t)block[0] << 24) | ((uint32_t)block[1] << 16) | ((uint32_t)block[2] << 8) | block[3];
    }
    for (unsigned index = 16; index < 64; index++) {
        const uint32_t before = words[index - 15];
        const uint32_t last = words[index - 2];
        const uint32_t low = rotate(before, 7) ^ rotate(before, 18) ^ (before >> 3);
        const uint32_t high = rotate(last, 17) ^ rotate(last, 19) ^ (last >> 10);
        words[index] = words[index - 16] + low + words[index - 7] + high;
    }
}

static void compress(uint32_t state[8], const uint8_t *block) {
    uint32_t words[64];
    uint32_t v[8];
    expand(block, words);
    memcpy(v, state, sizeof v);
    for (unsigned index = 0; index < 64; index++) {
        const uint32_t high = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        const uint32_t first = v[7] + high + choice + ROUNDS[index] + words[index];
        const uint32_t low = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        const uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += first;
        v[0] = first + low + majority;
    }
    for (unsigned index = 0; index < 8; index++) state[index] += v[index];
}

void sha256_begin(struct sha256 *hash) {
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memset(hash, 0, sizeof *hash);
    memcpy(hash->state, start, sizeof start);
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    size_t filled = hash->length % SHA256_BLOCK_BYTES;
    hash->length += length;
    while (length > 0) {
        if (filled == 0 && length >= SHA256_BLOCK_BYTES) {
            compress(hash->state, at);
            at += SHA256_BLOCK_BYTES;
            length -= SHA256_BLOCK_BYTES;
            continue;
        }
        const size_t room = SHA256_BLOCK_BYTES - filled;
        const size_t taken = length < room ? length : room;
        memcpy(hash->block + filled, at, taken);
        at += taken;
        length -= taken;
        filled += taken;
        if (filled < SHA256_BLOCK_BYTES) break;
        compress(hash->state, hash->block);
        filled = 0;
    }
}

void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_BYTES]) {
    static const uint8_t padding[SHA256_BLOCK_BYTES] = {0x80};
    const uint64_t bits = hash->length * 8;
    uint8_t length[8];
    for (unsigned index = 0; index < sizeof length; index++) length[index] = (uint8_t)(bits >> (8 * (7 - index)));
    const size_t filled = hash->length % SHA256_BLOCK_BYTES;
    sha256_add(hash, padding, filled < 56 ? 56 - filled : 120 - filled);
    sha256_add(hash, length, sizeof length);
    for (unsigned index = 0; index < SHA256_BYTES; index++) digest[index] = (uint8_t)(hash->state[index / 4] >> (8 * (3 - index % 4)));
}
