# CSH_CUDA - the toolkit's headers; no library of it is linked.
# Looks at --with-cuda=DIR, then CUDA_HOME, /usr/local/cuda and /usr. A place
# that was named and has no headers is an error, never silently replaced.
AC_DEFUN([CSH_CUDA], [
  AC_ARG_WITH([cuda], [AS_HELP_STRING([--with-cuda=DIR],
    [CUDA toolkit whose include/cuda.h is used @<:@CUDA_HOME,
     /usr/local/cuda, /usr@:>@])], [], [with_cuda=guess])
  AS_CASE([$with_cuda],
    [no], [AC_MSG_ERROR([the CUDA headers cannot be left out])],
    [yes|guess], [csh_places="$CUDA_HOME /usr/local/cuda /usr"],
    [csh_places="$with_cuda"])
  AC_MSG_CHECKING([for cuda.h and cudaTypedefs.h])
  CSH_CUDA_DIR=
  for csh_place in $csh_places; do
    AS_IF([test -z "$CSH_CUDA_DIR" && test -r "$csh_place/include/cuda.h" &&
           test -r "$csh_place/include/cudaTypedefs.h"],
      [CSH_CUDA_DIR=$csh_place])
  done
  AS_IF([test -z "$CSH_CUDA_DIR"], [AC_MSG_RESULT([no])
    AC_MSG_ERROR([no cuda.h and cudaTypedefs.h under: $csh_places
  Install the CUDA toolkit 12.0 or newer (its package cuda-cudart-dev is
  enough to build) or name it: --with-cuda=DIR])])
  AC_MSG_RESULT([$CSH_CUDA_DIR/include])
  CSH_CUDA_VERSION=`$SED -n ['s/^#define CUDA_VERSION  *\([0-9][0-9]*\).*/\1/p'] \
    "$CSH_CUDA_DIR/include/cuda.h"`
  AS_IF([test "${CSH_CUDA_VERSION:-0}" -lt CSH_OLDEST_CUDA],
    [AC_MSG_ERROR([$CSH_CUDA_DIR has CUDA ${CSH_CUDA_VERSION:-of unknown
  version}; the oldest headers supported are CSH_OLDEST_CUDA])])
  AS_IF([test "$CSH_CUDA_DIR" = /usr], [CUDA_CPPFLAGS=],
    [CUDA_CPPFLAGS="-isystem $CSH_CUDA_DIR/include"])
  AC_SUBST([CUDA_CPPFLAGS])
  AC_SUBST([CSH_CUDA_DIR])
])

# The oldest cuda.h that the interception table compiles with.
m4_define([CSH_OLDEST_CUDA], [12000])
