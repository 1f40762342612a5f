/*
 * settings.h - parsers that are needed before the settings are read.
 */
#ifndef SIM_SETTINGS_H
#define SIM_SETTINGS_H

#include <stdbool.h>

enum sim_resolver;

/* The values of SIMCUDA_DRIVER_VERSION and SIMCUDA_RESOLVER. False, and the
 * output left alone: not understood. */
bool sim_parse_version(const char *text, int *version_p);
bool sim_parse_resolver(const char *text, enum sim_resolver *resolver_p);

#endif
