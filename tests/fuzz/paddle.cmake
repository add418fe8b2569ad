set(rooms engine)
set(mutate_bytes 262144)
set(corpus ${corpus} ${CMAKE_CURRENT_SOURCE_DIR}/../data/paddle2)
