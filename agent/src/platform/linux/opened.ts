import { loadLibrary } from './libc.ts';

const library = loadLibrary();
const inotifyInit = library.func('int inotify_init1(int)');
const inotifyAdd = library.func('int inotify_add_watch(int, const char *, unsigned int)');
const fcntl = library.func('int fcntl(int, int, long)');
const read = library.func('long read(int, void *, size_t)');
const close = library.func('int close(int)');

/** asm-generic/fcntl.h, linux/inotify.h: O_NONBLOCK is IN_NONBLOCK too, and O_CLOEXEC is IN_CLOEXEC. */
const O_NONBLOCK = 0o4000;
const O_ASYNC = 0o20000;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const F_SETOWN = 8;
/** Besides opening: whatever may have put another file behind the name. IN_OPEN, IN_ATTRIB, IN_MOVE_SELF, IN_DELETE_SELF. */
const EVENTS = 0x20 | 0x4 | 0x800 | 0x400;

/** After one telling, for so long there is none. */
const QUIET_MS = 8;
/** A file that was not there, or that another has replaced unseen. */
const LOOK_AGAIN_MS = 60_000;
/** The kernel puts like events behind each other into one: there are few. */
const MOST_READS = 16;

/**
 * Tells that one of the files has been opened, as the kernel does when it starts a program; at once, and then for some milliseconds not
 * again. Anybody who may read the files can bring it about, so it is a hint and its cost is bounded.
 *
 * The kernel tells by SIGIO, which libuv takes to the event loop: a thread that waits in a read would be one of libuv's few.
 */
export function whenOpened(files: readonly string[], told: () => void): { close(): void } {
  const fd = inotifyInit(O_NONBLOCK | O_CLOEXEC) as number;
  let isOpen = fd >= 0;
  let quiet: NodeJS.Timeout | undefined;
  const events = Buffer.alloc(4096);
  const drain = (): void => {
    for (let reads = 0; reads < MOST_READS && Number(read(fd, events, events.length)) > 0; reads++);
  };
  const listen = (isListening: boolean): void => void fcntl(fd, F_SETFL, isListening ? O_NONBLOCK | O_ASYNC : O_NONBLOCK);
  const watch = (): void => files.forEach((file) => void inotifyAdd(fd, file, EVENTS));
  function tell(): void {
    if (!isOpen || quiet !== undefined) return;
    listen(false);
    quiet = setTimeout(() => {
      quiet = undefined;
      listen(true);
      drain();
      watch();
    }, QUIET_MS).unref();
    told();
  }
  const looking = setInterval(watch, LOOK_AGAIN_MS).unref();
  if (isOpen) {
    hear(tell);
    fcntl(fd, F_SETOWN, process.pid);
    watch();
    listen(true);
  }
  return {
    close() {
      clearTimeout(quiet);
      clearInterval(looking);
      listeners.delete(tell);
      if (isOpen) close(fd);
      isOpen = false;
    },
  };
}

const listeners = new Set<() => void>();
let hears = false;

/** For good: by itself the signal ends the process, and one may be under way when the watching ends. */
function hear(tell: () => void): void {
  listeners.add(tell);
  if (hears) return;
  hears = true;
  process.on('SIGIO', () => {
    for (const each of listeners) each();
  });
}
