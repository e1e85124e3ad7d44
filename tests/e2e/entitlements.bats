#!/usr/bin/env bats
# What a step gets only if --allow says so: --security=insecure and the machine's devices.
load helper

@test "--security=insecure has to be allowed; then all capabilities, /proc whole; the next step has neither" {
  dockerfile <<'D'
FROM bb
RUN --security=insecure grep CapEff /proc/self/status >/all; mount | grep -c " on /proc/" >/masks; sysctl -n kernel.hostname >/name
RUN grep CapEff /proc/self/status >/few; mount | grep -c " on /proc/" >>/masks
D
  refused 2 $'Dockerfile:2\n--security=insecure is not allowed\n--allow security.insecure'
  root_tar --allow security.insecure
  if [ "$(id -u)" -eq 0 ]; then
    is "$(content all)" "$(grep CapEff /proc/self/status)"
  else
    is "$(content all)" "$(unshare --user --map-root-user grep CapEff /proc/self/status)"
  fi
  is "$(content few)" $'CapEff:\t00000000a80425fb'
  is "$(content masks | head -n 1)" 0
  [ "$(content masks | tail -n 1)" -gt 3 ]
  build --allow security.insecure
  is "$(steps | grep -v hit)" ""
  sed -i 's/--security=insecure//' Dockerfile
  build
  is "$(steps | head -n 2)" $'1 hit\n2 ran'
}

# The specifications of these tests' machine: v.com/c=one is /dev/null under another name, =two allows itself.
devices() {
  export PGSTRATA_CDI_DIRS="$T/cdi"
  mkdir "$T/cdi"
  echo mounted >"$T/cdi/data"
  cat >"$T/cdi/c.json" <<D
{"cdiVersion": "0.6.0", "kind": "v.com/c", "containerEdits": {"env": ["OF_ALL=1"]}, "devices": [
  {"name": "one", "containerEdits": {"env": ["ONE=1"], "deviceNodes": [{"path": "/dev/of/one", "hostPath": "/dev/null"}],
    "mounts": [{"hostPath": "$T/cdi/data", "containerPath": "/data", "options": ["ro", "bind"]}]}},
  {"name": "two", "annotations": {"org.mobyproject.buildkit.device.autoallow": "true"}, "containerEdits": {"env": ["TWO=1"]}},
  {"name": "hooked", "containerEdits": {"hooks": [{"hookName": "createContainer", "path": "/bin/true"}]}}]}
D
}

@test "--device: node, mount and variables of its CDI specification, and nothing of it in the layer" {
  devices
  dockerfile <<'D'
FROM bb
RUN --device=v.com/c=one,required echo x >/dev/of/one && echo "$OF_ALL $ONE" >/seen && cat /data >>/seen && stat -c %t:%T /dev/of/one >>/seen
RUN --device=v.com/c=two echo "$OF_ALL $ONE $TWO" >/two
RUN --device=v.com/c=none echo "without $OF_ALL" >/none
D
  root_tar --allow device=v.com/c=one
  is "$(content seen)" $'1 1\nmounted\n1:3'
  is "$(content two)" "1  1"
  is "$(content none)" "without "
  lacks "$(names)" data
  lacks "$(names)" dev/of
  build --allow device
  is "$(steps | grep -v hit)" ""
}

@test "--device: refused where it isn't allowed, isn't there, or wants what can't be done" {
  devices
  printf 'FROM bb\nRUN true\nRUN --device=v.com/c=one true\n' | dockerfile
  refused 2 $'Dockerfile:3:14\n"v.com/c=one", which isn\'t allowed\n--allow device=v.com/c=one'
  refused 2 "isn't allowed" --allow device=v.com/c=two
  lacks "$output" "RUN true"
  refused 2 "only an alias can follow" --allow device=v.com/c=one,as=gpu
  printf 'FROM bb\nRUN --device=v.com/c=none,required true\n' | dockerfile
  refused 2 $'Dockerfile:2:14\nrequires the device "v.com/c=none"' --allow device
  printf 'FROM bb\nRUN --device=v.com/c=hooked true\n' | dockerfile
  refused 3 $'hooks, which pgstrata doesn\'t support' --allow device
}
