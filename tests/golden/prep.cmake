# Decoding and preprocessing against what Pillow, torchvision, OpenCV and PaddleClas gave.
add_library(prep_support STATIC prep_digest.c ../support/sha256.c)
target_link_libraries(prep_support PUBLIC dataset)
add_executable(prep_test prep_test.c)
add_executable(prep_synth_test prep_synth_test.c)
add_executable(prep_odd_test prep_odd_test.c)
set_source_files_properties(../support/sha256.c PROPERTIES COMPILE_OPTIONS -O2)
foreach(program prep_test prep_synth_test prep_odd_test)
  target_link_libraries(${program} PRIVATE prep_support)
endforeach()

# Sanitized builds take a part: all 2,255 would need minutes of them.
set(step 1)
if(XLENS_SANITIZE)
  set(step 10)
endif()
foreach(set calib ilsvrc web)
  add_test(NAME golden.prep.${set} COMMAND prep_test ${set} ${step})
endforeach()
add_test(NAME golden.prep.synth COMMAND prep_synth_test)
add_test(NAME golden.prep.odd COMMAND prep_odd_test)
set_tests_properties(golden.prep.calib golden.prep.ilsvrc golden.prep.web
  golden.prep.synth golden.prep.odd
  PROPERTIES LABELS golden TIMEOUT 900 SKIP_RETURN_CODE 77)
