#!/usr/bin/env bats
# ADD of URLs, against a web server on loopback.
load helper
load web

setup_file() { unset HTTP_PROXY http_proxy HTTPS_PROXY https_proxy ALL_PROXY all_proxy NO_PROXY no_proxy; }

hello() {
  echo hello >"$T/www/file.txt"
  touch -d 2001-09-09T01:46:40Z "$T/www/file.txt"
}

@test "mode 0600, the server's time, the name of the URL's path, --chmod and --chown" {
  hello
  printf 'FROM scratch\nADD %s/file.txt?x=/y#z /d/\nADD --chmod=755 --chown=5:6 %s/file.txt /own\nADD %s/sub/../f%%69le.txt /e/\n' \
    "$WEB" "$WEB" "$WEB" | dockerfile
  root_tar
  is "$(entry d/file.txt)" "-rw------- 0/0 6 d/file.txt"
  is "$(entry own)" "-rwxr-xr-x 5/6 6 own"
  is "$(content e/file.txt)" hello
  has "$(tar --full-time --utc -tvf "$T/root.tar" d/file.txt)" "2001-09-09 01:46:40"
  build --output "type=oci,tar=false,dest=$T/layout"
  has "$(cat "$T"/layout/blobs/sha256/* 2>/dev/null | tr -d '\0' | grep -ao '"created_by":"ADD [^"]*' | head -1)" "ADD $WEB/file.txt?x=/y#z /d/ # buildkit"
}

@test "the same content: asked with its ETag, not sent again, and every later step is kept" {
  hello
  printf 'FROM bb\nADD %s/file.txt /d/\nRUN cat /d/file.txt\n' "$WEB" | dockerfile
  build
  is "$(asked)" "GET /file.txt 200"
  build
  is "$(steps)" $'1 hit\n2 hit\n3 hit'
  [[ $(asked) =~ ^GET\ /file.txt\ 304\ If-None-Match=\"[0-9a-f]{16}\"$ ]]
}

@test "another content falsifies the later steps" {
  hello
  printf 'FROM bb\nADD %s/file.txt /d/\nRUN cat /proc/sys/kernel/random/uuid >/made\n' "$WEB" | dockerfile
  build
  echo changed >"$T/www/file.txt"
  root_tar
  is "$(steps)" $'1 hit\n2 ran\n3 ran'
  is "$(content d/file.txt)" changed
}

@test "without an ETag: by the time, if that is old enough to tell; a weak ETag tells nothing" {
  hello
  printf 'FROM scratch\nADD %s/plain/file.txt /a\nADD %s/weak/file.txt /b\n' "$WEB" "$WEB" | dockerfile
  build
  asked >/dev/null
  build
  is "$(asked)" $'GET /plain/file.txt 304 If-Modified-Since=Sun, 09 Sep 2001 01:46:40 GMT\nGET /weak/file.txt 200 If-Modified-Since=Sun, 09 Sep 2001 01:46:40 GMT'
  # Written this very second, it may be written once more without the server's time changing.
  echo young >"$T/www/file.txt"
  build
  asked >/dev/null
  build
  is "$(asked)" $'GET /plain/file.txt 200\nGET /weak/file.txt 200'
}

@test "--checksum: checked, and with it a stored file needs no server" {
  hello
  local right
  right=sha256:$(sha256sum <"$T/www/file.txt" | cut -c 1-64)
  printf 'FROM scratch\nADD --checksum=%s %s/file.txt /\n' "$right" "$WEB" | dockerfile
  build
  asked >/dev/null
  build
  is "$(asked)" ""
  is "$(steps)" "2 hit"
  stop_serving
  build --no-cache
  is "$(steps)" "2 ran"
}

@test "--checksum: another content is refused, with both digests" {
  hello
  local wrong=sha256:0000000000000000000000000000000000000000000000000000000000000000
  printf 'FROM scratch\nADD --checksum=%s %s/file.txt /\n' "$wrong" "$WEB" | dockerfile
  refused 1 "Dockerfile:2
digest mismatch for $WEB/file.txt
got sha256:$(sha256sum <"$T/www/file.txt" | cut -c 1-64), expected $wrong"
  printf 'FROM scratch\nADD --checksum=sha512:00 %s/file.txt /\n' "$WEB" | dockerfile
  refused 2 $'Dockerfile:2\ninvalid checksum sha512:00'
  printf 'FROM scratch\nADD --checksum=%s %s/file.txt %s/file.txt /d/\n' "$wrong" "$WEB" "$WEB" | dockerfile
  refused 2 $'Dockerfile:2\nmultiple sources'
}

@test "an archive is kept as it is, and unpacked with --unpack" {
  hello
  mkdir "$T/tree"
  echo in >"$T/tree/in"
  tar -C "$T/tree" -czf "$T/www/a.tar.gz" in
  printf 'FROM scratch\nADD %s/a.tar.gz /kept/\nADD --unpack=true %s/a.tar.gz /unpacked/\n' "$WEB" "$WEB" | dockerfile
  root_tar
  is "$(names)" $'kept/\nkept/a.tar.gz\nunpacked/\nunpacked/in'
}

@test "local files, URLs and heredocs in one ADD, in their order" {
  hello
  echo local >file.txt
  printf 'FROM scratch\nADD file.txt %s/file.txt <<E /d/\nx\nE\nADD %s/file.txt file.txt /e/\n' "$WEB" "$WEB" | dockerfile
  root_tar
  is "$(names)" $'d/\nd/E\nd/file.txt\ne/\ne/file.txt'
  is "$(content d/file.txt) $(content e/file.txt)" "hello local"
}

@test "redirects are followed, and the name is that of the URL as written" {
  hello
  printf 'FROM scratch\nADD %s/to/to/file.txt /d/\n' "$WEB" | dockerfile
  root_tar
  is "$(content d/file.txt)" hello
  is "$(asked | cut -d ' ' -f 2,3)" $'/to/to/file.txt 302\n/to/file.txt 302\n/file.txt 200'
}

@test "HTTP_AUTH_TOKEN_host and HTTP_AUTH_HEADER_host; another host doesn't get them" {
  hello
  printf 'FROM scratch\nADD %s/closed/file.txt /\n' "$WEB" | dockerfile
  refused 1 $'Dockerfile:2\n401 Unauthorized\n--secret id=HTTP_AUTH_TOKEN_127.0.0.1,src=FILE'
  echo s3cret >"$T/token"
  echo Bearer s3cret >"$T/header"
  build --secret "id=HTTP_AUTH_TOKEN_127.0.0.1,src=$T/token"
  build --no-cache --secret "id=HTTP_AUTH_HEADER_127.0.0.1,src=$T/header"
  asked >/dev/null
  printf 'FROM scratch\nADD %s/away/file.txt /\n' "$WEB" | dockerfile
  build --secret "id=HTTP_AUTH_TOKEN_127.0.0.1,src=$T/token"
  is "$(asked)" $'GET /away/file.txt 307 Authorization=Bearer s3cret\nGET /file.txt 200'
  run ! grep -rqs s3cret "$T/store"
}

@test "a proxy, from a build argument or the environment, but not for this machine" {
  hello
  printf 'FROM scratch\nADD http://files.invalid/file.txt /\n' | dockerfile
  build --build-arg "HTTP_PROXY=$WEB"
  is "$(asked | cut -d ' ' -f 2,3)" "http://files.invalid/file.txt 200"
  HTTP_PROXY=$WEB build --no-cache
  is "$(asked | cut -d ' ' -f 2,3)" "http://files.invalid/file.txt 304"
  printf 'FROM scratch\nADD %s/file.txt /\n' "$WEB" | dockerfile
  build --build-arg HTTP_PROXY=http://127.0.0.1:1
}

@test "nobody answers, no such file, no such host: the URL and the line" {
  hello
  printf 'FROM scratch\nADD %s/nothing /\n' "$WEB" | dockerfile
  refused 1 "Dockerfile:2: can't download $WEB/nothing: the server answered 404 Not Found"
  printf 'FROM scratch\n\nADD http://127.0.0.1:1/x /\n' | dockerfile
  refused 1 $'Dockerfile:3: can\'t reach http://127.0.0.1:1/x\nhint: check the address and the network'
  printf 'FROM scratch\nADD http://user:hidden@nowhere.invalid/x /\n' | dockerfile
  refused 1 "can't reach http://user:xxxxx@nowhere.invalid/x"
  lacks "$output" hidden@
  printf 'FROM scratch\nCOPY %s/file.txt /\n' "$WEB" | dockerfile
  refused 2 $'Dockerfile:2\nsource can\'t be a URL for COPY'
}

@test "a stored file that was damaged is fetched again" {
  hello
  printf 'FROM scratch\nADD %s/file.txt /\n' "$WEB" | dockerfile
  build
  local stored
  stored=$(find "$T/store/remote/http" -type f -size 6c)
  printf 'jello\n' >"$stored"
  root_tar --no-cache
  is "$(content file.txt)" hello
}

@test "what a build fetched for itself is gone after it, and what a killed one left with the next" {
  hello
  printf 'FROM scratch\nADD %s/file.txt /\n' "$WEB" | dockerfile
  build
  mkdir "$T/store/remote/work.killed"
  build
  is "$(find "$T/store/remote" -name 'work.*')" ""
}
