"""Debian's docker-registry on loopback behind a proxy that hands bytes on until `left` of them went through, and then resets
every connection."""

import socket
import struct
import subprocess
import threading
import time


def read(path):
    with open(path, "rb") as file:
        return file.read()


class CuttingRegistry:

    def __init__(self, work):
        self.left = 1 << 60
        with open(work + "/registry.yml", "w", encoding="ascii") as file:
            file.write(f"version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {work}/registry}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n")
        with open(work + "/registry.log", "wb") as log:
            self.registry = subprocess.Popen(["docker-registry", "serve", work + "/registry.yml"], stdout=log, stderr=log)
        while b"listening on 127" not in (text := read(work + "/registry.log")):
            time.sleep(0.02)
        self.target = int(text.split(b"listening on 127.0.0.1:")[1].split(b'"')[0].split()[0])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
            for pair in (client, server), (server, client):
                threading.Thread(target=self.hand_on, args=pair, daemon=True).start()

    def hand_on(self, source, sink):
        try:
            while data := source.recv(16384):
                self.left -= len(data)
                if self.left < 0:
                    for one in source, sink:
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                sink.sendall(data)
        except OSError:
            pass
        for one in source, sink:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
