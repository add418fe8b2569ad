if(XLENS_SANITIZE)
  add_compile_options(-fsanitize=${XLENS_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${XLENS_SANITIZE})
endif()
