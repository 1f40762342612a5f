# Prints a text file as a C string, for a header made at build time:
#
#     awk -v name=swap_kernels_ptx -f embed_text.awk swap_kernels.ptx
BEGIN { printf "static const char %s[] =\n", name }
{
    gsub(/\\/, "\\\\")
    gsub(/"/, "\\\"")
    gsub(/\t/, "\\t")
    printf "    \"%s\\n\"\n", $0
}
END { print "    ;" }
