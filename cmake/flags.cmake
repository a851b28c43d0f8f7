# Warnings are errors, hardening is always on, and banned functions do not compile.
add_compile_options(
    -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings
    -Wpointer-arith -Wformat=2 -Wvla -Wundef -Wno-missing-field-initializers
    -fno-strict-aliasing -fno-common -fstack-protector-strong -fPIE
    -include ${CMAKE_SOURCE_DIR}/common/banned.h)
add_compile_definitions(_GNU_SOURCE PM_VERSION="${PROJECT_VERSION}")
add_link_options(-pie -Wl,-z,relro,-z,now,--as-needed)
include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
if(PM_SANITIZE)
    add_compile_options(-fsanitize=${PM_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${PM_SANITIZE})
    if(PM_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=all)
    endif()
else()
    # The small functions of common/ are worth inlining across files: a tenth of a request's cost.
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    endif()
    # Level 3 needs optimisation, and it disturbs the sanitizers' own checks.
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(PM_FUZZ)
    # Coverage for libFuzzer in the libraries; only the fuzzers link its main().
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
