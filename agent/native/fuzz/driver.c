// Drives the libFuzzer target where there is no clang: seeds from files, mutated by a fixed pseudo-random sequence, so that every
// run tries the same. Coverage-guided runs are `make fuzz`.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT = 4096, MAX_SEEDS = 64 };

struct seed {
    uint8_t bytes[MAX_INPUT];
    size_t length;
};

static struct seed seeds[MAX_SEEDS];
static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t random_below(uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}

static void mutate(struct seed *input) {
    const size_t at = (size_t)random_below(input->length + 1);
    switch (random_below(5)) {
    case 0: // another byte
        if (at < input->length) input->bytes[at] = (uint8_t)random_below(256);
        break;
    case 1: // a flipped bit
        if (at < input->length) input->bytes[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 2: // cut short
        input->length = at;
        break;
    case 3: // one byte more
        if (input->length < MAX_INPUT) {
            memmove(input->bytes + at + 1, input->bytes + at, input->length - at);
            input->bytes[at] = (uint8_t)random_below(256);
            input->length++;
        }
        break;
    default: // a piece twice
        if (input->length * 2 <= MAX_INPUT) {
            memmove(input->bytes + input->length, input->bytes + at, input->length - at);
            input->length += input->length - at;
        }
        break;
    }
}

static void try_exactly(const struct seed *input) {
    // On the heap and exactly as long, so that a sanitizer sees one byte too many.
    uint8_t *bytes = malloc(input->length + (input->length == 0));
    if (bytes == NULL) abort();
    memcpy(bytes, input->bytes, input->length);
    LLVMFuzzerTestOneInput(bytes, input->length);
    free(bytes);
}

int main(int argc, char *argv[]) {
    const unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    size_t count = 0;
    for (int index = 2; index < argc && count < MAX_SEEDS; index++) {
        FILE *file = fopen(argv[index], "rb");
        if (file == NULL) return 1;
        seeds[count].length = fread(seeds[count].bytes, 1, MAX_INPUT, file);
        count++;
        fclose(file);
    }
    if (count == 0 || runs == 0) return 1;
    for (unsigned long run = 0; run < runs; run++) {
        struct seed input = seeds[random_below(count)];
        for (uint64_t steps = 1 + random_below(6); steps > 0; steps--) mutate(&input);
        try_exactly(&input);
    }
    printf("%lu runs\n", runs);
    return 0;
}
