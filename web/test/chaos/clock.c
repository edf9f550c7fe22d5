// Puts the clock of a process ahead, or back: by whole seconds, which a file holds.
//
// Another process may change the file at any time. All other clocks stay, and durations are
// right. Debian's libfaketime does more than that: Redis does not start under it, and
// Python cannot sleep.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead; // none until the file is mapped

__attribute__((constructor)) static void map_file(void) {
  int file = open(getenv("CHAOS_CLOCK"), O_RDONLY);
  void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED)
    abort();
  ahead = mapped;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = syscall(SYS_clock_gettime, clock, now);
  if (!failed && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += *ahead;
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int failed = syscall(SYS_gettimeofday, now, zone);
  if (!failed && ahead)
    now->tv_sec += *ahead;
  return failed;
}

time_t time(time_t *now) {
  struct timespec found;
  clock_gettime(CLOCK_REALTIME, &found);
  if (now)
    *now = found.tv_sec;
  return found.tv_sec;
}
