#!/usr/bin/env python3
"""A web server on loopback for tests: web_server.py DIRECTORY LOG PORTFILE.

Files of DIRECTORY, with an ETag of their content, and Last-Modified. Every request is a line of LOG: method, path, status,
and the headers that matter. Below /plain/ there is no ETag, /weak/ has a weak one, /to/PATH redirects to /PATH and
/away/PATH to the other loopback address, /closed/ wants "Authorization: Bearer s3cret", and a whole URL (we are a proxy
then) gets the file of its path.
"""
import email.utils
import hashlib
import http.server
import os
import sys
import threading
import urllib.parse

root, log, portfile = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, headers=(), body=b""):
        asked = {name: self.headers[name] for name in ("If-None-Match", "If-Modified-Since", "Authorization", "User-Agent")
                 if self.headers[name] and name != "User-Agent"}
        with open(log, "a") as out:
            print(self.command, self.path, status, *(f"{n}={v}" for n, v in asked.items()), file=out)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET" and status != 304:
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        port = self.server.server_address[1]
        if path.startswith("/to/"):
            return self.answer(302, [("Location", path[3:])])
        if path.startswith("/away/"):
            return self.answer(307, [("Location", f"http://127.0.0.2:{port}{path[5:]}")])
        if path.startswith("/closed/") and self.headers["Authorization"] != "Bearer s3cret":
            return self.answer(401)
        kind, name = "", path
        for prefix in ("/plain/", "/weak/", "/closed/"):
            if path.startswith(prefix):
                kind, name = prefix.strip("/"), path[len(prefix) - 1:]
        try:
            with open(root + name, "rb") as file:
                body, modified = file.read(), os.fstat(file.fileno()).st_mtime
        except OSError:
            return self.answer(404, body=b"nothing here\n")
        etag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        headers = [("Last-Modified", email.utils.formatdate(modified, usegmt=True))]
        if kind == "weak":
            etag = "W/" + etag
        if kind == "plain":
            if self.headers["If-Modified-Since"] == headers[0][1]:
                return self.answer(304, headers)
        else:
            headers.append(("ETag", etag))
            if self.headers["If-None-Match"] == etag:
                return self.answer(304, headers)
        return self.answer(200, headers, body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
other = http.server.ThreadingHTTPServer(("127.0.0.2", server.server_address[1]), Handler)

threading.Thread(target=other.serve_forever, daemon=True).start()
with open(portfile + ".new", "w") as out:
    print(server.server_address[1], file=out)
os.rename(portfile + ".new", portfile)
server.serve_forever()
