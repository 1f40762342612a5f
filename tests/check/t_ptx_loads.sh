#!/bin/sh
# t_ptx_loads.sh - the kept PTX text is for old drivers, and some loop in each
# of its kernels issues at least eight 16-byte loads from global memory before
# the value of any of them is used.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
ptx=${1:-$top/src/verify/fingerprint.ptx}

version=$(sed -n 's/^\.version //p' "$ptx")
target=$(sed -n 's/^\.target //p' "$ptx")
case $version in
[1-6].*) ;;
*)
    echo "FAIL: PTX $version needs a newer driver than wanted"
    exit 1
    ;;
esac
if [ "$target" != sm_50 ]; then
    echo "FAIL: target $target instead of sm_50"
    exit 1
fi

# Lines between a label and a later branch back to it are a loop.
loads_of() { # KERNEL
    awk -v kernel="$1" '
    /[.]entry/ { is_in = $3 == kernel "(" }
    !is_in { next }
    { line[NR] = $0 }
    /^[$_A-Za-z][$_A-Za-z0-9]*:/ { sub(":.*", "", $1); label[$1] = NR }
    /[ \t]bra/ {
        target = $NF
        sub(";", "", target)
        if (target in label) {
            for (i = label[target]; i <= NR; ++i) {
                in_loop[i] = 1
            }
        }
    }
    function settle() {
        if (count > most) {
            most = count
        }
        count = 0
        split("", pending)
    }
    END {
        for (i = 1; i <= NR; ++i) {
            if (!in_loop[i] || line[i] ~ /^[$_A-Za-z]|[ \t]bra/) {
                settle()
                continue
            }
            text = line[i]
            gsub(/[^%A-Za-z0-9_.$]+/, " ", text)
            n = split(text, word, " ")
            is_load = text ~ /ld[.]global[.](v4[.][us]32|v2[.][us]64)/
            first_used = is_load ? (text ~ /[.]v4[.]/ ? 6 : 4) : 2
            for (w = first_used; w <= n; ++w) {
                if (word[w] in pending) {
                    settle()
                    break
                }
            }
            if (is_load) {
                for (w = 2; w < first_used; ++w) {
                    pending[word[w]] = 1
                }
                ++count
            }
        }
        settle()
        print most + 0
    }' "$ptx"
}

for kernel in csh_fingerprint_kernel csh_fingerprint_batch_kernel; do
    loads=$(loads_of $kernel)
    if [ "$loads" -lt 8 ]; then
        echo "FAIL: $loads independent 16-byte loads in a loop of $kernel, not 8"
        exit 1
    fi
    echo "$kernel: $loads independent 16-byte loads in a loop," \
        "PTX $version for $target"
done
