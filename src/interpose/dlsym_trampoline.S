/*
 * dlsym_trampoline.S - the exported dlsym.
 *
 * RTLD_NEXT and RTLD_DEFAULT mean "from the caller's place in the search
 * order", and libc learns the caller from dlsym's return address. So this
 * asks csh_dlsym_filter(handle, name, return address) and, unless that has an
 * answer, jumps to the real dlsym with the program's arguments and return
 * address as they came: a function in C would become the caller itself at
 * -O0, whatever it is at -O2. Touches errno as little as the filter, not at
 * all. Exported without a version, which matches references of any version.
 * Owns nothing; any thread, before constructors too.
 */
        .hidden csh_dlsym_filter
        .hidden csh_dlsym_real

        .text
        .globl  dlsym
        .type   dlsym, %function
        .p2align 4

#if defined(__x86_64__)

dlsym:
        .cfi_startproc
        endbr64
        pushq   %rdi
        .cfi_adjust_cfa_offset 8
        pushq   %rsi
        .cfi_adjust_cfa_offset 8
        subq    $8, %rsp                /* calls want 16-byte alignment */
        .cfi_adjust_cfa_offset 8
        movq    24(%rsp), %rdx          /* the program's return address */
        call    csh_dlsym_filter
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %rsi
        .cfi_adjust_cfa_offset -8
        popq    %rdi
        .cfi_adjust_cfa_offset -8
        testq   %rax, %rax
        jz      1f
        ret
1:      jmp     *csh_dlsym_real(%rip)
        .cfi_endproc
        .size   dlsym, . - dlsym

        /* Works under IBT and shadow stacks (x86-64 psABI, 5.1). */
        .section .note.gnu.property, "a", %note
        .p2align 3
        .long   4, 16, 5
        .asciz  "GNU"
        .long   0xc0000002, 4, 3, 0

#elif defined(__aarch64__)

dlsym:
        .cfi_startproc
        hint    #34                     /* bti c */
        stp     x29, x30, [sp, #-32]!
        .cfi_def_cfa_offset 32
        .cfi_offset 29, -32
        .cfi_offset 30, -24
        mov     x29, sp
        stp     x0, x1, [sp, #16]
        mov     x2, x30                 /* the program's return address */
        bl      csh_dlsym_filter
        mov     x9, x0
        ldp     x0, x1, [sp, #16]
        ldp     x29, x30, [sp], #32
        .cfi_restore 30
        .cfi_restore 29
        .cfi_def_cfa_offset 0
        cbz     x9, 1f
        mov     x0, x9
        ret
        /* x16: what a bti c landing pad may be branched to from. */
1:      adrp    x16, csh_dlsym_real
        ldr     x16, [x16, :lo12:csh_dlsym_real]
        br      x16
        .cfi_endproc
        .size   dlsym, . - dlsym

        /* Works under BTI (AArch64 ELF ABI, "Program property"). */
        .section .note.gnu.property, "a", %note
        .p2align 3
        .long   4, 16, 5
        .asciz  "GNU"
        .long   0xc0000000, 4, 1, 0

#else
#error "dlsym_trampoline.S knows x86-64 and aarch64"
#endif

        .section .note.GNU-stack, "", %progbits
