#!/bin/sh
# embed_text.sh - turns a text into a C header that holds it.
#
# usage: embed_text.sh NAME <TEXT >HEADER
#
# The header defines `static const char NAME[]`, the bytes of the text and a
# terminating zero. Bytes and not a string literal, whose length C limits.
set -eu

name=$1
echo "/* Made by embed_text.sh; not to be edited. */"
echo "static const char ${name}[] = {"
LC_ALL=C od -An -v -tx1 | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
echo "0x00};"
