# add_proto(NAME): an object library NAME_proto, made from NAME.proto beside the caller.
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
find_program(PROTOC_C protoc-c REQUIRED)

function(add_proto name)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}.pb-c.c
    ${CMAKE_CURRENT_BINARY_DIR}/${name}.pb-c.h)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${PROTOC_C} --proto_path=${CMAKE_CURRENT_SOURCE_DIR}
      --c_out=${CMAKE_CURRENT_BINARY_DIR} ${name}.proto
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}.proto VERBATIM)
  add_library(${name}_proto OBJECT ${generated})
  target_compile_options(${name}_proto PRIVATE -w)
  target_include_directories(${name}_proto SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${name}_proto PUBLIC PkgConfig::PROTOBUF_C)
endfunction()
