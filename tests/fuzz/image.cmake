set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/../data/pictures ${XLENS_REFERENCE_DIR}/data/badjpeg)
