if(XLENS_SANITIZE)
  add_compile_options(-fsanitize=${XLENS_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${XLENS_SANITIZE})
endif()

# Every room tells libFuzzer where it has been; its symbols come with a sanitizer's:
#   CC=clang-14 cmake --preset asan -B build/fuzz -DXLENS_LIBFUZZER=ON
#   build/fuzz/tests/fuzz/fuzz_onnx FOLDER tests/fuzz/corpus/onnx
option(XLENS_LIBFUZZER "build the fuzz entries for libFuzzer (clang)" OFF)
if(XLENS_LIBFUZZER)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
