# CSH_UTHASH - header only, needed.
AC_DEFUN([CSH_UTHASH], [
  AC_CHECK_HEADER([uthash.h], [], [AC_MSG_ERROR([uthash.h is missing: install
  uthash (Debian: uthash-dev)])])
])

# CSH_CHECK - the unit tests' harness. Without it the shim still builds, and
# `make check` skips them, saying why.
AC_DEFUN([CSH_CHECK], [
  PKG_CHECK_MODULES([CHECK], [check >= 0.15], [CSH_HAVE_CHECK=yes],
    [CSH_HAVE_CHECK="no: install check (Debian: check)"
     AC_MSG_WARN([check is missing: make check will not run the unit tests;
  install it (Debian: check)])])
  AM_CONDITIONAL([HAVE_CHECK], [test "$CSH_HAVE_CHECK" = yes])
])

# CSH_JANSSON - reads the JSON header of safetensors files in the examples.
AC_DEFUN([CSH_JANSSON], [
  PKG_CHECK_MODULES([JANSSON], [jansson >= 2.10], [CSH_HAVE_JANSSON=yes],
    [CSH_HAVE_JANSSON="no: install jansson (Debian: libjansson-dev)"
     AC_MSG_WARN([jansson is missing: the examples are not built; install it
  (Debian: libjansson-dev)])])
  AM_CONDITIONAL([HAVE_JANSSON], [test "$CSH_HAVE_JANSSON" = yes])
])

# CSH_NCURSES - the terminal of `cushadow top`, which prints plain text without.
AC_DEFUN([CSH_NCURSES], [
  PKG_CHECK_MODULES([NCURSES], [ncursesw],
    [CSH_HAVE_NCURSES=yes
     NCURSES_CFLAGS="$NCURSES_CFLAGS -DCSH_HAVE_NCURSES=1"],
    [CSH_HAVE_NCURSES="plain text only: install ncursesw (Debian: libncurses-dev)"
     NCURSES_CFLAGS= NCURSES_LIBS=
     AC_MSG_WARN([ncursesw is missing: cushadow top prints plain text only;
  install it (Debian: libncurses-dev)])])
])
