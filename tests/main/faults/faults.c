/*
 * Faults in the file system, for one process: a library that is loaded before libc (LD_PRELOAD).
 * It counts the calls that concern files below one folder, and lets one of them fail, or kills the
 * process there. `faults.rs` compiles it and says what each test wants of it.
 *
 *   FAULTS_BELOW  the folder, without links in its path
 *   FAULTS_AT     KIND:NAME:N   the N-th call of this kind for this file; NAME is relative to the
 *                               folder
 *   FAULTS_DOES   ENOSPC, EIO   the call fails with this error
 *                 short         a write or read does half of its bytes and says so
 *                 torn          a write does half of its bytes, and the process is killed
 *                 kill, power   the process is killed before the call
 *                 full          from this call on there is no room: what needs some fails (ENOSPC)
 *                 dead          from this call on every call fails (EIO)
 *   FAULTS_THEN   after an error (ENOSPC, EIO): the process is killed before the N-th call that follows
 *   FAULTS_LOG    a file: a line `KIND NAME` for each call that is counted, and `! KIND NAME` where
 *                 a fault was done
 *   FAULTS_DISK   a folder: what a disk would have after a power cut, where each write that was not
 *                 followed by an fsync is lost. `ino-N` is a file as it was last synced, `dir-N` the
 *                 names of a folder as they were last synced.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(&name##_is, #name))
#define WRAP(name) static void *name##_is

static void *real(void **is, const char *name)
{
    if (!*is)
        *is = dlsym(RTLD_NEXT, name);
    return *is;
}

static char below[PATH_MAX], at_kind[32], at_name[NAME_MAX], does[16];
static size_t below_length;
static long at_number, counted, then, followed;
static int full, dead, log_to = -1;
static const char *disk;

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("FAULTS_BELOW");
    if (!folder || strlen(folder) >= sizeof below)
        return;
    strcpy(below, folder);
    below_length = strlen(below);
    const char *at = getenv("FAULTS_AT");
    if (at && sscanf(at, "%31[^:]:%254[^:]:%ld", at_kind, at_name, &at_number) != 3)
        abort();
    const char *what = getenv("FAULTS_DOES");
    snprintf(does, sizeof does, "%s", what ? what : "");
    disk = getenv("FAULTS_DISK");
    const char *number = getenv("FAULTS_THEN");
    then = number ? atol(number) : 0;
    const char *log = getenv("FAULTS_LOG");
    if (log)
        log_to = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The name below the folder; NULL for what is elsewhere. Names that are made up at random are
 * made the same. */
static const char *name_of(const char *path, char *name)
{
    if (!below_length || strncmp(path, below, below_length))
        return NULL;
    if (!path[below_length])
        return strcpy(name, ".");
    if (path[below_length] != '/')
        return NULL;
    const char *rest = path + below_length + 1;
    while (rest[0] == '.' && rest[1] == '/')
        rest += 2;
    snprintf(name, PATH_MAX, "%s", rest);
    char *deleted = strstr(name, " (deleted)");
    if (deleted)
        *deleted = 0;
    char *made = strstr(name, "/rostersync-");
    if (!strncmp(name, "tmp/", 4) && made) {
        char *after = strchr(made + 1, '/');
        memmove(made + 1, after ? after + 1 : "scratch", strlen(after ? after + 1 : "scratch") + 1);
    }
    char *last = strrchr(name, '/');
    last = last ? last + 1 : name;
    if (!strncmp(last, "etilqs_", 7) || !strncmp(last, ".tmp", 4))
        strcpy(last, "temporary");
    return name;
}

