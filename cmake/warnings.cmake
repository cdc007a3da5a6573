set(SW_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Walloca
  -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wredundant-decls -Wnested-externs -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough
  -Wnull-dereference -Wdouble-promotion -Wdate-time)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND SW_WARNINGS -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wcast-align=strict
    -Wformat-signedness -Wtrampolines -Wjump-misses-init)
else()
  list(APPEND SW_WARNINGS -Wcomma -Wextra-semi-stmt)
endif()
if(SW_WERROR)
  list(APPEND SW_WARNINGS -Werror)
endif()
add_compile_options(${SW_WARNINGS} -fno-common -fno-strict-aliasing -fno-omit-frame-pointer
  -fstack-protector-strong -fstack-clash-protection -fcf-protection)
add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
