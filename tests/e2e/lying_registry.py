#!/usr/bin/env python3
"""A registry on loopback that misbehaves as its repositories are called: lying_registry.py LOG PORTFILE [CERTIFICATE KEY].

Each of them has the same image, one layer with the file "hello", as "latest". Every request is a line of LOG: host,
method, path, and "password" if it came with credentials.
"""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import platform
import ssl
import sys
import tarfile
import threading
import time

log, portfile, *tls = sys.argv[1:]
SCHEME = "https" if tls else "http"
LOGIN = "Basic " + base64.b64encode(b"me:s3cret").decode()
OCI = "application/vnd.oci.image."
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(kind, data, **more):
    return {"mediaType": OCI + kind, "digest": digest(data), "size": len(data), **more}


def tar_of(names):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


def image(tar, diff_id=None, architecture=MACHINE):
    layer = gzip.compress(tar, mtime=0)
    config = json.dumps({"os": "linux", "architecture": architecture, "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [diff_id or digest(tar)]}}).encode()
    manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                           "config": descriptor("config.v1+json", config),
                           "layers": [descriptor("layer.v1.tar+gzip", layer)]}).encode()
    return manifest, {digest(config): config, digest(layer): layer}


# Not to be compressed: so that it breaks somewhere in the middle.
NOISE = hashlib.shake_128(b"noise").digest(300_000)
MANIFEST, BLOBS = image(tar_of({"hello": b"hello\n", "noise": NOISE}))
LAYER = json.loads(MANIFEST)["layers"][0]["digest"]
OTHER = image(tar_of({"hello": b"other\n"}), architecture="other")
INDEX = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
    descriptor("manifest.v1+json", OTHER[0], platform={"os": "linux", "architecture": "other"}),
    descriptor("manifest.v1+json", MANIFEST, platform={"os": "linux", "architecture": MACHINE})]}).encode()
IMAGES = {"diffid": image(tar_of({"hello": b"hello\n"}), digest(b"another")),
          "bomb": image(tar_of({"zeros": bytes(100_000_000)})),
          "climb": image(tar_of({"../../etc/passwd": b"x"}))}
# Large enough to be unpacked by a thread of its own.
LARGE = image(tar_of({"hello": b"hello\n", "noise": NOISE * 10, "last": b"last\n"}))
IMAGES["pauses"] = LARGE
LAYOUT = os.environ.get("LAYOUT")  # an image layout, whose image is "layout"
broken = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        host, port = self.connection.getsockname()[:2]
        with open(log, "a") as out:
            print(host, self.command, self.path, "password" if self.headers["Authorization"] else "", file=out)
        if self.path.startswith("/token"):
            good = self.headers["Authorization"] == LOGIN
            return self.answer(200 if good else 401, b'{"token": "t0k", "expires_in": 300}' if good else b"{}")
        _, _, repository, kind, name = self.path.split("/")
        if repository == "closed" and self.headers["Authorization"] != "Bearer t0k":
            return self.answer(401, b"{}", [("WWW-Authenticate", "Basic realm=x"), (
                "WWW-Authenticate", f'Bearer realm="{SCHEME}://127.0.0.1:{port}/token",service="lies",scope="repository:closed:pull"')])
        manifest, blobs = IMAGES.get(repository, (MANIFEST, BLOBS))
        if repository == "layout":
            with open(f"{LAYOUT}/index.json") as index:
                manifest = self.of_layout(json.load(index)["manifests"][0]["digest"])
            blobs = {} if kind == "manifests" else {name: self.of_layout(name)}
        if kind == "manifests":
            return self.manifest(repository, name, manifest)
        return self.blob(repository, name, {**blobs, **OTHER[1]}, port)

    @staticmethod
    def of_layout(name):
        with open(f"{LAYOUT}/blobs/" + name.replace(":", "/"), "rb") as blob:
            return blob.read()

    def manifest(self, repository, name, manifest):
        kind = OCI + "manifest.v1+json"
        if repository == "busy":
            return self.answer(429, b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}', [("Retry-After", "3600")])
        if repository == "stall":
            time.sleep(600)
        if repository == "headers":
            return self.answer(200, manifest, [(f"X-{i}", "x" * 1000) for i in range(90)] * 4)
        if repository == "json":
            manifest = b'{"schemaVersion": 2, "layers": ['
        if repository == "deep":
            manifest = b"[" * 100_000
        if repository == "huge":
            manifest = b" " * 5_000_000
        if repository == "contradiction":
            manifest = json.dumps({**json.loads(manifest), "layers": []}).encode()
        if repository == "index" and name == "latest":
            kind, manifest = OCI + "index.v1+json", INDEX
        if repository == "index" and name == digest(OTHER[0]):
            manifest = OTHER[0]
        self.answer(200, manifest, [("Content-Type", kind), ("Docker-Content-Digest", digest(manifest))])

    def blob(self, repository, name, blobs, port):
        data = blobs.get(name)
        if data is None:
            return self.answer(404)
        if repository == "away" and self.connection.getsockname()[0] == "127.0.0.1":
            return self.answer(307, b"", [("Location", f"{SCHEME}://127.0.0.2:{port}{self.path}")])
        if name == LAYER and repository == "bytes":
            data = data[:-1] + b"x"
        if name == LAYER and repository == "noise":  # begins as gzip does
            data = data[:20] + bytes(len(data) - 20)
        if name == LAYER and repository == "longer":
            data += b"x"
        if name == LAYER and repository == "shorter":
            data = data[:-1]
        start = int((self.headers["Range"] or "bytes=0-")[6:-1])
        if name == LAYER and repository == "breaks" and len(broken) < 3:
            broken.add(start)
            data_sent = data[start:start + 50_000]
            self.answer(206 if start else 200, data_sent, [("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")],
                        length=len(data) - start)
            self.close_connection = True
            return None
        if repository in ("pauses", "layout") and len(data) > 1_000_000:  # most of it, and then nothing
            self.answer(206 if start else 200, data[start:len(data) * 3 // 4],
                        [("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")], length=len(data) - start)
            return time.sleep(600)
        if name == LAYER and repository == "anew":  # knows no ranges
            first = repository not in broken
            broken.add(repository)
            self.close_connection = first
            return self.answer(200, data[:50_000] if first else data, length=len(data))
        headers = [("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")] if start else []
        return self.answer(206 if start else 200, data[start:], headers)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
other = http.server.ThreadingHTTPServer(("127.0.0.2", server.server_address[1]), Handler)
if tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)
    for one in server, other:
        one.socket = context.wrap_socket(one.socket, server_side=True)
threading.Thread(target=other.serve_forever, daemon=True).start()
with open(portfile + ".new", "w") as out:
    print(server.server_address[1], file=out)
os.rename(portfile + ".new", portfile)
server.serve_forever()
