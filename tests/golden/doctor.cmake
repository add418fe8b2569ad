# Planted mistakes on real weights and pictures; skipped without them. At the full size, for
# many minutes: XLENS_GOLDEN_FULL=1 ctest -R golden.doctor.
if(NOT TARGET xlens)
  return()
endif()
foreach(part labels network pictures)
  set(count 48)
  if(part STREQUAL network)
    set(count 96) # 48 do not tell BGR
  endif()
  add_test(NAME golden.doctor.${part} COMMAND ${Python3_EXECUTABLE} -B
    ${CMAKE_CURRENT_SOURCE_DIR}/doctor_test.py $<TARGET_FILE:xlens> ${XLENS_REFERENCE_DIR} ${part}
    ${count})
  set_tests_properties(golden.doctor.${part} PROPERTIES LABELS golden TIMEOUT 7200
    SKIP_RETURN_CODE 77)
  # Minutes each, and the same code as cli.doctor_test: not ten times slower.
  if(XLENS_SANITIZE)
    set_tests_properties(golden.doctor.${part} PROPERTIES DISABLED TRUE)
  endif()
endforeach()
