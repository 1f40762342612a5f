# CSH_WARNINGS - each flag is probed; none is an error outside CI
# (--enable-werror).
AC_DEFUN([CSH_WARNINGS], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror],
    [treat warnings as errors])], [], [enable_werror=no])
  CSH_CFLAGS=
  for csh_flag in -Wall -Wextra -Wshadow -Wstrict-prototypes \
      -Wmissing-prototypes -Wvla -Wundef -Wformat=2 -Wthread-safety -fno-common; do
    CSH_TRY_FLAG([$csh_flag])
  done
  AS_IF([test "$enable_werror" = yes], [CSH_CFLAGS="$CSH_CFLAGS -Werror"])
  AC_SUBST([CSH_CFLAGS])
])

AC_DEFUN([CSH_TRY_FLAG], [
  csh_saved=$CFLAGS
  CFLAGS="$CFLAGS -Werror $1"
  AC_MSG_CHECKING([whether $CC accepts $1])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes]); CSH_CFLAGS="$CSH_CFLAGS $1"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$csh_saved
])

# CSH_SANITIZERS - --enable-sanitizers=address,undefined or thread; proved by
# a link. gcc's run time is a shared object that must come before the shim in
# LD_PRELOAD; clang's is inside the program.
AC_DEFUN([CSH_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers=LIST],
    [build everything with -fsanitize=LIST])], [], [enable_sanitizers=no])
  CSH_SANITIZER_PRELOAD=
  CSH_SANITIZE_LIST=
  CSH_SANITIZE_FLAGS=
  AS_IF([test "$enable_sanitizers" != no], [
    CSH_SANITIZE_LIST=$enable_sanitizers
    CSH_SANITIZE_FLAGS="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=undefined"
    CFLAGS="$CFLAGS $CSH_SANITIZE_FLAGS"
    LDFLAGS="$LDFLAGS -fsanitize=$enable_sanitizers"
    AC_MSG_CHECKING([whether $CC links with -fsanitize=$enable_sanitizers])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no])
       AC_MSG_ERROR([the sanitizer run time is missing: install libasan,
  libubsan or libtsan of $CC (Debian: gcc, or libclang-rt-dev for clang)])])
    AS_CASE([`$CC --version`], [*clang*], [],
      [AS_CASE([$enable_sanitizers],
        [*address*], [CSH_SANITIZER_PRELOAD=`$CC -print-file-name=libasan.so`],
        [*thread*], [CSH_SANITIZER_PRELOAD=`$CC -print-file-name=libtsan.so`],
        [*undefined*], [CSH_SANITIZER_PRELOAD=`$CC -print-file-name=libubsan.so`])])
  ])
  AM_CONDITIONAL([SANITIZED], [test -n "$CSH_SANITIZE_LIST"])
  AC_SUBST([CSH_SANITIZE_LIST])
  AC_SUBST([CSH_SANITIZE_FLAGS])
  AC_SUBST([CSH_SANITIZER_PRELOAD])
])

# CSH_DEBUG - lock ranks, "no lock across a driver call" and invariants.
AC_DEFUN([CSH_DEBUG], [
  AC_ARG_ENABLE([debug], [AS_HELP_STRING([--enable-debug],
    [check lock order and invariants at run time])], [], [enable_debug=no])
  CSH_DEBUG_CPPFLAGS=
  AS_IF([test "$enable_debug" = yes], [CSH_DEBUG_CPPFLAGS=-DCSH_DEBUG])
  AC_SUBST([CSH_DEBUG_CPPFLAGS])
])
