set(rooms archive)
set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/../data/npz)