static int whole(int folder, const char *path, char *found)
{
    if (path[0] == '/')
        return snprintf(found, PATH_MAX, "%s", path) < PATH_MAX;
    char base[PATH_MAX];
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base))
            return 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0)
            return 0;
        base[length] = 0;
    }
    return snprintf(found, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static const char *of_path(int folder, const char *path, char *name)
{
    char found[PATH_MAX];
    return below_length && whole(folder, path, found) ? name_of(found, name) : NULL;
}

static const char *of_file(int file, char *name)
{
    if (!below_length || file <= 2)
        return NULL;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = 0;
    return name_of(path, name);
}

static void note(const char *mark, const char *kind, const char *name)
{
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s%s %s\n", mark, kind, name);
    if (log_to >= 0)
        syscall(SYS_write, log_to, line, (size_t)length);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

enum { GOES_ON, FAILS, HALF, TORN };

/* What happens to this call. `room`: it needs room on the disk. */
static int fate(const char *kind, const char *name, int room)
{
    if (!name)
        return GOES_ON;
    note("", kind, name);
    if (then && counted >= at_number && at_number && __atomic_add_fetch(&followed, 1, __ATOMIC_SEQ_CST) == then)
        die();
    if (!full && !dead && !strcmp(at_kind, kind) && !strcmp(at_name, name)
        && __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST) == at_number) {
        note("! ", kind, name);
        if (!strcmp(does, "kill") || !strcmp(does, "power"))
            die();
        if (!strcmp(does, "short"))
            return HALF;
        if (!strcmp(does, "torn"))
            return TORN;
        full = !strcmp(does, "full");
        dead = !strcmp(does, "dead");
        if (!full && !dead) {
            errno = strcmp(does, "ENOSPC") ? EIO : ENOSPC;
            return FAILS;
        }
    }
    if (!dead && !(full && room))
        return GOES_ON;
    errno = dead ? EIO : ENOSPC;
    return FAILS;
}

/* ---- What a disk would have ---- */

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    int in = (int)syscall(SYS_openat, AT_FDCWD, from, O_RDONLY | O_CLOEXEC);
    int out = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t length;
    while (in >= 0 && out >= 0 && (length = syscall(SYS_read, in, bytes, sizeof bytes)) > 0)
        syscall(SYS_write, out, bytes, (size_t)length);
    if (in >= 0)
        syscall(SYS_close, in);
    if (out >= 0)
        syscall(SYS_close, out);
}

static void keep(const char *path, int again)
{
    struct stat found;
    char to[PATH_MAX];
    if (!disk || stat(path, &found) || !S_ISREG(found.st_mode))
        return;
    snprintf(to, sizeof to, "%s/ino-%lu", disk, (unsigned long)found.st_ino);
    if (again || access(to, F_OK))
        copy_file(path, to);
}

WRAP(opendir);

/* The names of a folder as they are now: `INO NAME`, a line each. */
static void keep_names(const char *path, int again)
{
    struct stat found;
    char to[PATH_MAX], line[PATH_MAX];
    if (!disk || stat(path, &found) || !S_ISDIR(found.st_mode))
        return;
    snprintf(to, sizeof to, "%s/dir-%lu", disk, (unsigned long)found.st_ino);
    if (!again && !access(to, F_OK))
        return;
    DIR *folder = REAL(opendir)(path);
    int out = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct dirent *entry;
    while (folder && out >= 0 && (entry = readdir(folder))) {
        int length = snprintf(line, sizeof line, "%lu %s\n", (unsigned long)entry->d_ino, entry->d_name);
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            syscall(SYS_write, out, line, (size_t)length);
    }
    if (folder)
        closedir(folder);
    if (out >= 0)
        syscall(SYS_close, out);
}

/* Before the names of a folder change for the first time: what the disk has of them. */
static void before_change(int folder, const char *path)
{
    char found[PATH_MAX];
    if (!disk || !whole(folder, path, found) || strncmp(found, below, below_length))
        return;
    keep(found, 0);
    char *last = strrchr(found, '/');
    if (last)
        *last = 0;
    keep_names(found, 0);
}

static void synced(int file)
{
    char link[64], path[PATH_MAX], to[PATH_MAX];
    struct stat found;
    if (!disk || fstat(file, &found))
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (S_ISREG(found.st_mode)) {
        snprintf(to, sizeof to, "%s/ino-%lu", disk, (unsigned long)found.st_ino);
        copy_file(link, to);
        return;
    }
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
        keep_names(path, 1);
    }
}

