# Decoding and preprocessing against what Pillow, torchvision and OpenCV gave.
add_executable(prep_test prep_test.c ../support/sha256.c)
target_link_libraries(prep_test PRIVATE dataset)
foreach(set calib ilsvrc web)
  add_test(NAME golden.prep.${set} COMMAND prep_test ${set})
  set_tests_properties(golden.prep.${set} PROPERTIES LABELS golden TIMEOUT 900
    SKIP_RETURN_CODE 77)
endforeach()
