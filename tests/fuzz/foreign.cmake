set(rooms pipeline)