/* ---- The calls ---- */

#define OPEN(symbol, folder, flags_mode, call)                                                        \
    {                                                                                                 \
        mode_t mode = 0;                                                                              \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                          \
            va_list rest;                                                                             \
            va_start(rest, flags);                                                                    \
            mode = va_arg(rest, mode_t);                                                              \
            va_end(rest);                                                                             \
        }                                                                                             \
        char name[PATH_MAX];                                                                          \
        const char *known = of_path(folder, path, name);                                              \
        int is_new = known && (flags & O_CREAT) && faccessat(folder, path, F_OK, 0);                  \
        if (fate("open", known, is_new) == FAILS)                                                     \
            return -1;                                                                                \
        if (known && (flags & (O_WRONLY | O_RDWR | O_CREAT)))                                         \
            before_change(folder, path);                                                              \
        return call;                                                                                  \
    }

WRAP(open);
int open(const char *path, int flags, ...)
OPEN(open, AT_FDCWD, flags, REAL(open)(path, flags, mode))
WRAP(open64);
int open64(const char *path, int flags, ...)
OPEN(open64, AT_FDCWD, flags, REAL(open64)(path, flags, mode))
WRAP(openat);
int openat(int folder, const char *path, int flags, ...)
OPEN(openat, folder, flags, REAL(openat)(folder, path, flags, mode))
WRAP(openat64);
int openat64(int folder, const char *path, int flags, ...)
OPEN(openat64, folder, flags, REAL(openat64)(folder, path, flags, mode))

DIR *opendir(const char *path)
{
    char name[PATH_MAX];
    if (fate("open", of_path(AT_FDCWD, path, name), 0) == FAILS)
        return NULL;
    return REAL(opendir)(path);
}

#define IO(symbol, kind, room, parameters, arguments, halved)                                         \
    WRAP(symbol);                                                                                     \
    ssize_t symbol parameters                                                                         \
    {                                                                                                 \
        char name[PATH_MAX];                                                                          \
        ssize_t done;                                                                                 \
        switch (fate(kind, of_file(file, name), room)) {                                              \
        case FAILS:                                                                                   \
            return -1;                                                                                \
        case HALF:                                                                                    \
            return REAL(symbol) halved;                                                               \
        case TORN:                                                                                    \
            done = REAL(symbol) halved;                                                               \
            die();                                                                                    \
            return done;                                                                              \
        }                                                                                             \
        return REAL(symbol) arguments;                                                                \
    }

#define HALVED (size + 1) / 2
IO(write, "write", 1, (int file, const void *bytes, size_t size), (file, bytes, size), (file, bytes, HALVED))
IO(pwrite, "write", 1, (int file, const void *bytes, size_t size, off_t where), (file, bytes, size, where),
   (file, bytes, HALVED, where))
IO(pwrite64, "write", 1, (int file, const void *bytes, size_t size, off64_t where),
   (file, bytes, size, where), (file, bytes, HALVED, where))
IO(writev, "write", 1, (int file, const struct iovec *parts, int count), (file, parts, count),
   (file, parts, (count + 1) / 2))
IO(read, "read", 0, (int file, void *bytes, size_t size), (file, bytes, size), (file, bytes, HALVED))
IO(pread, "read", 0, (int file, void *bytes, size_t size, off_t where), (file, bytes, size, where),
   (file, bytes, HALVED, where))
IO(pread64, "read", 0, (int file, void *bytes, size_t size, off64_t where), (file, bytes, size, where),
   (file, bytes, HALVED, where))
IO(copy_file_range, "write", 1,
   (int from, off64_t *from_where, int file, off64_t *where, size_t size, unsigned flags),
   (from, from_where, file, where, size, flags), (from, from_where, file, where, HALVED, flags))
