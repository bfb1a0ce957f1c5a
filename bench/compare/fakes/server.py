"""usage: server.py serve|die PORT [NAME]    accepts connections on 127.0.0.1 and closes them; `die` ends at once instead."""

import socket
import sys

if sys.argv[1] == "die":
    sys.exit("cannot serve today")
with socket.create_server(("127.0.0.1", int(sys.argv[2]))) as listener:
    while True:
        listener.accept()[0].close()
