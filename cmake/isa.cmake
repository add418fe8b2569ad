# The only list of instruction-set flags; the rest of the program is baseline x86-64.
set(ISA_FLAGS_scalar "")
set(ISA_FLAGS_fused "")
set(ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(ISA_FLAGS_avx512 ${ISA_FLAGS_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
set(ISA_FLAGS_avxvnni ${ISA_FLAGS_avx2} -mavxvnni)
set(ISA_FLAGS_avx512vnni ${ISA_FLAGS_avx512} -mavx512vnni)
set(ISA_FLAGS_avx512bf16 ${ISA_FLAGS_avx512vnni} -mavx512bf16)

# An object library of one ISA's kernels, part of `target`. Always optimised: a debug or
# sanitizer build would spend its time here otherwise, the latter with -O3 as well, in the
# compiler. Contraction stays explicit, so that every path of a family rounds alike.
set(optimised -O3)
if(XLENS_SANITIZE)
  set(optimised -O2)
endif()
function(add_isa_kernels target isa)
  add_library(kern_${isa} OBJECT ${ARGN})
  target_compile_options(kern_${isa} PRIVATE ${optimised} -ffp-contract=off
    -fno-math-errno ${ISA_FLAGS_${isa}})
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:kern_${isa}>)
endfunction()
