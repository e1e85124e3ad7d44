#!/usr/bin/env python3
"""s3_server.py FOLDER CERTIFICATE KEY ACCESS_KEY SECRET_KEY: a bucket on a free port of loopback, by TLS, whose number it prints.

As much of S3 as pgBackRest asks for, in path style, as Amazon's API reference describes it: objects (also in parts), lists
with a delimiter, deletion of many. Every request has to be signed (Signature Version 4) with the secret key, and its body
has to be the one that was signed; otherwise 403. Objects are files in FOLDER, named by their keys."""

import hashlib
import hmac
import http.server
import os
import ssl
import sys
import urllib.parse
import xml.etree.ElementTree as xml
from email.utils import formatdate
from xml.sax.saxutils import escape

FOLDER, CERTIFICATE, KEY, ACCESS, SECRET = sys.argv[1:]
REGION = "us-east-1"
parts = {}  # upload id -> number -> bytes


def file_of(key):
    return os.path.join(FOLDER, urllib.parse.quote(key, safe=""))


def keys():
    return sorted(urllib.parse.unquote(name) for name in os.listdir(FOLDER))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        print(self.command, self.path, file=sys.stderr, flush=True)

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def signature(self, names, scope, body):
        """As the AWS General Reference, "Create a signed AWS API request", has it."""
        url = urllib.parse.urlsplit(self.path)
        query = sorted(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        canonical_query = "&".join(f"{urllib.parse.quote(k, safe='')}={urllib.parse.quote(v, safe='')}" for k, v in query)
        headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names)
        canonical = "\n".join([self.command, url.path, canonical_query, headers, ";".join(names), hashlib.sha256(body).hexdigest()])
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + SECRET.encode()
        for part in scope:
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.new(key, text.encode(), "sha256").hexdigest()

    def is_signed(self, body):
        kind, _, rest = self.headers.get("authorization", "").partition(" ")
        fields = dict(field.strip().split("=", 1) for field in rest.split(",") if "=" in field)
        if kind != "AWS4-HMAC-SHA256" or "Credential" not in fields:
            return False
        access, *scope = fields["Credential"].split("/")
        names = fields["SignedHeaders"].split(";")
        return (access == ACCESS and scope[1:] == [REGION, "s3", "aws4_request"] and "host" in names
                and fields["Signature"] == self.signature(names, scope, body))

    def serve(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.is_signed(body):
            return self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(url.path).lstrip("/").partition("/")
        if bucket != "bucket":
            return self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        if self.command == "GET" and not key:
            return self.list(query)
        if self.command == "POST":
            return self.post(query, key, body)
        if self.command == "PUT":
            return self.put(query, key, body)
        if self.command == "DELETE":
            if os.path.exists(file_of(key)):
                os.unlink(file_of(key))
            return self.answer(204)
        return self.read(key)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def list(self, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        entries, folders = "", set()
        for key in keys():
            if not key.startswith(prefix):
                continue
            below = key[len(prefix) :]
            if delimiter and delimiter in below:
                folders.add(prefix + below.split(delimiter)[0] + delimiter)
                continue
            size = os.path.getsize(file_of(key))
            entries += f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>{size}</Size></Contents>"
        entries += "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders))
        self.answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode())

    def post(self, query, key, body):
        if "delete" in query:
            for element in xml.fromstring(body).iter():
                if element.tag.endswith("Key") and os.path.exists(file_of(element.text)):
                    os.unlink(file_of(element.text))
            return self.answer(200, b"<DeleteResult/>")
        if "uploads" in query:
            upload = str(len(parts) + 1)
            parts[upload] = {}
            return self.answer(200, f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>".encode())
        uploaded = parts.pop(query["uploadId"])
        return self.store(key, b"".join(uploaded[number] for number in sorted(uploaded)),
                          b"<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>")

    def put(self, query, key, body):
        if "uploadId" not in query:
            return self.store(key, body, b"")
        parts[query["uploadId"]][int(query["partNumber"])] = body
        return self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def store(self, key, content, response):
        with open(file_of(key) + ".new", "wb") as file:
            file.write(content)
        os.rename(file_of(key) + ".new", file_of(key))
        self.answer(200, response, ETag=f'"{hashlib.md5(content).hexdigest()}"')

    def read(self, key):
        try:
            with open(file_of(key), "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        modified = formatdate(os.path.getmtime(file_of(key)), usegmt=True)
        if self.command == "HEAD":
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Last-Modified", modified)
            return self.end_headers()
        return self.answer(200, content, Last_Modified=modified)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(CERTIFICATE, KEY)
server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
