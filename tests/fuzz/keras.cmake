set(rooms engine cjson)
set(keras ${CMAKE_CURRENT_SOURCE_DIR}/../data/keras)
set(corpus ${corpus} ${keras}/toy.h5 ${keras}/odds.h5 ${keras}/nested_weights.h5)
set(mutate_bytes 262144)
# libhdf5 is the one that damaged files crash: it runs in a process of its own, a few
# milliseconds each time.
set(mutations 700)
