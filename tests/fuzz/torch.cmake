set(rooms engine)
set(mutate_bytes 262144)
