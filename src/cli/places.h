/*
 * places.h - where the shim and the simulated driver lie, seen from the
 * running command: in the tree that it was built in, in the tree that it was
 * installed in (wherever that was moved to), or where it was to be installed.
 */
#ifndef CSH_CLI_PLACES_H
#define CSH_CLI_PLACES_H

#include <stdbool.h>

#include "base/compiler.h"

/* The shim itself. False: it is in none of the places. place_p is PATH_MAX
 * bytes and then holds the last place that was looked at. */
CSH_MUST_CHECK bool csh_place_shim(char *place_p);

/* The folder with the simulated driver's libcuda.so.1; as above. */
CSH_MUST_CHECK bool csh_place_simulated_driver(char *place_p);

#endif
