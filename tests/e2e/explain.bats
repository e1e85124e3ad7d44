#!/usr/bin/env bats
# `pgstrata explain` tells what became of each step of a build, and why.
load helper

explain() { "$PGSTRATA" explain "$@"; }
# LINE STATUS of each step, by explain's own JSON.
explained() { explain --format json "$@" | jq -r '.steps[] | "\(.line) \(.status)"'; }

valid() { # FILE
  /usr/bin/python3 - "$BATS_TEST_DIRNAME/../../docs/contracts/explain.schema.json" "$1" <<'END'
import json, sys
from jsonschema import Draft7Validator
schema, document = (json.load(open(name)) for name in sys.argv[1:])
Draft7Validator.check_schema(schema)
errors = list(Draft7Validator(schema).iter_errors(document))
for error in errors:
    print("/".join(map(str, error.path)) + ": " + error.message, file=sys.stderr)
sys.exit(bool(errors))
END
}

# Two stages; a RUN that reads one file of the context, one that reads what that made, and one that reads nothing of it.
context() {
  mkdir -p scripts
  printf '#!/bin/sh\necho configured >/etc.conf\n' >scripts/setup.sh
  chmod +x scripts/setup.sh
  echo 1 | tee scripts/other mounted >/dev/null
  dockerfile <<'D'
FROM bb AS first
COPY scripts /opt/scripts
RUN /opt/scripts/setup.sh
RUN cat /etc.conf >/seen; test ! -e /missing
FROM bb
COPY --from=first /seen /seen
RUN --mount=type=bind,target=/m cat /m/mounted >/got
CMD ["sh"]
D
}

@test "ran, hit, rebased and cut-off, each with its reason, what falsified it, and the steps it was kept in spite of" {
  context
  build
  is "$(explained)" $'1 hit\n2 ran\n3 ran\n4 ran\n6 ran\n7 ran\n8 config'
  build
  is "$(explained)" $'1 hit\n2 hit\n3 hit\n4 hit\n6 hit\n7 hit\n8 config'
  echo '# a comment' >>scripts/setup.sh
  build
  is "$(explained)" $'1 hit\n2 ran\n3 cut-off\n4 rebased\n6 hit\n7 rebased\n8 config'
  local shown
  shown=$(explain)
  has "$shown" "scripts/setup.sh changed"
  has "$shown" "/opt/scripts/setup.sh, which it read, changed"
  has "$shown" "content of /opt/scripts/setup.sh:"
  [[ $shown =~ was\ a\ file\ of\ 37\ bytes.*is\ \ a\ file\ of\ 49\ bytes ]]
  has "$shown" "nothing that it asked for changed, though line 2 made other files"
  has "$shown" "2 reused, 2 reused on other layers, 1 ran, 1 ran without a change"
  is "$(explain --format json | jq -c '[.steps[] | select(.critical) | .line]')" '[2,3]'
}

@test "a RUN that asked the network is named, above all where Docker would have run it again" {
  [ -e /etc/resolv.conf ] || skip "this machine has no resolver to ask"
  echo 1 >unread
  dockerfile <<'D'
FROM bb
COPY unread /unread
RUN --network=none nslookup nobody.invalid || echo nobody >/answer
RUN echo 2 >/quiet
D
  build
  echo 2 >unread
  build
  is "$(explained)" $'1 hit\n2 ran\n3 rebased\n4 rebased'
  is "$(explain --format json | jq -c '[.steps[] | select(.looked_up_names) | .line]')" '[3]'
  is "$(explain | grep -c 'though line 2 made other files; what it got from the network is as old as its run')" 1
  has "$(explain 3)" "  network     it looked up names"
  explain --format json >"$T/json" && valid "$T/json"
}

