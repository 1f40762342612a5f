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

/* The same before the program's call that begins one: from its return on no
 * thread is between csh_captures_hold_off() and csh_captures_let_go(), and
 * none gets there until the capture has ended. (It waits for microseconds,
 * and not for ever.) If the call fails, csh_captures_ended() takes it back. */
void csh_captures_beginning(void);

/* Around a question to the driver that would break a capture, such as a query
 * of the legacy stream. False: one is active, do not ask; nothing to let go. */
bool csh_captures_hold_off(void);
void csh_captures_let_go(void);

/* A capture ended. With none counted it does nothing: an end whose beginning
 * nobody saw must not hide the next one. */
void csh_captures_ended(void);

bool csh_captures_any_active(void);

#endif
