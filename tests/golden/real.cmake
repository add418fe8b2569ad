# The whole program on real weights and pictures. The weights are those of scripts/demo;
# without them, or without the reference folder, these are skipped. golden.real.full takes
# minutes and is run by hand: ctest -R golden.real.full with XLENS_GOLDEN_FULL=1.
if(NOT TARGET xlens)
  return()
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(part photographs features ilsvrc web recipe precisions full)
  set(step 8)
  if(XLENS_SANITIZE)
    set(step 80)
  endif()
  if(part STREQUAL recipe) # everything twice, and what torch gave is compared above
    math(EXPR step "${step} * 20")
  endif()
  add_test(NAME golden.real.${part} COMMAND ${Python3_EXECUTABLE} -B
    ${CMAKE_CURRENT_SOURCE_DIR}/real_test.py $<TARGET_FILE:xlens> ${XLENS_REFERENCE_DIR} ${part}
    ${step})
  set_tests_properties(golden.real.${part} PROPERTIES LABELS golden TIMEOUT 2400
    SKIP_RETURN_CODE 77)
endforeach()
# Both cores for half a minute, and under sanitizers the code of cli.quantize_test.
set_tests_properties(golden.real.precisions PROPERTIES RUN_SERIAL TRUE)
if(XLENS_SANITIZE)
  set_tests_properties(golden.real.precisions PROPERTIES DISABLED TRUE)
endif()
