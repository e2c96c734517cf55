// await-file PATH
//
// Ends once there is such a file. It looks each millisecond and sleeps in between: what makes the file shall have the machine.
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    if (argc != 2) return 2;
    while (access(argv[1], F_OK) != 0) nanosleep(&pause, NULL);
    return 0;
}
