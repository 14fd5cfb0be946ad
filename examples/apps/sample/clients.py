# Opens connections to ADDRESS PORT and keeps them, then asks by each of them: python3 clients.py NUMBER ADDRESS PORT
import socket
import sys

kept = [socket.create_connection((sys.argv[2], int(sys.argv[3])), 5) for _number in range(int(sys.argv[1]))]
for one in kept:
    one.sendall(b"GET / HTTP/1.1\r\nHost: hello\r\n\r\n")
try:
    answers = [one.recv(12) for one in kept]
except TimeoutError:
    sys.exit(f"of {len(kept)} clients at once some got no answer")
if set(answers) != {b"HTTP/1.1 200"}:
    sys.exit(f"answers are {sorted(set(answers))}")