IO(sendfile64, "write", 1, (int file, int from, off64_t *where, size_t size), (file, from, where, size),
   (file, from, where, HALVED))

#define SYNC(symbol)                                                                                  \
    WRAP(symbol);                                                                                     \
    int symbol(int file)                                                                              \
    {                                                                                                 \
        char name[PATH_MAX];                                                                          \
        const char *known = of_file(file, name);                                                      \
        if (fate("sync", known, 0) == FAILS)                                                          \
            return -1;                                                                                \
        if (known)                                                                                    \
            synced(file);                                                                             \
        return REAL(symbol)(file);                                                                    \
    }
SYNC(fsync)
SYNC(fdatasync)

WRAP(close);
int close(int file)
{
    char name[PATH_MAX];
    int fails = fate("close", of_file(file, name), 0) == FAILS;
    int done = REAL(close)(file);
    if (fails) {
        errno = EIO;
        return -1;
    }
    return done;
}

WRAP(ftruncate);
int ftruncate(int file, off_t size)
{
    char name[PATH_MAX];
    return fate("truncate", of_file(file, name), 0) == FAILS ? -1 : REAL(ftruncate)(file, size);
}
WRAP(ftruncate64);
int ftruncate64(int file, off64_t size)
{
    char name[PATH_MAX];
    return fate("truncate", of_file(file, name), 0) == FAILS ? -1 : REAL(ftruncate64)(file, size);
}

WRAP(rename);
int rename(const char *from, const char *to)
{
    char name[PATH_MAX];
    if (fate("rename", of_path(AT_FDCWD, to, name), 0) == FAILS)
        return -1;
    before_change(AT_FDCWD, from);
    before_change(AT_FDCWD, to);
    return REAL(rename)(from, to);
}
WRAP(renameat);
int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    char name[PATH_MAX];
    if (fate("rename", of_path(to_folder, to, name), 0) == FAILS)
        return -1;
    before_change(from_folder, from);
    before_change(to_folder, to);
    return REAL(renameat)(from_folder, from, to_folder, to);
}

WRAP(unlink);
int unlink(const char *path)
{
    char name[PATH_MAX];
    if (fate("unlink", of_path(AT_FDCWD, path, name), 0) == FAILS)
        return -1;
    before_change(AT_FDCWD, path);
    return REAL(unlink)(path);
}
WRAP(unlinkat);
int unlinkat(int folder, const char *path, int flags)
{
    char name[PATH_MAX];
    if (fate("unlink", of_path(folder, path, name), 0) == FAILS)
        return -1;
    before_change(folder, path);
    return REAL(unlinkat)(folder, path, flags);
}
WRAP(rmdir);
int rmdir(const char *path)
{
    char name[PATH_MAX];
    return fate("unlink", of_path(AT_FDCWD, path, name), 0) == FAILS ? -1 : REAL(rmdir)(path);
}

WRAP(mkdir);
int mkdir(const char *path, mode_t mode)
{
    char name[PATH_MAX];
    if (fate("mkdir", of_path(AT_FDCWD, path, name), 1) == FAILS)
        return -1;
    before_change(AT_FDCWD, path);
    return REAL(mkdir)(path, mode);
}

WRAP(link);
int link(const char *from, const char *to)
{
    char name[PATH_MAX];
    if (fate("link", of_path(AT_FDCWD, to, name), 1) == FAILS)
        return -1;
    before_change(AT_FDCWD, to);
    return REAL(link)(from, to);
}
WRAP(linkat);
int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    char name[PATH_MAX];
    if (fate("link", of_path(to_folder, to, name), 1) == FAILS)
        return -1;
    before_change(to_folder, to);
    return REAL(linkat)(from_folder, from, to_folder, to, flags);
}

WRAP(chmod);
int chmod(const char *path, mode_t mode)
{
    char name[PATH_MAX];
    return fate("chmod", of_path(AT_FDCWD, path, name), 0) == FAILS ? -1 : REAL(chmod)(path, mode);
}
