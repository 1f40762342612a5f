/*
 * module.c - modules, libraries, functions.
 *
 * Any image is accepted (image.c refuses PTX that is too new), because the
 * kernels are found by name in kernel_table.h. PTX text must have the kernel
 * as an .entry all the same; what a binary image holds is not looked at.
 */
#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A copy of the image if it is PTX: text that begins with a comment or a
 * directive. Binary images begin with neither. */
static char *ptx_text(const void *image)
{
    const char *text = image;

    text += strspn(text, " \t\r\n");
    if (*text != '/' && *text != '.') {
        return NULL;
    }
    return sim_duplicate(image, strlen(image) + 1);
}

/* ".entry", white space, the name, then no further letter of a name. */
static bool has_entry(const char *text, const char *name)
{
    size_t length = strlen(name);

    while ((text = strstr(text, ".entry")) != NULL) {
        text += strlen(".entry");
        text += strspn(text, " \t\r\n");
        if (strncmp(text, name, length) == 0 &&
            strcspn(text + length, " \t\r\n(") == 0) {
            return true;
        }
    }
    return false;
}

static CUfunction find(CUfunction *list, const char *text, const char *name)
{
    const struct sim_kernel *kernel = sim_kernel_find(name);
    CUfunction function;

    if (kernel == NULL || (text != NULL && !has_entry(text, name))) {
        return NULL;
    }
    for (function = *list; function != NULL; function = function->next) {
        if (function->kernel == kernel) {
            return function;
        }
    }
    function = sim_handle_new(sizeof(*function));
    function->mark = SIM_FUNCTION_MARK;
    function->kernel = kernel;
    function->shared_limit_bytes = 48 << 10;
    function->next = *list;
    *list = function;
    return function;
}

CUfunction sim_function(CUfunction function)
{
    return function != NULL && function->mark == SIM_FUNCTION_MARK ? function
                                                                   : NULL;
}

static void end_functions(CUfunction *list)
{
    CUfunction function;

    while ((function = *list) != NULL) {
        *list = function->next;
        function->mark = 0;
    }
}

static void end_module(CUmodule module)
{
    module->mark = 0;
    end_functions(&module->functions);
    free(module->text);
    module->text = NULL;
}

void sim_modules_close(CUcontext context)
{
    CUmodule module;

    while ((module = context->modules) != NULL) {
        context->modules = module->next;
        end_module(module);
    }
}

