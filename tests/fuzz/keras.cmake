set(rooms engine cjson)
set(keras ${CMAKE_CURRENT_SOURCE_DIR}/../data/keras)
set(corpus ${corpus} ${keras}/toy.h5 ${keras}/odds.h5 ${keras}/nested_weights.h5)
set(mutate_bytes 262144)
