/*
 * next_local.c - in the scope of the plug-in that needs it, and in no other.
 */
int next_local_only(void);

int next_local_only(void)
{
    return 7;
}
