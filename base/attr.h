#ifndef BASE_ATTR_H
#define BASE_ATTR_H

// The GNU attributes that xlens relies on, under short names.

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))

// A sanitizer's checks in every copy would take minutes to compile.
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#    define ALWAYS_INLINE inline
#else
#    define ALWAYS_INLINE inline __attribute__((always_inline))
#endif

#endif
