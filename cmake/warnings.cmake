add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wpointer-arith -Wcast-align -Wwrite-strings -Wvla -Wundef
  -Wformat=2 -Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough
  -Wswitch-enum -Wunused-macros
  $<$<C_COMPILER_ID:GNU>:-Wduplicated-cond> $<$<C_COMPILER_ID:GNU>:-Wlogical-op>
  $<$<BOOL:${XLENS_WERROR}>:-Werror>)
