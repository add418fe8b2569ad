set(rooms engine)