@test "a step in detail: by line, number, and stage; what it read of context, steps, base and mounts" {
  context
  build
  local shown
  shown=$(explain 3)
  has "$shown" "step #3, line 3, stage first"
  has "$shown" "of the context by COPY scripts /opt/scripts (line 2): 1 read"
  has "$shown" "/opt/scripts/setup.sh  ("
  lacks "$shown" /opt/scripts/other
  has "$shown" "of FROM bb AS first (line 1):"
  has "$shown" "1 file"
  is "$(explain '#3')" "$shown"
  is "$(explain first:3)" "$shown"
  shown=$(explain --reads 4)
  [[ $shown =~ of\ RUN\ /opt/scripts/setup.sh\ \(line\ 3\):\ [0-9]+\ read ]]
  [[ $shown =~ absence\ \([0-9]+\)[^\(]*$'\n'\ \ \ \ /missing$'\n' ]]
  [[ $(explain 7) =~ of\ the\ mount\ /m:\ [0-9]+\ read.*/m/mounted ]]
  run -2 explain 99
  has "$output" "no step of the build is called"
}

@test "of a listing that is another one the name is told that came, or went, or is of another type" {
  mkdir d
  touch d/stays
  printf 'FROM bb\nCOPY d /d\nRUN ls /d >/list\n' | dockerfile
  build
  touch d/new
  build
  explain >out
  grep -q '/d, which it listed, is now with new: a file of 0 bytes' out
  explain 3 >out
  grep -A 2 'listing of /d' out | grep -q 'was without new$'
  rm d/new
  sed -i '3s,.*,RUN ls /d >/other,' Dockerfile
  build
  rm d/stays
  mkdir d/stays
  build
  explain >out
  grep -q '/d, which it listed, is now with stays: a directory, mode 755' out
}

@test "a failed build is recorded, with the step that failed and those that were not reached" {
  context
  sed -i 's,^RUN cat.*,RUN echo going; exit 3,' Dockerfile
  run ! build
  is "$(explained)" $'1 hit\n2 ran\n3 ran\n4 failed\n6 not-reached\n7 not-reached\n8 config'
  has "$(explain)" "failed after"
  has "$(explain 4)" "exit code 3"
  explain --format json >failed.json
  valid failed.json
}

@test "json is what the schema says, and the page has every step" {
  context
  build
  touch $'scripts/<b>&"\n\xff'
  sed -i 's,^CMD.*,CMD ["<script>"\, "\&amp;"],' Dockerfile
  build
  explain --format json >all
  explain --format json --reads 3 >three
  valid all
  valid three
  is "$(jq '.steps | length' three)" 1
  jq '.steps[0].status = "danced"' all >bad
  run ! valid bad
  explain --format html -o page
  /usr/bin/python3 - page all <<'END'
import html.parser, json, sys
page, document = open(sys.argv[1], encoding="utf-8").read(), json.load(open(sys.argv[2]))
class Page(html.parser.HTMLParser):
    void = {"meta"}
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.words = [], set(), []
    def handle_starttag(self, tag, attributes):
        self.ids.update(value for name, value in attributes if name == "id")
        assert not any(name in ("src", "srcset") for name, _ in attributes), attributes
        if tag not in self.void: self.open.append(tag)
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())
    def handle_data(self, data): self.words.append(data)
parsed = Page()
parsed.feed(page)
parsed.close()
assert not parsed.open, parsed.open
shown = "".join(parsed.words)
for step in document["steps"]:
    assert f"step-{step['step']}" in parsed.ids, step
    assert step["instruction"] in shown, step
    assert "\n" in step["reason"] or step["reason"] in shown, step
END
}

@test "builds are listed, and found by the beginning of their ID and by their context" {
  context
  build
  echo : >>scripts/setup.sh
  build
  mkdir "$T/other"
  echo 'FROM bb' >"$T/other/Dockerfile"
  "$PGSTRATA" build -q "$T/other" >/dev/null
  is "$(explain --builds --format json | jq -r '.[].context')" "$T/other"$'\n'"$T/context"$'\n'"$T/context"$'\n'"$E2E/busybox"
  is "$(explain --builds --context . | wc -l)" 3
  is "$(explained --context .)" "$(explained --build "$(explain --builds --format json | jq -r '.[1].id[:6]')")"
  is "$(explained)" '1 hit'
  # IDs are random: a digit that none of them begins with.
  run -1 explain --build "$(comm -13 <(explain --builds --format json | jq -r '.[].id[:1]' | sort -u) <(printf '%s\n' {0..9} {a..f}) | head -n 1)"
  run -1 explain --context /nowhere
  has "$output" "no build is recorded of the context /nowhere"
  echo '{"version": 99}' >"$(printf '%s\n' "$PGSTRATA_ROOT"/builds/* | tail -1)"
  run -1 explain
  has "$output" "has version 99, and this pgstrata reads version 1"
  is "$(explain --builds 2>/dev/null | wc -l)" 4 # a heading, and all but the damaged one
}

@test "without a recording the reason is told" {
  context
  build --read-set=off
  has "$(explain)" "--read-set=off"
  has "$(explain 3)" "not known: --read-set=off"
  build
  is "$(explained)" $'1 hit\n2 hit\n3 hit\n4 hit\n6 hit\n7 hit\n8 config'
  has "$(explain 3)" "not known: it wasn't recorded when it ran"
}
