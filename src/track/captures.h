/*
 * captures.h - how many stream captures are active in the process.
 *
 * While any is, the shim makes no call of its own beside the program's: many
 * calls are illegal during a capture and invalidate it, whichever thread they
 * come from. Callable from any thread, also inside wrappers; no lock.
 */
#ifndef CSH_TRACK_CAPTURES_H
#define CSH_TRACK_CAPTURES_H

#include <stdbool.h>

/* A capture began, or may have. The count may err upwards (a capture that
 * ended unseen): then the shim only passes through more than it need. */
void csh_captures_begun(void);

/* A capture ended. With none counted it does nothing: an end whose beginning
 * nobody saw must not hide the next one. */
void csh_captures_ended(void);

bool csh_captures_any_active(void);

#endif
