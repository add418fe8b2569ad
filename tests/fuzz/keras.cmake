set(rooms engine cjson)
