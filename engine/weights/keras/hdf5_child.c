#include "engine/weights/keras/hdf5_child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// A block is as large as the file but for compressed arrays and half floats. The reader
// itself takes little beside it.
#define BLOCK_BASE ((size_t)64 << 20)
#define BLOCK_MAX  ((size_t)1 << 31)
#define READER_OWN ((size_t)256 << 20)
enum {
    EXPANSION = 8,
    CPU_SECONDS = 5,
    BYTES_A_SECOND = 8 << 20,
    WALL = 20,
    BLOCK_FD = 3
};

struct h5_limits h5_limits_for(size_t len)
{
    unsigned seconds = CPU_SECONDS + (unsigned)(len / BYTES_A_SECOND);
    size_t block = len > BLOCK_MAX / EXPANSION ? BLOCK_MAX : BLOCK_BASE + len * EXPANSION;
    return (struct h5_limits){block, block + READER_OWN, seconds, seconds * WALL};
}

static void set_limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit now;
    if (getrlimit(resource, &now) != 0)
        return;
    now.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
    now.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max;
    (void)setrlimit(resource, &now);
}

// What is mapped already, which the limit of address space counts as well.
static size_t mapped_bytes(void)
{
    char text[64];
    size_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
    for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
        pages = pages * 10 + (size_t)(text[i] - '0');
    if (fd >= 0)
        close(fd);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

// The process keeps one descriptor, the block's, and nothing of what this program does on
// a signal. Those that people and terminals send stay blocked: the parent, with which it
// dies, answers to them. Faults stop it all the same.
static void settle(int fd, const struct h5_limits *limits)
{
    sigset_t open_set;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL);
    int block = fcntl(fd, F_DUPFD, BLOCK_FD);
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < BLOCK_FD; i++)
        (void)dup2(null, i);
    (void)dup2(block, BLOCK_FD);
    (void)close_range(BLOCK_FD + 1, ~0U, 0);
    set_limit(RLIMIT_CORE, 0, 0);
    set_limit(RLIMIT_CPU, limits->cpu_seconds, limits->cpu_seconds + 1);
    set_limit(RLIMIT_AS, mapped_bytes() + limits->memory, RLIM_INFINITY);
    (void)alarm(limits->wall_seconds);
    (void)sigemptyset(&open_set);
    (void)sigaddset(&open_set, SIGALRM);
    (void)sigaddset(&open_set, SIGXCPU);
    (void)pthread_sigmask(SIG_UNBLOCK, &open_set, NULL);
}

// Other threads may hold any lock at the fork. The process needs the allocator's only,
// which the C library hands over in order; libhdf5 is used nowhere else in the program,
// so its state is that of a library never called. It leaves without running what was to
// be run at exit.
static pid_t start(h5_read_fn *read, const struct file_bytes *image,
                   const struct h5_limits *limits, int fd)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        settle(fd, limits);
        _exit((int)read(image, BLOCK_FD, limits->block));
    }
    int error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

// Where children are not to be waited for (SIGCHLD ignored) the block has to speak for
// itself: its first bytes are written last.
static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return status;
}

static enum err_code judge(int status, const struct file_bytes *image, size_t block,
                           const char *path, struct err *e)
{
    if (WIFSIGNALED(status))
        return err_set(e, ERR_FORMAT,
                       "%s: damaged HDF5 file (the reader stopped with signal %d)", path,
                       WTERMSIG(status));
    switch (WEXITSTATUS(status)) {
    case H5_READ:
        return ERR_OK;
    case H5_NOT_OPENED:
        return err_set(e, ERR_FORMAT, "%s: damaged HDF5 file of %zu bytes, or cut short",
                       path, image->len);
    case H5_TOO_LARGE:
        return err_set(e, ERR_LIMIT,
                       "%s: HDF5 file of %zu bytes with too many objects in it, or more "
                       "than %zu bytes of arrays",
                       path, image->len, block);
    case H5_NO_MEMORY:
        return err_set(e, ERR_NOMEM, "%s: no memory for its arrays", path);
    default:
        return err_set(e, ERR_FORMAT,
                       "%s: damaged HDF5 file (the reader stopped with status %d)", path,
                       WEXITSTATUS(status));
    }
}

static enum err_code map_block(int fd, const char *path, struct file_bytes *block,
                               struct err *e)
{
    struct stat info;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0 ||
        fstat(fd, &info) != 0 || info.st_size <= 0)
        return err_set(e, ERR_FORMAT, "%s: damaged HDF5 file (the reader left nothing)",
                       path);
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return err_set(e, ERR_NOMEM, "%s: no memory to map %lld bytes", path,
                       (long long)info.st_size);
    *block = (struct file_bytes){data, (size_t)info.st_size, true};
    return ERR_OK;
}

enum err_code h5_child_read(h5_read_fn *read, const struct file_bytes *image,
                            const struct h5_limits *limits, const char *path,
                            struct file_bytes *block, struct err *e)
{
    int fd = memfd_create("hdf5", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    pid_t pid = fd < 0 ? -1 : start(read, image, limits, fd);
    enum err_code rc;
    if (pid < 0)
        TRY(err_set_errno(e, errno, path, "cannot start its reader"));
    TRY(judge(wait_for(pid), image, limits->block, path, e));
    rc = map_block(fd, path, block, e);
out:
    if (fd >= 0)
        close(fd);
    return rc;
}
