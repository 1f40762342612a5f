#!/bin/sh
# t_ptx_protocol.sh - each kernel of the kept PTX text says RUNNING, fences and
# only then looks at the cancel word; it reads nothing of a range before that,
# and says DONE behind its sums and a fence. On that order rests that a launch
# that was given up never reads (src/verify/fingerprint_kernel.h).
#
# The batch kernel's text begins with the end of its loop over the pieces (a
# barrier); the second look at the cancel word and the two words of a piece in
# its table come before the barrier, the piece itself after it.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
ptx=${1:-$top/src/verify/fingerprint.ptx}

# Memory operations in the order of the text; loads of the range as one word.
have=$(awk '
    function say(word) {
        if (word != last) {
            printf "%s ", word
        }
        last = word
    }
    /[.]entry/ { last = ""; sub("[(].*", "", $3); say($3 ":") }
    /st[.]volatile[.]global[.]u32/ { last = ""; say("state") }
    /ld[.]volatile[.]global[.]u32/ { say("cancel") }
    /membar[.]sys/ { say("fence") }
    /bar[.]sync/ { last = ""; say("barrier") }
    /[ \t]ld[.](global[.][uvsb]|v[24]|[usb][0-9])/ { say("range") }
    /[ \t]st[.](global[.][uvsb]|v[24]|[usb][0-9])/ { say("sums") }
' "$ptx")
want="csh_fingerprint_kernel: state fence cancel state barrier range barrier \
barrier sums fence state csh_fingerprint_batch_kernel: state fence cancel \
state barrier cancel state range barrier range barrier sums fence state "

if [ "$have" != "$want" ]; then
    echo "FAIL: $have"
    echo "want: $want"
    exit 1
fi
echo "$have"