static CUresult load(CUmodule *module_p, const void *image)
{
    CUcontext context;
    CUresult result = sim_begin_unsafe(&context);
    CUmodule module;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = module_p == NULL ? CUDA_ERROR_INVALID_VALUE
                              : sim_check_image(image);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    module = sim_handle_new(sizeof(*module));
    module->mark = SIM_MODULE_MARK;
    module->context = context->root;
    module->text = ptx_text(image);
    module->next = context->root->modules;
    context->root->modules = module;
    *module_p = module;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuModuleLoadData(CUmodule *module_p, const void *image)
{
    SIM_ENTER(cuModuleLoadData);
    return load(module_p, image);
}

CUresult cuModuleLoadDataEx(CUmodule *module_p, const void *image,
                            unsigned int n_options, CUjit_option *options,
                            void **values)
{
    SIM_ENTER(cuModuleLoadDataEx);
    (void)n_options;
    (void)options;
    (void)values;
    return load(module_p, image);
}

CUresult cuModuleLoadFatBinary(CUmodule *module_p, const void *image)
{
    SIM_ENTER(cuModuleLoadFatBinary);
    return load(module_p, image);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    long size;

    if (file == NULL) {
        return NULL;
    }
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
        fseek(file, 0, SEEK_SET) == 0) {
        bytes = sim_allocate((size_t)size + 1);
        if (fread(bytes, 1, (size_t)size, file) != (size_t)size) {
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(file);
    return bytes;
}

CUresult cuModuleLoad(CUmodule *module_p, const char *path)
{
    CUresult result;
    char *image;

    SIM_ENTER(cuModuleLoad);
    image = path == NULL ? NULL : read_file(path);
    if (image == NULL) {
        return CUDA_ERROR_FILE_NOT_FOUND;
    }
    result = load(module_p, image);
    free(image);
    return result;
}

/* Unloading waits for the context: its kernels may be running. */
CUresult cuModuleUnload(CUmodule module)
{
    CUcontext context;
    CUmodule *at;
    CUresult result;

    SIM_ENTER(cuModuleUnload);
    result = sim_begin_unsafe(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (module == NULL || module->mark != SIM_MODULE_MARK) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    sim_context_wait_family(module->context);
    result = module->context->sticky;
    at = &module->context->modules;
    while (*at != NULL && *at != module) {
        at = &(*at)->next;
    }
    if (*at == module) {
        *at = module->next;
        end_module(module);
    }
    return sim_end(result);
}

CUresult cuModuleGetFunction(CUfunction *function_p, CUmodule module,
                             const char *name)
{
    CUcontext context;
    CUfunction function;
    CUresult result;

    SIM_ENTER(cuModuleGetFunction);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (function_p == NULL || name == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (module == NULL || module->mark != SIM_MODULE_MARK) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    function = find(&module->functions, module->text, name);
    if (function == NULL) {
        return sim_end(CUDA_ERROR_NOT_FOUND);
    }
    function->module = module;
    *function_p = function;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode_p)
{
    CUresult result;

    SIM_ENTER(cuModuleGetLoadingMode);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (mode_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *mode_p = CU_MODULE_LAZY_LOADING;
    return sim_end(CUDA_SUCCESS);
}

/* ---------------------------------------------------------- libraries --- */

CUresult cuLibraryLoadData(CUlibrary *library_p, const void *code,
                           CUjit_option *jit_options, void **jit_values,
                           unsigned int n_jit, CUlibraryOption *options,
                           void **values, unsigned int n_options)
{
    CUresult result;
    CUlibrary library;

    SIM_ENTER(cuLibraryLoadData);
    (void)jit_options;
    (void)jit_values;
    (void)n_jit;
    (void)options;
    (void)values;
    (void)n_options;
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = library_p == NULL ? CUDA_ERROR_INVALID_VALUE
                               : sim_check_image(code);
    if (result == CUDA_SUCCESS) {
        library = sim_handle_new(sizeof(*library));
        library->mark = SIM_LIBRARY_MARK;
        library->text = ptx_text(code);
        *library_p = library;
    }
    return sim_end(result);
}

static CUresult begin_library(CUlibrary library)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return library != NULL && library->mark == SIM_LIBRARY_MARK
               ? CUDA_SUCCESS : sim_end(CUDA_ERROR_INVALID_HANDLE);
}

CUresult cuLibraryUnload(CUlibrary library)
{
    CUresult result;

    SIM_ENTER(cuLibraryUnload);
    result = begin_library(library);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    library->mark = 0;
    end_functions(&library->functions);
    free(library->text);
    library->text = NULL;
    return sim_end(CUDA_SUCCESS);
}

/* A kernel is a function without a context; the handles are cast to each
 * other, as cuda.h allows in launches. */
CUresult cuLibraryGetKernel(CUkernel *kernel_p, CUlibrary library,
                            const char *name)
{
    CUresult result;
    CUfunction function;

    SIM_ENTER(cuLibraryGetKernel);
    result = begin_library(library);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (kernel_p == NULL || name == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    function = find(&library->functions, library->text, name);
    if (function == NULL) {
        return sim_end(CUDA_ERROR_NOT_FOUND);
    }
    function->library = library;
    *kernel_p = (CUkernel)function;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuKernelGetFunction(CUfunction *function_p, CUkernel kernel)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuKernelGetFunction);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (function_p == NULL || sim_function((CUfunction)kernel) == NULL) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    *function_p = (CUfunction)kernel;
    return sim_end(CUDA_SUCCESS);
}
